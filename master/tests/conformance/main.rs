//! Replays requests that a running Mesos was asked, and compares what it answered with what we answer: status, headers that matter,
//! keys, types, values and texts; and what its streams told with what ours tell. What deviates on purpose stands in one list,
//! `deviations.rs`, with its reason.
//!
//! The stories are those the captures were made in, each with a master and an agent of its own:
//! 1. [`session`]: a framework that runs all kinds of tasks and makes mistakes, the same framework while it is away, its end;
//! 2. [`operations`]: reservations and volumes, an agent that is drained and then gone;
//! 3. [`executor`]: an executor of the framework's own; then all that operators asked for.

mod agent;
mod chapters;
mod deviations;
mod golden;
mod script;
mod story;
mod streams;

use chapters::{executor, operations, session};
use story::{judge, tell};

#[test]
fn what_mesos_answered_is_answered() {
    judge([tell(session::tell), tell(operations::tell), tell(executor::tell)]);
}
