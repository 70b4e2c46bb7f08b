//! An agent takes its leave.

use libprocess::Upid;
use model::Time;
use model::messages::UnregisterAgent;

use super::disown;
use crate::effects::Effects;
use crate::state::{Disowned, State};

/// Forgets the agent for good; what ran there is lost.
///
/// Source: scheduler semantics §9, "Unregister".
pub(crate) fn unregister(state: &mut State, from: &Upid, message: &UnregisterAgent, now: Time) -> Effects {
    state.world.tally.messages_unregister_slave += 1;
    match state.agent_at(from).is_some_and(|agent| agent.id == message.agent_id) {
        true => disown::begin(state, &message.agent_id, Disowned::Unregistered, now),
        false => Effects::none(),
    }
}
