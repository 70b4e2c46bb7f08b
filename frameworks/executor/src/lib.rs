//! The executor SDK, and the two executors of ours.
//!
//! Read in this order:
//! 1. [`Executor`], [`Driver`]: what an executor is, and all it may do;
//! 2. [`Environment`]: what its agent told it at birth;
//! 3. `session`: what it and its agent owe each other, as a plain function;
//! 4. `actor`, `wire`, `start`: the process around it, the spelling, the way in;
//! 5. `run`, `checks`: one task that is a process, and the questions asked of it, as plain functions;
//! 6. `child`, `nested`, `question`: processes of the operating system, containers of the agent, the network; `hosted`,
//!    `host`: a task, and the shell that keeps them;
//! 7. [`command`], [`group`]: the executor of one command, and the one of task groups.
//!
//! Left out on purpose: isolation. An executor runs where its agent has put it.

mod actor;
mod checks;
mod child;
pub mod command;
mod dialogue;
mod driver;
mod environment;
mod executor;
pub mod group;
mod host;
mod hosted;
mod nested;
mod question;
mod run;
mod session;
mod start;
mod wire;

pub use actor::Running;
pub use driver::Driver;
pub use environment::{Environment, EnvironmentError, Recovery};
pub use executor::{Executor, Subscribed};
pub use start::{StartError, run, spawn_in};
