//! When machines are not to be counted on.

use std::time::Duration;

use libprocess_wire as wire;

use crate::Time;

/// A window in which a machine is away.
#[wire::part]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Unavailability {
    pub start: Time,
    /// `None` for without end.
    pub duration: Option<Duration>,
}

/// A machine by name, address or both; at least one is given.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MachineId {
    pub hostname: Option<String>,
    pub ip: Option<String>,
}

/// Where a machine is between up and down.
#[wire::part]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MachineMode {
    Up,
    Draining,
    Down,
}
