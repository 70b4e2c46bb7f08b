//! An agent as operators see it, with what it has and what is used.

use model::{DrainInfo, DrainState, Time};

use super::agent_capabilities;
use super::resources::{Spelling, write};
use crate::classic::master::Agent;
use crate::v1;
use crate::v1::master::response::get_agents;

impl From<&Agent<'_>> for get_agents::Agent {
    fn from(agent: &Agent<'_>) -> Self {
        let mut agent_info = v1::AgentInfo::from(agent.info);
        agent_info.id = Some(agent.id.into());
        get_agents::Agent {
            agent_info,
            active: agent.active,
            deactivated: Some(agent.deactivated),
            version: agent.version.to_owned(),
            pid: Some(agent.pid.to_string()),
            registered_time: Some(agent.registered.into()),
            reregistered_time: agent.reregistered.map(Into::into),
            total_resources: write(&agent.total, Spelling::ENDPOINT),
            allocated_resources: write(&agent.used, Spelling::ENDPOINT),
            offered_resources: write(&agent.offered, Spelling::ENDPOINT),
            capabilities: agent_capabilities(agent.capabilities),
            resource_providers: Vec::new(),
            drain_info: agent.drain.map(Into::into),
            estimated_drain_start_time: agent.drain_started.map(drain_start),
        }
    }
}

impl From<&DrainInfo> for v1::DrainInfo {
    fn from(drain: &DrainInfo) -> Self {
        let state = match drain.state {
            DrainState::Draining => v1::DrainState::Draining,
            DrainState::Drained => v1::DrainState::Drained,
        };
        let max_grace_period = drain.config.max_grace_period.map(|grace| v1::DurationInfo {
            nanoseconds: i64::try_from(grace.as_nanos()).unwrap_or(i64::MAX),
        });
        let config = v1::DrainConfig { max_grace_period, mark_gone: Some(drain.config.mark_gone) };
        v1::DrainInfo { state: state as i32, config }
    }
}

/// Whole seconds, as the original says it.
pub(crate) fn drain_start(at: Time) -> v1::TimeInfo {
    const SECOND: i64 = 1_000_000_000;
    v1::TimeInfo { nanoseconds: at.nanos() / SECOND * SECOND }
}
