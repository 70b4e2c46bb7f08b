//! Processes of the operating system that tasks and checks are.
//!
//! 1. [`Command`], [`spawn`]: how one starts, in a session of its own;
//! 2. [`Ended`], [`Reaper`]: how it ended, and who notices;
//! 3. [`signal_tree`]: how all of it is ended, with what it has started.

mod command;
mod reaper;
mod spawn;
mod status;
mod tree;

pub(crate) use command::Command;
pub(crate) use reaper::Reaper;
pub(crate) use spawn::{Child, spawn};
pub(crate) use status::Ended;
pub(crate) use tree::{kill_remains, signal_tree};
