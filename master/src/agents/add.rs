//! An agent joins the registered ones.

use std::sync::Arc;

use libprocess::Upid;
use model::messages::{RegisterAgent, Registered};
use model::{AgentId, AgentInfo, FrameworkId, Resources, Time};

use crate::alarms::Alarm;
use crate::allocator;
use crate::effects::{Effect, Effects};
use crate::state::{Agent, State};

/// A new agent is in the registry: it is told its id, and the allocator what it has.
pub(super) fn admitted(
    state: &mut State,
    id: &AgentId,
    info: Arc<AgentInfo>,
    upid: Upid,
    message: RegisterAgent,
    now: Time,
) -> Effects {
    state.world.tally.slave_registrations += 1;
    let RegisterAgent { version, capabilities, total, .. } = message;
    let total = believable(&info, total);
    state.add_agent(Agent::new(id.clone(), info, upid.clone(), version, capabilities, total, now));
    let agent = state.agent(id).expect("it was just added");
    tracing::info!(agent = %id, hostname = %agent.info.hostname, "agent registered");

    let mut effects = Effects::from(Effect::Link(upid));
    let ping_timeout = state.settings.silence_max();
    effects.send(agent, Registered { epoch: state.epoch(), agent_id: id.clone(), ping_timeout });
    effects.push(announce(agent));
    effects.push(next_ping(state, agent));
    effects.extend(aside(state, agent));
    effects
}

/// A new agent is offered by itself; one that operators put aside is not.
pub(super) fn aside(state: &State, agent: &Agent) -> Option<Effect> {
    let aside = state.world.policy.deactivated.contains(&agent.id);
    aside.then(|| Effect::Allocator(allocator::Input::DeactivateAgent(agent.id.clone())))
}

/// What an agent says it has, unless that is not what it says it was started with, whatever operations made of it. What its
/// resource providers have is theirs to say.
pub(crate) fn believable(info: &AgentInfo, total: Resources) -> Resources {
    let own = |bag: &Resources| bag.filter(|resource| resource.provider_id.is_none()).original();
    match own(&total) == own(&info.resources) {
        true => total,
        false => {
            tracing::warn!(%total, given = %info.resources, "an agent's total is not made of what it has");
            info.resources.clone()
        }
    }
}

/// Tells the allocator of the agent and of what is used on it.
pub(super) fn announce(agent: &Agent) -> Effect {
    let used: Vec<(FrameworkId, Resources)> =
        agent.used.iter().map(|(framework, used)| (framework.clone(), used.resources.clone())).collect();
    Effect::Allocator(allocator::Input::AddAgent { agent: for_allocator(agent), used })
}

/// The agent as the allocator knows it.
pub(crate) fn for_allocator(agent: &Agent) -> allocator::Agent {
    allocator::Agent {
        id: agent.id.clone(),
        incarnation: agent.incarnation,
        info: agent.info.clone(),
        capabilities: agent.capabilities.clone(),
        total: agent.total.clone(),
    }
}

/// Wakes the master when the agent is to be pinged.
pub(super) fn next_ping(state: &State, agent: &Agent) -> Effect {
    let alarm = Alarm::Ping { agent: agent.id.clone(), incarnation: agent.incarnation };
    Effect::Alarm { after: state.settings.agent_ping_timeout, alarm }
}
