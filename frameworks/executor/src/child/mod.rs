//! Processes of the operating system that tasks and checks are.
//!
//! 1. [`Command`], [`spawn`]: how one starts, in a session of its own;
//! 2. [`Reaper`]: who notices how it ended;
//! 3. [`signal_tree`]: how all of it is ended, with what it has started.

mod command;
mod reaper;
mod spawn;
mod tree;

pub(crate) use command::Command;
pub(crate) use reaper::Reaper;
pub(crate) use spawn::{Child, spawn};
pub(crate) use tree::{kill_remains, signal_tree};
