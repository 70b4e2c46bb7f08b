//! For tests: builders that say only what matters, and strategies for laws.
//!
//! In tests a value that cannot be built is a mistake of the test, so these panic.

mod builders;
mod strategies;

pub use builders::{agent, command_task, executor, framework, offer, resources, secs, status, task};
pub use strategies::{
    Side, bags, durations, quantities, ranges, reservations, resource, roles, scalars, sets,
};
