//! What lies in a container's runtime directory.
//!
//! ```text
//! <runtime_dir>/containers/<id>/
//!     lock       held by the supervisor for as long as it lives
//!     control    the socket on which a later agent finds it
//!     status     the record of the end, once there is one
//! ```

/// Held by the supervisor.
pub const LOCK: &str = "lock";
/// Where the supervisor listens.
pub const CONTROL: &str = "control";
/// The record of the end.
pub const STATUS: &str = "status";
/// The same before it is whole.
pub const STATUS_NEW: &str = "status.new";
