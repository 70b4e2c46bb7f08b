//! A log that several nodes keep together, and the question of who leads them.
//!
//! Three masters keep their registry by it, and frameworks keep what they must not forget: a [`Log`] that is written by
//! one and read by many, or [`Variables`] that change only if nobody else has changed them. Underneath, one [`Machine`]
//! on every replica is moved by the same entries, and the replica that leads the log leads whatever runs on it.
//!
//! Read in this order:
//! 1. [`Log`], [`Reader`], [`Writer`], [`Variables`]: for those who only want to keep something;
//! 2. [`Machine`], [`Replica`]: for those who take part with a state of their own;
//! 3. [`Position`], [`Epoch`], [`LeaderState`], [`Lease`]: places in a log, who leads, and until when;
//! 4. `command`, `state`: what an entry may say, and what a replica knows once it is applied;
//! 5. `messages`, `actor`, `host`: what replicas ask each other, the door it comes in by, and who answers;
//! 6. `bootstrap`, `membership`, `election`, `retention`, `backup`: how a cluster forms and changes, what leading means,
//!    what stays;
//! 7. `operate`, `inspect`, `offline`: for those who operate it, over HTTP and on a directory nobody uses;
//! 8. `raft`: consensus, behind types of ours.
//!
//! | matter | promise |
//! |---|---|
//! | an answer | what was answered is on a majority of disks, and is read by whoever asks after it |
//! | no answer | [`LogError::Unknown`] alone may have been done; with every other error it was not, nor will be |
//! | leading | at any moment at most one holds a lease; epochs only rise; authority goes before anybody is told |
//! | voting | a disk that was wiped, copied or comes from another cluster does not vote |
//! | bounds | what waits, what is proposed, what is read at once and what arrives have limits; more is refused |
//! | replay | in a simulation, one seed gives one history |
//!
//! Left out on purpose: what entries mean.

mod log;
mod reader;
mod variables;
mod writer;

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

mod access;
mod actor;
mod arrival;
mod backup;
mod bootstrap;
mod election;
mod host;
mod inspect;
mod membership;
mod offline;
mod operate;
mod replica;
mod retention;
mod serve;
mod shared;

mod damage;
mod identity;
mod snapshot;
mod upkeep;
mod who;

pub use backup::{Backup, NoBackup};
pub use config::{Bounds, Config, Keep, Realms, Timing};
pub use error::LogError;
pub use inspect::Described;
pub use leader::{LeaderState, Lease};
pub use log::Log;
pub use machine::{Machine, View};
pub use member::{ClusterId, Member, Members, NodeId};
pub use offline::{About, Directory, begin_anew, initialise, restore};
pub use position::{Epoch, Position};
pub use reader::{Entry, Reader, Tail};
pub use replica::{Proposed, Replica};
pub use state::Leader;
pub use status::{FlushTimes, Phase, Status};
pub use variables::{Variable, Variables};
pub use watch::{Unwatched, Watch};
pub use writer::Writer;
