//! A log that several nodes keep together, and the question of who leads them.
//!
//! Read in this order:
//! 1. [`Machine`], [`Position`], [`Epoch`]: what a log carries, and places in it;
//! 2. `command`, `state`: what an entry may say, and what a replica knows once it is applied;
//! 3. [`LeaderState`], [`Lease`]: who leads, and until when;
//! 4. `messages`: what replicas ask each other;
//! 5. `raft`: consensus, behind types of ours.
#![expect(dead_code, reason = "the replica that runs on these parts is still to come")]

mod applied;
mod command;
mod config;
mod error;
mod identity;
mod leader;
mod machine;
mod member;
mod messages;
mod position;
mod raft;
mod snapshot;
mod state;
mod watch;

pub use config::{Bounds, Config, Keep, Timing};
pub use error::LogError;
pub use leader::{LeaderState, Lease};
pub use machine::{Machine, View};
pub use member::{ClusterId, Member, Members, NodeId};
pub use position::{Epoch, Position};
pub use state::Leader;
pub use watch::{Unwatched, Watch};
