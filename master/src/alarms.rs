//! Every timer of a master and what it means.
//!
//! Each alarm names what it was set for, and one whose time has passed it by is not heard. Those that wait long are also
//! cancelled when they have become pointless, so that whoever comes and goes all day leaves no heap of them behind.

use std::fmt;

use model::{AgentId, FrameworkId, OfferId, Time};

use crate::effects::Effects;
use crate::state::State;
use crate::{agents, frameworks, offers, preemption};

/// What a timer was set for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Alarm {
    /// Time to ping the agent, if it still is in this stay.
    Ping { agent: AgentId, incarnation: u64 },
    /// The agent's link has been down too long, unless it came back meanwhile.
    AgentReturn { agent: AgentId, incarnation: u64, deadline: Time },
    /// Agents that only the registry knows had their time to come back.
    Recovery,
    /// The next agent that waits for it may be marked unreachable.
    Overdue,
    /// The offer has been out too long.
    Offer(OfferId),
    /// The framework may be asked once more whether it leaves the agent.
    InverseOffer { framework: FrameworkId, agent: AgentId },
    /// Somebody may have asked for resources in vain for long enough.
    Preemption,
    /// Who was told to leave the agent had their time.
    PreemptionOverdue(AgentId),
    /// The framework has been away too long, unless it came back meanwhile.
    Failover { framework: FrameworkId, deadline: Time },
}

/// Of these alarms one at most is set: setting another cancels the one before.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Slot {
    /// An agent is awaited.
    AgentReturn(AgentId),
    /// A framework is awaited.
    Failover(FrameworkId),
}

impl Alarm {
    /// Where the alarm sits, if it sits alone.
    pub(crate) fn slot(&self) -> Option<Slot> {
        match self {
            Alarm::AgentReturn { agent, .. } => Some(Slot::AgentReturn(agent.clone())),
            Alarm::Failover { framework, .. } => Some(Slot::Failover(framework.clone())),
            Alarm::Ping { .. }
            | Alarm::Recovery
            | Alarm::Overdue
            | Alarm::Preemption
            | Alarm::PreemptionOverdue(_)
            | Alarm::Offer(_)
            | Alarm::InverseOffer { .. } => None,
        }
    }
}

/// A timer ran out.
pub(crate) fn woke(state: &mut State, alarm: Alarm, now: Time) -> Effects {
    match alarm {
        Alarm::Ping { agent, incarnation } => agents::ping(state, &agent, incarnation, now),
        Alarm::AgentReturn { agent, incarnation, deadline } => {
            agents::return_missed(state, &agent, incarnation, deadline, now)
        }
        Alarm::Recovery => agents::recovery_missed(state, now),
        Alarm::Overdue => agents::next_overdue(state, now),
        Alarm::Offer(offer) => offers::timeout(state, &offer),
        Alarm::InverseOffer { framework, agent } => offers::ask(state, &framework, &agent, now),
        Alarm::Preemption => preemption::look(state, now),
        Alarm::PreemptionOverdue(agent) => preemption::overdue(state, &agent),
        Alarm::Failover { framework, deadline } => {
            frameworks::failover_missed(state, &framework, deadline, now)
        }
    }
}

impl fmt::Display for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Alarm::Ping { agent, .. } => write!(f, "ping {agent}"),
            Alarm::AgentReturn { agent, .. } => write!(f, "return of {agent}"),
            Alarm::Recovery => f.write_str("return of recovered agents"),
            Alarm::Overdue => f.write_str("overdue agents"),
            Alarm::Offer(offer) => write!(f, "offer {offer}"),
            Alarm::InverseOffer { framework, agent } => write!(f, "inverse offer of {agent} to {framework}"),
            Alarm::Preemption => f.write_str("preemption"),
            Alarm::PreemptionOverdue(agent) => write!(f, "end of preemption on {agent}"),
            Alarm::Failover { framework, .. } => write!(f, "failover of {framework}"),
        }
    }
}
