//! Masters, and how things are addressed on the network.

use std::{fmt, net::SocketAddr};

use libprocess_wire as wire;

use crate::{FaultDomain, MasterId, Parameter};

/// What a master says of itself.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MasterInfo {
    pub id: MasterId,
    pub address: SocketAddr,
    /// `master@ip:port`.
    pub pid: String,
    pub hostname: String,
    /// The version of the API it serves: three integers.
    pub version: String,
    pub domain: Option<FaultDomain>,
    pub capabilities: Vec<MasterCapability>,
}

/// Something a master knows how to do.
#[wire::part]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MasterCapability {
    AgentUpdate,
    AgentDraining,
    QuotaV2,
}

impl MasterCapability {
    pub const ALL: [MasterCapability; 3] =
        [MasterCapability::AgentUpdate, MasterCapability::AgentDraining, MasterCapability::QuotaV2];

    /// The public name.
    pub const fn name(self) -> &'static str {
        match self {
            MasterCapability::AgentUpdate => "AGENT_UPDATE",
            MasterCapability::AgentDraining => "AGENT_DRAINING",
            MasterCapability::QuotaV2 => "QUOTA_V2",
        }
    }
}

impl fmt::Display for MasterCapability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A host and a port, by name, number or both.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    pub hostname: Option<String>,
    pub ip: Option<String>,
    pub port: u16,
}

/// Where something is served, in parts.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Url {
    pub scheme: String,
    pub address: Address,
    pub path: Option<String>,
    pub query: Vec<Parameter>,
    pub fragment: Option<String>,
}
