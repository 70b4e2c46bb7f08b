//! The realms of the master's routes, named as those who write credentials know them.
//!
//! A realm takes everybody until it has an authenticator: `runtime.router().authenticate(realm, …)`.
//! Source: Mesos authentication, "realms".

/// What only reads.
pub const READ_ONLY: &str = "mesos-master-readonly";

/// What changes something.
pub const READ_WRITE: &str = "mesos-master-readwrite";

/// The scheduler API.
pub const SCHEDULER: &str = "mesos-master-scheduler";
