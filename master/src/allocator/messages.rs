//! What the allocator can be told, and what it answers.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use libprocess::Reply;
use model::call::ResourceRequest;
use model::{
    AgentCapabilities, AgentId, AgentInfo, FrameworkId, FrameworkInfo, OfferConstraints, Quota, Resources,
    Role, Weight,
};

use super::why::{Question, Why};

/// Resources of one agent for one framework in one role: what the master turns into an offer.
#[derive(Clone, Debug, PartialEq)]
pub struct Allocation {
    /// Who gets the offer.
    pub framework: FrameworkId,
    /// In which of its roles; the resources carry the same.
    pub role: Role,
    /// Where the resources are.
    pub agent: AgentId,
    /// Which life of that agent was allocated; another one than the master knows means the answer crossed its removal.
    pub incarnation: u64,
    /// What is offered. Never empty.
    pub resources: Resources,
}

/// What the allocator needs to know of a framework.
#[derive(Clone, Debug)]
pub struct Framework {
    /// Its id.
    pub id: FrameworkId,
    /// Roles, capabilities and the least it finds worth an offer are read from here.
    pub info: Arc<FrameworkInfo>,
    /// Roles in which it wants no offers at present.
    pub suppressed: BTreeSet<Role>,
    /// Which agents' attributes it can use, already validated; `None` is no constraint.
    pub constraints: Option<Arc<OfferConstraints>>,
}

/// What the allocator needs to know of an agent.
#[derive(Clone, Debug)]
pub struct Agent {
    /// Its id.
    pub id: AgentId,
    /// Counted by the master, each time an agent is added; echoed in [`Allocation`].
    pub incarnation: u64,
    /// Host name, attributes and domain are read from here.
    pub info: Arc<AgentInfo>,
    /// What it knows how to hold: roles, refined reservations.
    pub capabilities: AgentCapabilities,
    /// Everything it has, with reservations and volumes, allocated to nobody.
    pub total: Resources,
}

/// All that can arrive at the allocator's process. Each but the last few is a method of [`Allocator`](super::Allocator).
#[derive(Debug)]
pub enum Input {
    /// A framework subscribed for the first time, or is known from its agents.
    AddFramework { framework: Framework, used: Vec<(AgentId, Resources)>, active: bool },
    /// A framework changed its mind about itself.
    UpdateFramework(Framework),
    /// A framework ended.
    RemoveFramework(FrameworkId),
    /// A framework is connected again.
    ActivateFramework(FrameworkId),
    /// A framework lost its connection.
    DeactivateFramework(FrameworkId),
    /// An agent registered.
    AddAgent { agent: Agent, used: Vec<(FrameworkId, Resources)> },
    /// An agent reregistered with another total, other attributes or capabilities.
    UpdateAgent(Agent),
    /// An agent is unreachable, gone or unregistered.
    RemoveAgent(AgentId),
    /// An agent is connected, and the operator lets it be used.
    ActivateAgent(AgentId),
    /// An agent is disconnected, draining or put aside.
    DeactivateAgent(AgentId),
    /// Resources are free again.
    Recover { framework: FrameworkId, agent: AgentId, resources: Resources, refuse: Option<Duration> },
    /// An operation changed resources that are held.
    UpdateAllocation { framework: FrameworkId, agent: AgentId, before: Resources, after: Resources },
    /// An operation changed resources that nobody holds, or only what is on its way to be offered.
    UpdateAvailable { agent: AgentId, before: Resources, after: Resources },
    /// A framework wants offers again.
    Revive { framework: FrameworkId, roles: BTreeSet<Role> },
    /// A framework wants no offers.
    Suppress { framework: FrameworkId, roles: BTreeSet<Role> },
    /// A framework asks for resources, perhaps on certain agents.
    Request { framework: FrameworkId, requests: Vec<ResourceRequest> },
    /// An operator changed weights.
    UpdateWeights(Vec<Weight>),
    /// An operator promised roles something, or limited them.
    UpdateQuotas(Vec<Quota>),
    /// The list of hosts whose agents may be offered was read again.
    UpdateWhitelist(Option<BTreeSet<String>>),
    /// Somebody asks why no more is offered.
    Why { question: Box<Question>, reply: Reply<Option<Why>> },
    /// A master begins to lead and has read of so many agents, and of roles with quota.
    Recovered { agents: usize },
    /// The actor's own: changes have gathered, or a filter expired.
    Woke,
    /// The actor's own timer: the whitelist's file may have changed.
    ReadWhitelist,
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Input::AddFramework { framework, active, .. } => {
                write!(f, "add framework {}{}", framework.id, if *active { "" } else { ", inactive" })
            }
            Input::UpdateFramework(framework) => write!(f, "update framework {}", framework.id),
            Input::RemoveFramework(id) => write!(f, "remove framework {id}"),
            Input::ActivateFramework(id) => write!(f, "activate framework {id}"),
            Input::DeactivateFramework(id) => write!(f, "deactivate framework {id}"),
            Input::AddAgent { agent, .. } => write!(f, "add agent {} with {}", agent.id, agent.total),
            Input::UpdateAgent(agent) => write!(f, "update agent {} to {}", agent.id, agent.total),
            Input::RemoveAgent(id) => write!(f, "remove agent {id}"),
            Input::ActivateAgent(id) => write!(f, "activate agent {id}"),
            Input::DeactivateAgent(id) => write!(f, "deactivate agent {id}"),
            Input::Recover { framework, agent, resources, refuse } => {
                write!(f, "recover {resources} on {agent} from {framework}")?;
                match refuse {
                    Some(time) => write!(f, ", refused {time:?}"),
                    None => Ok(()),
                }
            }
            Input::UpdateAllocation { framework, agent, before, after } => {
                write!(f, "convert {before} into {after} on {agent} for {framework}")
            }
            Input::UpdateAvailable { agent, before, after } => {
                write!(f, "convert {before} into {after} on {agent}, where it is free")
            }
            Input::Revive { framework, roles } => write!(f, "revive {framework}{}", Named(roles)),
            Input::Suppress { framework, roles } => write!(f, "suppress {framework}{}", Named(roles)),
            Input::Request { framework, requests } => {
                write!(f, "{framework} asks for {} times resources", requests.len())
            }
            Input::UpdateWeights(weights) => write!(f, "update weights of {} roles", weights.len()),
            Input::UpdateQuotas(quotas) => write!(f, "update quotas of {} roles", quotas.len()),
            Input::UpdateWhitelist(Some(hosts)) => write!(f, "whitelist {} hosts", hosts.len()),
            Input::UpdateWhitelist(None) => write!(f, "whitelist every host"),
            Input::Why { question, .. } => write!(f, "why {:?}", question.subject),
            Input::Recovered { agents } => write!(f, "{agents} agents are to come back"),
            Input::Woke => write!(f, "woke"),
            Input::ReadWhitelist => write!(f, "read whitelist"),
        }
    }
}

/// ` in a, b`, or nothing when no role is named.
struct Named<'a>(&'a BTreeSet<Role>);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, role) in self.0.iter().enumerate() {
            write!(f, "{}{role}", if position == 0 { " in " } else { ", " })?;
        }
        Ok(())
    }
}
