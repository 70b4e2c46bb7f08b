//! Offers: resources of one agent, held for one framework in one role until it answers.

use libprocess_wire as wire;

use crate::{
    AgentId, Attributes, ExecutorId, FaultDomain, FrameworkId, OfferId, Resources, Role, Unavailability, Url,
};

/// What is offered.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    pub id: OfferId,
    pub framework_id: FrameworkId,
    pub agent_id: AgentId,
    pub hostname: String,
    pub url: Option<Url>,
    pub domain: Option<FaultDomain>,
    /// All allocated to `role`.
    pub resources: Resources,
    pub attributes: Attributes,
    /// The framework's executors on that agent.
    pub executor_ids: Vec<ExecutorId>,
    pub unavailability: Option<Unavailability>,
    pub role: Role,
}

/// A request to leave an agent before its maintenance.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InverseOffer {
    pub id: OfferId,
    pub framework_id: FrameworkId,
    pub agent_id: Option<AgentId>,
    pub url: Option<Url>,
    pub unavailability: Unavailability,
    pub resources: Resources,
}
