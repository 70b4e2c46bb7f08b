//! The realms of the agent's routes, named as those who write credentials know them.
//!
//! A realm takes everybody until it has an authenticator: `runtime.router().authenticate(realm, …)`.
//! Source: Mesos authentication, "realms".

/// What only reads.
pub const READ_ONLY: &str = "mesos-agent-readonly";

/// What changes something.
pub const READ_WRITE: &str = "mesos-agent-readwrite";

/// The executor API.
pub const EXECUTOR: &str = "mesos-agent-executor";
