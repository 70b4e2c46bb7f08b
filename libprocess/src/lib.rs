//! libprocess: processes with mailboxes, links and timers, on one machine or many.

mod ask;
mod compat;
mod context;
mod doors;
mod edge;
pub mod environment;
mod hosted;
pub mod http;
mod link;
mod mailbox;
pub mod metrics;
mod pid;
mod process;
mod real;
mod runtime;
mod shard;
pub mod sim;
mod spawn;
mod timers;
mod transport;
mod upid;

pub use actix;
pub use actix::{Actor, Handler, Message};
pub use ask::{Answer, Ask, AskError, Reply, SendError};
pub use context::Context;
pub use doors::{Asked, Doors, Received};
pub use edge::Edge;
pub use link::{Exit, Reason};
pub use mailbox::{Bound, Lane, Overflow};
pub use pid::Pid;
pub use process::Process;
pub use runtime::{Config, Runtime, StartError};
pub use spawn::{Shard, Spawn, SpawnError};
pub use timers::Timer;
pub use upid::{Epoch, Upid, UpidError};
