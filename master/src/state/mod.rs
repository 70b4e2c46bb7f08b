//! What a master knows, and what is always true of it.
//!
//! Read in this order:
//! 1. [`snapshot`]: everything readers may see, in maps whose clones cost a pointer;
//! 2. [`framework`] and [`agent`]: the two halves that every task, executor and offer hangs between;
//! 3. [`books`]: the only places where resources, tasks, executors and offers change hands;
//! 4. [`operations`]: the same for operations, and what they make of resources;
//! 5. [`admission`]: agents that wait for the registrar;
//! 6. [`check`]: what is always true, stated so that tests can ask after every step.

mod admission;
mod agent;
mod books;
#[cfg(test)]
mod check;
mod counts;
mod framework;
mod happened;
mod health;
mod operations;
mod overdue;
mod root;
mod snapshot;
mod tally;

pub(crate) use admission::{Admission, Admissions, Disowned};
pub use agent::{Agent, Link, Used};
pub use counts::Counts;
pub use framework::{Connection, Framework};
pub use happened::Happening;
pub(crate) use health::Health;
pub(crate) use operations::unallocated;
pub(crate) use overdue::Overdue;
pub(crate) use root::State;
pub use snapshot::{Answered, Published, Snapshot};
pub use tally::Tally;
