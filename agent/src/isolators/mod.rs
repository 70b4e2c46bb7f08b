//! Isolators: each sets containers apart in one respect, and is chosen by its name in `--isolation`.
//!
//! ```text
//! prepare ─► (supervisor, task at its gate) ─► update … usage … limitation ─► cleanup
//!    └── what to write, mount, bound: a launch description; a container that cannot be had is refused here
//! recover: after a restart, whatever lies around that belongs to nobody is cleaned up
//! ```
//!
//! Read in this order:
//! 1. [`isolator`]: what one is asked;
//! 2. [`names`]: which ones a line of names means;
//! 3. [`chain`]: all of them, in order, and how they are made;
//! 4. [`cgroups`]: processors, memory, processes, devices: a file each, what to write apart from the writing; [`gpus`]: which
//!    graphics processors ([`nvidia`]) are whose;
//! 5. [`namespaces`], [`volumes`], [`devices`], [`secrets`]: what a container sees; [`docker`]: what its image says is run;
//! 6. [`capabilities`], [`rlimits`], [`seccomp`]: what it may do;
//! 7. [`disk`], [`projects`], [`ports`]: what is looked after while it runs.
//!
//! All of it blocks and runs on the pool. Left out on purpose: isolators know no task, no executor and no master.

mod capabilities;
mod cgroups;
mod chain;
mod config;
mod devices;
mod disk;
mod docker;
mod gpus;
mod isolator;
mod names;
mod namespaces;
mod nvidia;
mod ports;
mod projects;
mod rlimits;
mod seccomp;
mod secrets;
#[cfg(test)]
mod testing;
mod volumes;

pub use chain::IsolationError;
pub(crate) use chain::Isolators;
pub(crate) use config::tag;
pub use config::{CapabilitySet, IsolationConfig};
pub(crate) use isolator::{Alarm, Plan, Subject};
pub use isolator::{Limitation, LimitationKind};
pub use nvidia::NvidiaPlaces;

/// How many graphics processors may be offered, if they are looked after.
pub(crate) fn gpus(config: &IsolationConfig) -> Option<usize> {
    let wanted = config.isolation.split(',').any(|name| name.trim() == "gpu/nvidia");
    let all = || nvidia::count(&config.nvidia);
    wanted.then(|| config.nvidia_gpu_devices.as_ref().map_or_else(all, std::collections::BTreeSet::len))
}
