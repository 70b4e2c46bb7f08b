//! The cluster in one thread: weeks in minutes, faults at will, and the same seed gives the same trace.

mod cluster;
mod machine;

pub use cluster::{Cluster, Part, Setup, SetupError};
pub use machine::{Behaviour, Ending};
