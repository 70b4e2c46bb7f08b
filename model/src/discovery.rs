//! How others find a task.

use libprocess_wire as wire;

use crate::Labels;

/// What discovery tools are told.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DiscoveryInfo {
    pub visibility: Visibility,
    pub name: Option<String>,
    pub environment: Option<String>,
    pub location: Option<String>,
    pub version: Option<String>,
    pub ports: Vec<Port>,
    pub labels: Labels,
}

/// Who should find it.
#[wire::part]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Visibility {
    Framework,
    Cluster,
    External,
}

/// A named port.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Port {
    pub number: u32,
    pub name: Option<String>,
    pub protocol: Option<String>,
    pub visibility: Option<Visibility>,
    pub labels: Labels,
}
