//! An agent with an id comes to this master.

use std::sync::Arc;

use libprocess::Upid;
use model::Time;
use model::messages::{ReregisterAgent, ShutdownAgent};

use super::{domain, resume};
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
    if state.world.policy.is_down(&message.info.hostname, &from.address().ip().to_string()) {
        return refuse("Machine is down for maintenance".to_owned());
    }
    if domain::refuses(state, &from, &message.info) {
        return Effects::none();
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

#[cfg(test)]
mod tests {
    use model::Time;

    use crate::registrar::Delta;
    use crate::testing::{Stage, to_agents};

    #[test]
    fn an_agent_that_is_gone_for_good_is_told_to_end() {
        let mut stage = Stage::new();
        stage.state.world.gone.insert("m-S7".into(), Time::START);
        let effects = stage.reregister(1, &"m-S7".into());
        assert_eq!(to_agents(&effects), ["slave(1)@127.0.0.1:6001 <- shut down: Agent has been marked gone"]);
    }

    #[test]
    fn an_agent_that_became_another_machine_is_told_to_end() {
        let mut stage = Stage::new();
        let agent = stage.agent(1, "cpus:4");
        let effects = stage.reregister(2, &agent);
        let told =
            "slave(1)@127.0.0.1:6002 <- shut down: Agent tried to reregister with a different IP or hostname";
        assert_eq!(to_agents(&effects), [told]);
        assert!(stage.state.agent(&agent).unwrap().connected(), "the one that is here stays");
    }

    #[test]
    fn an_agent_nobody_remembers_is_written_down_first() {
        let mut stage = Stage::new();
        stage.reregister(1, &"old-S3".into());
        assert!(matches!(&stage.asked[..], [Delta::MarkReachable { .. }]));
        assert!(stage.state.world.agents.is_empty());
        assert_eq!(to_agents(&stage.record()), ["slave(1)@127.0.0.1:6001 <- reregistered as old-S3"]);
    }
}
