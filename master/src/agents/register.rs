//! An agent without an id asks for one.

use std::sync::Arc;

use libprocess::Upid;
use model::Time;
use model::messages::{RegisterAgent, Registered, ShutdownAgent};

use super::{disown, domain};
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
    if state.world.policy.is_down(&message.info.hostname, &from.address().ip().to_string()) {
        let message = "Machine is down for maintenance".to_owned();
        let message = ShutdownAgent { epoch: state.epoch(), message }.into();
        return Effect::ToAgent { upid: from, message }.into();
    }
    if domain::refuses(state, &from, &message.info) {
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

#[cfg(test)]
mod tests {
    use crate::messages::Input;
    use crate::registrar::Delta;
    use crate::testing::{Stage, register, to_agents, to_allocator, upid};

    fn ask(number: u16) -> Input {
        Input::Register { from: upid(number), principal: None, body: Box::new(register(number, "cpus:4")) }
    }

    #[test]
    fn an_agent_is_registered_once_the_registry_has_it() {
        let mut stage = Stage::new();
        stage.tell(ask(1));
        assert!(stage.state.world.agents.is_empty());
        stage.tell(ask(1));
        assert_eq!(stage.asked.len(), 1, "asking again meanwhile changes nothing");

        let effects = stage.record();

        assert_eq!(to_agents(&effects), ["slave(1)@127.0.0.1:6001 <- registered as m-S0"]);
        assert_eq!(to_allocator(&effects), ["add agent m-S0 with cpus:4"]);
        assert_eq!(to_agents(&stage.tell(ask(1))).len(), 1, "asking again is answered again");
    }

    #[test]
    fn a_new_agent_at_the_address_of_a_lost_one_replaces_it() {
        let mut stage = Stage::new();
        let agent = stage.agent(1, "cpus:4");
        stage.tell(Input::AgentExited { upid: upid(1) });
        stage.tell(ask(1));
        assert!(matches!(&stage.asked[0], Delta::RemoveAgent { id } if *id == agent));
        stage.record();
        assert_ne!(stage.agent(1, "cpus:4"), agent);
    }
}
