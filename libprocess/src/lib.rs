//! libprocess: processes with mailboxes, links and timers, on one machine or many.
//!
//! A process is an actor that owns its state, takes one message at a time, and is reached by an
//! address that works from anywhere. What it does not own it asks for; what takes time comes back
//! as a message; what it depends on it links, and hears of its end.
//!
//! ```
//! use libprocess::{Actor, Config, Context, Handler, Message, Process, Reply, Runtime, Spawn};
//! use std::time::Duration;
//!
//! struct Field { hectares: u64 }                       // its state: nobody else touches it
//! enum Input { Sow(u64), Size(Reply<u64>) }            // all that can arrive
//!
//! impl Message for Input { type Result = (); }
//! impl Actor for Field { type Context = Context<Self>; }
//! impl Process for Field { const KIND: &'static str = "field"; type Input = Input; }
//! impl Handler<Input> for Field {
//!     type Result = ();
//!     fn handle(&mut self, input: Input, _: &mut Context<Self>) {
//!         match input {
//!             Input::Sow(more) => self.hectares += more,
//!             Input::Size(reply) => reply.send(self.hectares),
//!         }
//!     }
//! }
//!
//! let node = Runtime::start(Config::default())?;      // threads and a port of its own
//! let field = node.spawn(Spawn::named("north"), || Field { hectares: 1 })?;
//! field.tell(Input::Sow(2))?;
//! let size = node.block_on(field.call(Duration::from_secs(1), Input::Size))?;
//! assert_eq!((size, field.upid().id()), (3, "north"));
//! node.shutdown();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Read in this order:
//! 1. [`Process`], [`Context`]: what a process is, and all it may do;
//! 2. [`Pid`], [`Upid`], [`Doors`]: addresses, and what is heard from outside: messages by name,
//!    questions, HTTP [routes](http::Route);
//! 3. [`Exit`]: how one learns that another is gone;
//! 4. [`Runtime`], [`Spawn`]: a node as a value; several live in one OS process;
//! 5. `mailbox`, `shard`, `hosted`: two lanes, one run queue a thread, one turn;
//! 6. `transport`: links between nodes, one connection each way;
//! 7. [`environment`]: clock, chance, work, network and disk as five values, and their two drivers,
//!    `real` and [`sim`];
//! 8. [`http`], [`metrics`]: the edge.
//!
//! What is promised:
//!
//! | matter | promise |
//! |---|---|
//! | delivery | at most once; in order for each pair of processes while one link lives; never silently again |
//! | ends | a link tells, exactly once: ended and why, link broken, or no such process |
//! | lives | an address with an epoch reaches that one life of a process, or nobody |
//! | bounds | mailboxes, links, frames and decoding have limits; sending never waits |
//! | fairness | timers and exits pass a flood; no process keeps its shard for long |
//! | panics | end one process, with a reason; its linkers hear it |
//! | replay | under [`sim`], one seed gives one trace |
//!
//! Left out on purpose: what messages mean. Nothing here has heard of an offer.

mod context;
mod process;

mod ask;
mod doors;
mod edge;
mod pid;
mod upid;

mod link;

mod panics;
mod runtime;
mod spawn;

mod supervision;
mod supervisor;

mod compat;
mod hosted;
mod mailbox;
mod shard;
mod timers;

mod identity;
mod tls;
mod transport;
mod variables;

pub mod environment;
mod real;
pub mod sim;

pub mod http;
pub mod metrics;
pub mod toolbox;

pub use actix;
pub use actix::{Actor, Handler, Message};
pub use ask::{Answer, Ask, AskError, Reply, SendError};
pub use context::Context;
pub use doors::{Asked, Doors, Received};
pub use edge::Edge;
pub use identity::{Acl, Credential, Principal, Secret, Security};
pub use link::{Exit, Reason};
pub use mailbox::{Bound, Lane, Overflow};
pub use pid::Pid;
pub use process::Process;
pub use runtime::{Config, Runtime, StartError};
pub use spawn::{Shard, Spawn, SpawnError};
pub use supervision::{Failure, Group, OnPanic, Restart, Strategy};
pub use supervisor::Supervisor;
pub use timers::Timer;
pub use tls::{Tls, TlsError};
pub use transport::Limits;
pub use upid::{Epoch, Upid, UpidError};
pub use variables::{Variable, VariableError, Variables};
