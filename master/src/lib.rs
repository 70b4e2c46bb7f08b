//! The master: takes resources in from agents, offers them to frameworks, and carries tasks from those who want them
//! run to those who run them.
//!
//! Read in this order:
//! 1. [`state`]: what a master knows, and what is always true of it;
//! 2. [`messages`]: all that can happen to it;
//! 3. [`decide`]: the table that says which rule answers; the rules are in [`calls`] (what schedulers ask),
//!    [`operator`] (what operators ask), [`agents`], [`tasks`], [`operations`], [`offers`], [`frameworks`],
//!    [`preemption`] (what happens by itself) and [`alarms`] (timers);
//! 4. [`effects`]: everything it may ask of the world;
//! 5. [`actor`]: the shell that receives the one and performs the other;
//! 6. [`http`]: the edge, where calls become inputs and events become streams; [`legacy`]: the same for old drivers;
//!    [`authorization`] has what calls need and
//!    what views leave out.
//!
//! Beside it, each a process of its own: [`allocator`], which decides whose turn it is; [`registrar`], which keeps what
//! must outlive a master; and [`election`], which tells it whether it leads ([`reign`] has the rules).
//!
//! Left out on purpose: rules do no I/O, read no clock and roll no dice. Nothing here knows an agent's code; the two
//! meet in `model::messages`.

mod actor;
mod agents;
mod alarms;
pub mod allocator;
mod authorization;
mod calls;
mod config;
mod decide;
mod effects;
mod election;
pub mod flags;
mod frameworks;
#[cfg(test)]
mod history;
mod http;
mod legacy;
mod messages;
mod metrics;
mod offers;
mod operations;
mod operator;
mod preemption;
pub mod registrar;
mod reign;
mod start;
mod state;
mod tasks;
#[cfg(test)]
mod testing;
mod views;

pub use actor::Master;
pub use config::{API_VERSION, Config, Drivers, Identity, Settings, ZooKeeper};
pub use election::{Candidate, Election};
pub use http::{Rejected, Session, SessionInput, Watcher, WatcherInput, realms};
pub use legacy::Driver;
pub use messages::{Asker, Caller, Input, Outlet, Watching, Woken};
pub use operator::Ask;
pub use preemption::Preemption;
pub use reign::Leader;
pub use start::{Standing, StartError, ready, spawn, stand};
pub use state::{
    Agent, Answered, Connection, Counts, Framework, Happening, Link, Published, Snapshot, Tally, Used,
};
