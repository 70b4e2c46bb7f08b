//! Agents, registered and recovered.

use std::borrow::Cow;

use api::classic;
use api::convert::resources::{Spelling, write};
use api::v1;
use api::v1::master::response::{GetAgents, get_agents};
use model::{AgentInfo, Resources};

use crate::state::{Agent, Snapshot};

/// As `/state` and `/slaves` show it.
pub(crate) fn classic(agent: &Agent) -> classic::master::Agent<'_> {
    classic::master::Agent {
        id: &agent.id,
        info: &agent.info,
        pid: Cow::Owned(agent.upid.to_string()),
        version: &agent.version,
        capabilities: &agent.capabilities,
        registered: agent.registered,
        reregistered: agent.reregistered,
        active: agent.connected(),
        deactivated: false,
        total: Cow::Borrowed(&agent.total),
        used: Cow::Owned(used(agent)),
        offered: Cow::Borrowed(&agent.offered),
        drain: None,
        drain_started: None,
    }
}

/// GET_AGENTS.
pub(crate) fn get_agents(snapshot: &Snapshot) -> GetAgents {
    GetAgents {
        agents: snapshot.agents.values().map(|agent| v1(agent)).collect(),
        recovered_agents: recovered(snapshot).map(v1::AgentInfo::from).collect(),
    }
}

/// As the operator API shows it.
pub(crate) fn v1(agent: &Agent) -> get_agents::Agent {
    let mut info = v1::AgentInfo::from(&*agent.info);
    info.id = Some((&agent.id).into());
    get_agents::Agent {
        agent_info: info,
        active: agent.connected(),
        deactivated: Some(false),
        version: agent.version.clone(),
        pid: Some(agent.upid.to_string()),
        registered_time: Some(agent.registered.into()),
        reregistered_time: agent.reregistered.map(Into::into),
        total_resources: write(&agent.total, Spelling::ENDPOINT),
        allocated_resources: write(&used(agent), Spelling::ENDPOINT),
        offered_resources: write(&agent.offered, Spelling::ENDPOINT),
        capabilities: api::convert::agent_capabilities(&agent.capabilities),
        resource_providers: Vec::new(),
        drain_info: None,
        estimated_drain_start_time: None,
    }
}

/// Agents of before a failover that have not come back.
pub(crate) fn recovered(snapshot: &Snapshot) -> impl Iterator<Item = &AgentInfo> {
    snapshot.recovered.values().map(|info| &**info)
}

/// What all frameworks hold on it.
fn used(agent: &Agent) -> Resources {
    agent.used_total()
}
