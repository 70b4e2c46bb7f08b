//! Agents, registered and recovered.

use std::borrow::Cow;

use api::classic;
use api::convert::resources::{Spelling, write};
use api::v1;
use api::v1::master::response::get_agents;
use model::{AgentInfo, DrainInfo, DrainState, Resources};

use crate::state::{Agent, Snapshot};

/// As `/state` and `/slaves` show it.
pub(crate) fn classic<'a>(snapshot: &'a Snapshot, agent: &'a Agent) -> classic::master::Agent<'a> {
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
        used: Cow::Owned(used(agent)),
        offered: Cow::Borrowed(&agent.offered),
        drain: snapshot.policy.drains.get(&agent.id),
        drain_started: snapshot.drain_started.get(&agent.id).copied(),
    }
}

/// As the operator API shows it.
pub(crate) fn v1(snapshot: &Snapshot, agent: &Agent) -> get_agents::Agent {
    let mut info = v1::AgentInfo::from(&*agent.info);
    info.id = Some((&agent.id).into());
    get_agents::Agent {
        agent_info: info,
        active: snapshot.active(agent),
        deactivated: Some(snapshot.policy.deactivated.contains(&agent.id)),
        version: agent.version.clone(),
        pid: Some(agent.upid.to_string()),
        registered_time: Some(agent.registered.into()),
        reregistered_time: agent.reregistered.map(Into::into),
        total_resources: write(&agent.total, Spelling::ENDPOINT),
        allocated_resources: write(&used(agent), Spelling::ENDPOINT),
        offered_resources: write(&agent.offered, Spelling::ENDPOINT),
        capabilities: api::convert::agent_capabilities(&agent.capabilities),
        resource_providers: Vec::new(),
        drain_info: snapshot.policy.drains.get(&agent.id).map(drain_info),
        // Whole seconds, as the original says it.
        estimated_drain_start_time: snapshot
            .drain_started
            .get(&agent.id)
            .map(|at| v1::TimeInfo { nanoseconds: at.nanos() / 1_000_000_000 * 1_000_000_000 }),
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

fn drain_info(drain: &DrainInfo) -> v1::DrainInfo {
    let state = match drain.state {
        DrainState::Draining => v1::DrainState::Draining,
        DrainState::Drained => v1::DrainState::Drained,
    };
    let max_grace_period = drain
        .config
        .max_grace_period
        .map(|grace| v1::DurationInfo { nanoseconds: i64::try_from(grace.as_nanos()).unwrap_or(i64::MAX) });
    let config = v1::DrainConfig { max_grace_period, mark_gone: Some(drain.config.mark_gone) };
    v1::DrainInfo { state: state as i32, config }
}
