//! An agent without an id asks for one.

use std::sync::Arc;

use libprocess::Upid;
use model::Time;
use model::messages::{RegisterAgent, Registered};

use super::disown;
use crate::effects::{Effect, Effects};
use crate::registrar::Delta;
use crate::state::{Admission, Disowned, State};

/// Gives the agent an id, which holds once the registrar has written it.
///
/// An agent that asks again is told again. A silent one that was at the same address is forgotten first; the new one
/// will ask once more.
/// Source: scheduler semantics §9, "Registration".
pub(crate) fn register(state: &mut State, from: Upid, message: Box<RegisterAgent>, now: Time) -> Effects {
    state.world.tally.messages_register_slave += 1;
    if state.admissions.awaits_at(&from) {
        return Effects::none();
    }
    if let Some(agent) = state.agent_near(&from) {
        let id = agent.id.clone();
        if !agent.connected() || agent.upid != from {
            return disown::begin(state, &id, Disowned::Replaced, now);
        }
        let ping_timeout = state.settings.silence_max();
        let mut effects = Effects::none();
        effects.send(agent, Registered { epoch: state.epoch(), agent_id: id, ping_timeout });
        return effects;
    }
    let id = state.next_agent_id();
    let mut info = message.info.clone();
    info.id = Some(id.clone());
    let info = Arc::new(info);
    state.admissions.wait(id.clone(), Admission::Admitting { upid: from, message });
    Effect::Record(Delta::AdmitAgent { id, info }).into()
}
