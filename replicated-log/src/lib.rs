//! A log that several nodes keep together, and the question of who leads them.
//!
//! Read in this order:
//! 1. [`Machine`], [`Position`], [`Epoch`]: what a log carries, and places in it;
//! 2. `command`, `state`: what an entry may say, and what a replica knows once it is applied;
//! 3. [`LeaderState`], [`Lease`]: who leads, and until when;
//! 4. `messages`: what replicas ask each other;
//! 5. `raft`: consensus, behind types of ours.

mod machine;
mod member;
mod position;

mod command;
mod state;

mod applied;
mod leader;
mod status;
mod watch;

mod config;
mod error;
mod metrics;

mod messages;
mod raft;

mod actor;
mod arrival;
mod bootstrap;
mod election;
mod host;
mod membership;
mod replica;
mod retention;
mod serve;
mod shared;

mod identity;
mod snapshot;
mod who;

pub use config::{Bounds, Config, Keep, Timing};
pub use error::LogError;
pub use leader::{LeaderState, Lease};
pub use machine::{Machine, View};
pub use member::{ClusterId, Member, Members, NodeId};
pub use position::{Epoch, Position};
pub use replica::{Proposed, Replica};
pub use state::Leader;
pub use status::{Phase, Status};
pub use watch::{Unwatched, Watch};
