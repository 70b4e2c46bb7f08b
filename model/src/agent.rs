//! Agents: machines, and what they say of themselves.

use std::{collections::BTreeSet, fmt};

use libprocess_wire as wire;

use crate::{AgentId, Attributes, FaultDomain, Resources};

/// What an agent says of its machine.
#[wire::part]
#[derive(Clone, Debug, PartialEq)]
pub struct AgentInfo {
    /// Absent until the master gave one.
    pub id: Option<AgentId>,
    pub hostname: String,
    pub port: u16,
    /// All it has, allocated to nobody.
    pub resources: Resources,
    pub attributes: Attributes,
    pub domain: Option<FaultDomain>,
}

impl Eq for AgentInfo {}

/// Something an agent knows how to do.
#[wire::part]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AgentCapability {
    MultiRole,
    HierarchicalRole,
    ReservationRefinement,
    ResourceProvider,
    ResizeVolume,
    AgentOperationFeedback,
    AgentDraining,
    TaskResourceLimits,
}

impl AgentCapability {
    pub const ALL: [AgentCapability; 8] = [
        AgentCapability::MultiRole,
        AgentCapability::HierarchicalRole,
        AgentCapability::ReservationRefinement,
        AgentCapability::ResourceProvider,
        AgentCapability::ResizeVolume,
        AgentCapability::AgentOperationFeedback,
        AgentCapability::AgentDraining,
        AgentCapability::TaskResourceLimits,
    ];

    /// The public name.
    pub const fn name(self) -> &'static str {
        match self {
            AgentCapability::MultiRole => "MULTI_ROLE",
            AgentCapability::HierarchicalRole => "HIERARCHICAL_ROLE",
            AgentCapability::ReservationRefinement => "RESERVATION_REFINEMENT",
            AgentCapability::ResourceProvider => "RESOURCE_PROVIDER",
            AgentCapability::ResizeVolume => "RESIZE_VOLUME",
            AgentCapability::AgentOperationFeedback => "AGENT_OPERATION_FEEDBACK",
            AgentCapability::AgentDraining => "AGENT_DRAINING",
            AgentCapability::TaskResourceLimits => "TASK_RESOURCE_LIMITS",
        }
    }
}

impl fmt::Display for AgentCapability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The capabilities of one agent.
#[wire::part]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentCapabilities(pub BTreeSet<AgentCapability>);

impl AgentCapabilities {
    pub fn has(&self, capability: AgentCapability) -> bool {
        self.0.contains(&capability)
    }

    pub fn iter(&self) -> impl Iterator<Item = AgentCapability> + '_ {
        self.0.iter().copied()
    }
}

impl FromIterator<AgentCapability> for AgentCapabilities {
    fn from_iter<I: IntoIterator<Item = AgentCapability>>(capabilities: I) -> Self {
        Self(capabilities.into_iter().collect())
    }
}
