//! The registrar: keeps the few facts that must outlive a master. Which agents are admitted, which are unreachable or
//! gone and since when, and what operators decreed: weights, quota, schedules, drains.
//!
//! Read in this order:
//! 1. [`delta`]: the changes there are, each a few hundred bytes;
//! 2. [`registry`]: the content, and what each change does to it, without I/O;
//! 3. [`policy`]: the part of it that operators decree, which the master keeps too;
//! 4. [`store`]: where changes become durable, and the store in memory; [`replicated`]: the one on the replicated log;
//! 5. [`sizes`]: how large the content is;
//! 6. [`actor`]: the process. A change is answered only after the store committed it; those that
//!    arrive meanwhile travel together in the next write.

pub mod actor;
pub mod delta;
pub mod policy;
pub mod registry;
pub mod replicated;
mod sizes;
pub mod store;

pub use actor::{Input, Registrar, Report, Settings};
pub use delta::{Delta, Refused};
pub use policy::Policy;
pub use registry::{Registry, RegistryLimits};
pub use replicated::{Batch, Replicated};
pub use store::{Memory, Store, StoreError};
