//! An agent with an id comes to this master.

use std::sync::Arc;

use libprocess::Upid;
use model::Time;
use model::messages::{ReregisterAgent, ShutdownAgent};

use super::resume;
use crate::effects::{Effect, Effects};
use crate::registrar::Delta;
use crate::state::{Admission, State};

/// Takes the agent back: at once if it is registered and unchanged, else when the registrar has written it.
///
/// One that an operator declared gone, or that became another machine under the same id, is told to end.
/// Source: scheduler semantics §9, "Reregistration".
pub(crate) fn reregister(state: &mut State, from: Upid, message: Box<ReregisterAgent>, now: Time) -> Effects {
    state.world.tally.messages_reregister_slave += 1;
    let Some(id) = message.info.id.clone() else { return Effects::none() };
    if state.admissions.awaits(&id) || state.admissions.awaits_at(&from) {
        return Effects::none();
    }
    let refuse = |reason: String| {
        let message = ShutdownAgent { epoch: state.epoch(), message: reason }.into();
        Effects::from(Effect::ToAgent { upid: from.clone(), message })
    };
    if state.world.gone.contains_key(&id) {
        return refuse("Agent has been marked gone".to_owned());
    }
    if let Some(other) = state.agent_near(&from).filter(|agent| agent.id != id) {
        return refuse(format!("Agent {} is registered at this address", other.id));
    }
    let info = Arc::new(message.info.clone());
    let Some(agent) = state.agent(&id) else {
        state.admissions.wait(id.clone(), Admission::Readmitting { upid: from, message });
        return Effect::Record(Delta::MarkReachable { id, info }).into();
    };
    if agent.upid.address().ip() != from.address().ip() || agent.info.hostname != info.hostname {
        return refuse("Agent tried to reregister with a different IP or hostname".to_owned());
    }
    if *agent.info == *info {
        return resume::resume(state, &id, info, from, *message, now);
    }
    state.admissions.wait(id.clone(), Admission::Updating { upid: from, message });
    Effect::Record(Delta::UpdateAgent { id, info }).into()
}
