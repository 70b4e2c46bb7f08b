//! Containers: started, watched, ended, and found again after the agent was gone.
//!
//! Read in this order:
//! 1. [`messages`]: what a containerizer may be asked, and what it tells;
//! 2. [`native`]: the one that starts processes itself.
//!
//! A containerizer knows nothing of executors and tasks, and tells what happens to a closure it was given, so it does
//! not know the agent either.

pub(crate) mod launcher;
mod messages;
pub mod native;

pub use messages::{
    BlockIo, Cause, ContainerConfig, ContainerEvent, CpuFigures, Held, Identity, Input, KeptStdio,
    KnownContainer, LaunchFailure, LaunchStep, Limitation, LimitationKind, MemoryFigures, Shown, Termination,
    Usage, Work,
};
pub use native::{Config, Containerizer};
pub(crate) use native::{in_sandbox, outermost, present, runtime_dir};
