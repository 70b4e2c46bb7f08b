//! Agents are pinged, and answer or not.

use libprocess::Upid;
use model::messages::{Ping, Pong};
use model::{AgentId, Time};

use super::{add, disown};
use crate::effects::{Effect, Effects};
use crate::state::{Disowned, Health, State};

/// Pings the agent, unless too many pings in a row went unanswered: then it is unreachable.
///
/// One whose link is down is pinged too. It learns that way that it should come back.
/// Source: scheduler semantics §9, "Health".
pub(crate) fn ping(state: &mut State, id: &AgentId, incarnation: u64, now: Time) -> Effects {
    let Some(agent) = state.agent(id).filter(|agent| agent.incarnation == incarnation) else {
        return Effects::none();
    };
    let mut effects = Effects::from(add::next_ping(state, agent));
    let message = Ping { epoch: state.epoch(), connected: agent.connected() };
    let ping = Effect::ToAgent { upid: agent.upid.clone(), message: message.into() };
    let max = state.settings.max_agent_ping_timeouts;
    let health = state.health.get_mut(id).expect("registered agents have a health");
    if health.unanswered >= max {
        state.world.tally.slave_unreachable_scheduled += 1;
        effects.extend(disown::begin(state, id, Disowned::Unreachable, now));
    } else {
        health.unanswered += 1;
        effects.push(ping);
    }
    effects
}

/// The agent answers.
pub(crate) fn pong(state: &mut State, from: &Upid, message: &Pong) -> Effects {
    if state.agent_at(from).is_some_and(|agent| agent.id == message.agent_id) {
        state.health.insert(message.agent_id.clone(), Health::default());
    }
    Effects::none()
}
