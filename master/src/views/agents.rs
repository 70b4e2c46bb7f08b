//! Agents, registered and recovered.

use std::borrow::Cow;

use api::classic;
use api::v1::master::response::get_agents;
use model::AgentInfo;

use crate::state::{Agent, Snapshot};

/// As operators see it, whatever they ask.
pub(crate) fn shown<'a>(snapshot: &'a Snapshot, agent: &'a Agent) -> classic::master::Agent<'a> {
    classic::master::Agent {
        id: &agent.id,
        info: &agent.info,
        pid: Cow::Owned(agent.upid.to_string()),
        version: &agent.version,
        capabilities: &agent.capabilities,
        registered: agent.registered,
        reregistered: agent.reregistered,
        active: snapshot.active(agent),
        deactivated: snapshot.policy.deactivated.contains(&agent.id),
        total: Cow::Borrowed(&agent.total),
        used: Cow::Borrowed(&agent.used_total),
        offered: Cow::Borrowed(&agent.offered),
        drain: snapshot.policy.drains.get(&agent.id),
        drain_started: snapshot.drain_started.get(&agent.id).copied(),
    }
}

/// As the operator API shows it.
pub(crate) fn v1(snapshot: &Snapshot, agent: &Agent) -> get_agents::Agent {
    (&shown(snapshot, agent)).into()
}

/// Agents of before a failover that have not come back.
pub(crate) fn recovered(snapshot: &Snapshot) -> impl Iterator<Item = &AgentInfo> {
    snapshot.recovered.values().map(|info| &**info)
}
