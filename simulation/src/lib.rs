//! The cluster in one thread: weeks in minutes, faults at will, and the same seed gives the same trace.
//!
//! Read in this order:
//! 1. [`Cluster`]: masters, agents and frameworks on the simulated environment; what a test of a scheduler needs;
//! 2. `machine`: what agents speak for when there is no kernel; [`Behaviour`]: what commands do there;
//! 3. `workload`: [`Job`]s, drawn by a [`Mix`] or read from a [`trace`], and the framework that runs them;
//! 4. `oracle`: what must be true, whatever goes wrong;
//! 5. [`scenario`]: a plan as a text;
//! 6. [`Plan`], [`run()`], [`Outcome`], [`shrink()`]: a whole experiment; `report`: what came of it,
//!    as JSON and as a page.
//!
//! Everything but sockets, kernels and disks is the code that ships.

mod cluster;
mod experiment;
mod machine;
mod oracle;
pub mod report;
pub mod scenario;
mod workload;

pub use cluster::{Cluster, Part, Setup, SetupError, Trouble, What};
pub use experiment::{
    Expectation, Framework, Order, Outcome, Plan, Progress, Relation, Sample, Tally, run, shrink,
};
pub use machine::{Behaviour, Ending};
pub use workload::{Counts, Distribution, DistributionError, Job, Kind, Mix, Style, TaskFaults, trace};
