//! The driver that asks nobody: a whole cluster in one thread, moved by one seed.
//!
//! ```text
//!             ready: shards, tasks ── one is drawn ──┐
//!  Sim::step ─┤                                      ├──► a process' turn, a poll, a packet, a job
//!             agenda by time  ───── none is ready ──┘         │ traced
//!                 ▲                                            ▼
//!                 └────── sleeps, timers, packets on their way, jobs
//! ```
//!
//! Read in this order:
//! 1. [`Sim`]: what a test does with a cluster: time, nodes, requests, faults;
//! 2. `core`, `agenda`: what happens when, the draw, the trace;
//! 3. `world`: what happens at each event; it stays on its thread;
//! 4. `clock`, `spawner`, `network`, `pipe`, `disk`, `web`: the five values of a node's environment,
//!    and HTTP between nodes;
//! 5. [`here`], [`watch`]: the same for foreign code that cannot be handed a runtime;
//! 6. [`quietly`]: panics that are meant to happen;
//! 7. [`seeds`]: running one test under many seeds, and one seed again.
//!
//! Shards, mailboxes, links, router and frames are the code that runs outside. No thread is started,
//! no wall clock read, nothing is ordered by hash or address: one seed gives one trace.

mod agenda;
mod blocks;
mod clock;
mod content;
mod core;
mod disk;
mod faults;
pub mod here;
mod life;
mod network;
mod pipe;
pub(crate) mod quiet;
mod replay;
mod run;
mod script;
mod spawner;
mod tasks;
mod trace;
pub mod watch;
mod web;
mod world;

pub use disk::Disk;
pub use quiet::{Panicked, quietly};
pub use replay::seeds;
pub use run::Sim;
pub use script::{Fault, Faults, Trouble};
pub(crate) use world::moves_here;
