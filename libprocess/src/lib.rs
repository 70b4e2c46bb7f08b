//! libprocess: processes with mailboxes, links and timers, on one machine or many.
//!
//! A process is an actor that owns its state, takes one message at a time, and is reached by an
//! address that works from anywhere. What it does not own it asks for; what takes time comes back
//! as a message; what it depends on it links, and hears of its end.
//!
//! Two processes on two machines:
//!
//! ```
//! use libprocess::*;
//! use libprocess_wire as wire;
//! use std::time::Duration;
//!
//! #[wire::question(name = "field.sow", version = 1, reply = u64)]   // what travels: a name and a version
//! struct Sow { hectares: u64 }
//!
//! struct Field { sown: u64 }                                        // its state: nobody else touches it
//! struct Input(Asked<Sow>);                                         // all that can arrive
//! impl From<Asked<Sow>> for Input { fn from(asked: Asked<Sow>) -> Input { Input(asked) } }
//! impl Message for Input { type Result = (); }
//! impl Actor for Field { type Context = Context<Self>; }
//! impl Process for Field {
//!     const KIND: &'static str = "field";
//!     type Input = Input;
//!     fn doors(&self, doors: &mut Doors<Self>) { doors.question::<Sow>(); }
//! }
//! impl Handler<Input> for Field {
//!     type Result = ();
//!     fn handle(&mut self, Input(asked): Input, _: &mut Context<Self>) {
//!         self.sown += asked.body.hectares;
//!         asked.reply.send(self.sown);
//!     }
//! }
//!
//! let there = Runtime::start(Config::default())?;                   // one machine
//! there.spawn(Spawn::named("north"), || Field { sown: 1 })?;
//!
//! let here = Runtime::start(Config::default())?;                    // another
//! let north: Upid = format!("north@{}", there.address()).parse()?;
//! let sown = here.block_on(here.ask(&north, Sow { hectares: 2 }, Duration::from_secs(15)))?;
//! assert_eq!(sown, 3);
//! # here.shutdown();
//! # there.shutdown();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! On one machine, in one program, an address is typed, and what is sent is moved: see [`Pid`].
//!
//! Read in this order:
//! 1. [`Process`], [`Context`]: what a process is, and all it may do;
//! 2. [`Pid`], [`Upid`], [`Doors`]: addresses, and what is heard from outside: messages by name,
//!    questions, HTTP [routes](http::Route);
//! 3. [`Exit`]: how one learns that another is gone; [`OnPanic`], [`Group`]: what then;
//! 4. [`Runtime`], [`Spawn`]: a node as a value; several live in one OS process;
//! 5. `mailbox`, `shard`, `hosted`: two lanes, one run queue a thread, one turn;
//! 6. `transport`: links between nodes, one connection each way; [`Security`]: who they prove to be; [`legacy`]: the wire of
//!    old drivers;
//! 7. [`environment`]: clock, chance, work, network and disk as five values, and their two drivers,
//!    `real` and [`sim`];
//! 8. [`http`], [`metrics`]: the edge;
//! 9. [`toolbox`], [`plugin`]: small things most processes need; parts that others bring;
//! 10. `testing`, behind the feature of that name: filters, mocks and a clock that stands still.
//!
//! What is promised:
//!
//! | matter | promise |
//! |---|---|
//! | delivery | at most once; in order for each pair of processes while one link lives; never silently again: [`delivery`] |
//! | ends | a link tells, exactly once: ended and why, link broken, or no such process |
//! | lives | an address with an epoch reaches that one life of a process, or nobody |
//! | bounds | mailboxes, links, frames and decoding have limits; sending never waits |
//! | fairness | timers and exits pass a flood; no process keeps its shard for long |
//! | panics | end one process, with a reason, and what its spawn says: the node too, or a new life of it |
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

pub mod delivery;

mod outside;
mod panics;
mod runtime;
mod spawn;

mod supervision;
mod supervisor;

mod at_work;
mod bells;
mod compat;
mod force_wire;
mod hosted;
mod inbox;
mod lane;
mod mailbox;
mod names;
mod shard;
mod span;
mod sync;
mod timers;

mod identity;
mod tls;
mod transport;
mod variables;
mod voice;

pub mod environment;
mod real;
pub mod sim;

pub mod http;
mod inspect;
pub mod metrics;
pub mod plugin;
pub mod toolbox;

#[cfg(feature = "testing")]
pub mod testing;
#[cfg(not(feature = "testing"))]
#[path = "testing/off.rs"]
mod testing;

pub use actix;
pub use actix::{Actor, Handler, Message};
pub use ask::{Answer, Ask, AskError, Reply, SendError};
pub use context::Context;
pub use doors::{Asked, Doors, Received};
pub use edge::Edge;
pub use identity::{Acl, Credential, Principal, Secret, Security};
pub use inspect::{Logging, NotInstalled, Rate, Verbosity};
pub use lane::{Bound, Overflow};
pub use link::{Exit, Reason};
pub use mailbox::Lane;
pub use pid::{Pid, WhenRoom};
pub use process::Process;
pub use runtime::{Config, Runtime, StartError};
pub use spawn::{Shard, Spawn, SpawnError};
pub use supervision::{Failure, Group, OnPanic, Restart, Strategy};
pub use supervisor::Supervisor;
pub use timers::Timer;
pub use tls::{Authorities, Tls, TlsError};
pub use transport::{Limits, legacy};
pub use upid::{Epoch, Upid, UpidError};
pub use variables::{Variable, VariableError, Variables, trust};
