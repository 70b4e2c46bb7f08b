//! How a container is reached.

use libprocess_wire as wire;

use crate::Labels;

/// A network to join, and on the way back the addresses got there.
#[wire::part]
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NetworkInfo {
    pub ip_addresses: Vec<IpAddress>,
    /// The network's name; the host's network if absent.
    pub name: Option<String>,
    pub groups: Vec<String>,
    pub labels: Labels,
    pub port_mappings: Vec<PortMapping>,
}

/// An address asked for or given.
#[wire::part]
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IpAddress {
    pub protocol: Protocol,
    pub ip_address: Option<String>,
}

/// The version of the internet protocol.
#[wire::part]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    #[default]
    Ipv4,
    Ipv6,
}

/// A port of the host that leads to one of the container.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortMapping {
    pub host_port: u32,
    pub container_port: u32,
    pub protocol: Option<String>,
}
