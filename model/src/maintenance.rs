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

/// Machines that are away at the same time.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    pub machines: Vec<MachineId>,
    pub unavailability: Unavailability,
}

impl MachineId {
    /// Whether a machine with this name, in whatever case, and this address is meant.
    pub fn is(&self, hostname: &str, ip: &str) -> bool {
        self.hostname.as_ref().is_none_or(|name| name.eq_ignore_ascii_case(hostname))
            && self.ip.as_ref().is_none_or(|known| known == ip)
    }
}

/// Where a machine is between up and down.
#[wire::part]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MachineMode {
    Up,
    Draining,
    Down,
}
