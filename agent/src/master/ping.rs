//! The master shows that it is there.

use model::Time;
use model::messages::{Ping, Pong};

use super::register::{look, request};
use crate::alarms::{Alarm, Delay};
use crate::effects::{Effect, Effects, ToMaster};
use crate::operations;
use crate::state::{Link, State};

/// Answers a ping. A master that does not count the agent as connected is asked to take it in again.
pub(crate) fn ping(state: &mut State, ping: &Ping, now: Time) -> Effects {
    let Some(agent_id) = state.id.clone() else { return Effects::new() };
    let Link::Registered { last_ping, .. } = &mut state.link else { return Effects::new() };
    *last_ping = now;
    let mut effects = vec![Effect::ToMaster(ToMaster::Pong(Pong { agent_id }))];
    if !ping.connected {
        operations::abandon(state);
        effects.push(Effect::ToMaster(request(state)));
    }
    effects
}

/// Checks that the master pinged lately; if not, looks for one.
pub(crate) fn pinged(state: &mut State, now: Time) -> Effects {
    let Link::Registered { last_ping, ping_timeout, .. } = state.link else { return Effects::new() };
    let silent = now.since(last_ping);
    match ping_timeout.checked_sub(silent) {
        Some(left) if !left.is_zero() => vec![Effect::Wake(Alarm::Pinged, Delay::Exactly(left))],
        _ => {
            tracing::warn!(?silent, "master does not ping");
            look(state, true)
        }
    }
}
