//! What is run on a simulated cluster.
//!
//! 1. [`Job`]: so many tasks of one kind, at some time, for one framework;
//! 2. [`Distribution`]: how long they last;
//! 3. [`trace`]: jobs read from a text;
//! 4. [`Mix`]: jobs drawn by chance;
//! 5. [`scheduler`]: the framework that runs them, and [`record`], what becomes of each task.

mod distribution;
mod mix;
pub(crate) mod record;
pub(crate) mod scheduler;
pub mod trace;

use std::time::Duration;

use model::Resources;

pub use distribution::{Distribution, DistributionError};
pub use mix::{Kind, Mix};
pub use record::Counts;
pub(crate) use record::Record;

/// So many tasks of one kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Alike in no two jobs of a framework; its tasks are `<name>.<number>`.
    pub name: String,
    /// Who is to run it.
    pub framework: String,
    /// Since the beginning.
    pub arrives: Duration,
    pub tasks: usize,
    /// Of each task.
    pub resources: Resources,
    /// How long each task runs.
    pub lasts: Distribution,
    /// What becomes of tasks that end.
    pub style: Style,
    /// Only machines with this attribute will do: name and value.
    pub only: Option<(String, String)>,
    pub faults: TaskFaults,
}

/// What becomes of a job's tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// Each is to succeed once.
    #[default]
    Batch,
    /// Whichever ends is begun anew, for ever.
    Service,
    /// As a batch, but all begin at once or none does.
    Gang,
}

/// How often a task does not do what it should. Unit: probabilities between 0 and 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TaskFaults {
    /// It ends with 1.
    pub fails: f64,
    /// It takes its executor along without a word.
    pub crashes: f64,
    /// It never ends, and does not listen when it is asked to.
    pub hangs: f64,
}
