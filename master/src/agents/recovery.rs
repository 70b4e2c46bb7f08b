//! The registry is read, and the agents in it are awaited.

use model::{AgentId, Time};

use super::overdue;
use crate::alarms::Alarm;
use crate::allocator;
use crate::effects::{Effect, Effects};
use crate::http::Rejected;
use crate::messages::Input;
use crate::operator;
use crate::registrar::Registry;
use crate::reign;
use crate::state::State;

/// The master leads from now on. Agents it has only read of have their time to come back.
///
/// Source: scheduler semantics §9, "Master failover".
pub(super) fn recovered(state: &mut State, registry: Registry) -> Effects {
    state.touch();
    state.world.leading = true;
    let mut effects = operator::recovered(state, &registry);
    state.world.recovered = registry.admitted;
    state.recovering = state.world.recovered.len();
    if !registry.policy.quotas.is_empty() {
        let agents = state.recovering;
        effects.push(Effect::Allocator(allocator::Input::Recovered { agents }));
    }
    state.world.unreachable = registry.unreachable;
    state.world.gone = registry.gone;
    effects.extend(reign::call_askers(state));
    if !state.world.recovered.is_empty() {
        let after = state.settings.agent_reregister_timeout;
        effects.push(Effect::Alarm { after, alarm: Alarm::Recovery });
    }
    effects
}

/// Agents that were only read of and did not come are unreachable. If those are more than the operator believes, it is
/// rather this master that is cut off: it ends.
///
/// Source: scheduler semantics §9, "Master failover".
pub(crate) fn recovery_missed(state: &mut State, now: Time) -> Effects {
    let missed: Vec<AgentId> = state.world.recovered.keys().cloned().collect();
    let limit = usize::from(state.settings.recovery_agent_removal_limit);
    if missed.len() * 100 > limit * state.recovering {
        let (missed, all) = (missed.len(), state.recovering);
        let why = format!(
            "{missed} of {all} agents ({}%) did not come back after the failover, more than --recovery_agent_removal_limit={limit}%; \
             none was marked unreachable",
            missed * 100 / all.max(1)
        );
        return Effect::End(why).into();
    }
    let mut effects = Effects::none();
    for id in missed {
        state.world.tally.recovery_slave_removals += 1;
        effects.extend(overdue::found(state, &id, now));
    }
    effects
}

/// Nobody is heard before the registry is read: whoever matters will ask again, and agents are told when.
pub(crate) fn not_leading(state: &mut State, input: Input) -> Effects {
    if !matches!(input, Input::Ready { .. }) {
        state.world.tally.dropped_messages += 1;
    }
    match input {
        Input::Ready { asker }
        | Input::Call { asker, .. }
        | Input::Teardown { asker, .. }
        | Input::KillTask { asker, .. }
        | Input::Operator { asker, .. } => Effect::Answer { asker, answer: Err(Rejected::Recovering) }.into(),
        Input::Watch { stream, watcher } => {
            [Effect::Watch { stream: stream.clone(), watcher }, Effect::Unwatch(stream)].into_iter().collect()
        }
        Input::Subscribe { stream, outlet, .. } => {
            [Effect::Open { stream: stream.clone(), outlet }, Effect::Close { stream }].into_iter().collect()
        }
        Input::Register { from, .. } | Input::Reregister { from, .. } => reign::asked_in_vain(state, from),
        _ => Effects::none(),
    }
}

#[cfg(test)]
mod tests {
    use model::{AgentId, Quantities, Quota, Scalar};

    use crate::alarms::Alarm;
    use crate::messages::{Asker, Input, Woken};
    use crate::registrar::{Delta, Registry, Report};
    use crate::testing::{ROLE, Stage, events, register, to_allocator};

    fn registry() -> Registry {
        let mut registry = Registry::default();
        let info = register(1, "cpus:4").info.into();
        registry.apply(&Delta::AdmitAgent { id: "old-S0".into(), info }).unwrap();
        registry
    }

    #[test]
    fn nobody_is_heard_before_the_registry_is_read() {
        let mut stage = Stage::recovering();
        let effects = stage.tell(Input::Ready { asker: Asker::default() });
        assert_eq!(
            effects.to_string().trim_end(),
            "answer: 503 Service Unavailable Master has not finished recovery"
        );
        stage.tell(Input::Registrar(Report::Recovered(registry())));
        let effects = stage.tell(Input::Ready { asker: Asker::default() });
        assert_eq!(effects.to_string().trim_end(), "answer: accepted");
    }

    #[test]
    fn the_allocator_waits_for_agents_while_roles_have_quota() {
        let mut quota = registry();
        let told = |registry| {
            let mut stage = Stage::recovering();
            to_allocator(&stage.tell(Input::Registrar(Report::Recovered(registry))))
        };
        assert_eq!(told(registry()), [""; 0]);
        let limits = Quantities::from_iter([("cpus", Scalar::whole(4))]);
        let web = Quota { role: ROLE.into(), guarantees: Quantities::new(), limits };
        quota.apply(&Delta::UpdateQuota { quotas: vec![web] }).unwrap();
        assert_eq!(told(quota), ["update quotas of 1 roles", "1 agents are to come back"]);
    }

    #[test]
    fn agents_that_were_read_of_and_do_not_come_are_unreachable() {
        let mut stage = Stage::recovering();
        stage.tell(Input::Registrar(Report::Recovered(registry())));
        stage.framework();
        stage.tell(Input::Woke(Woken(Alarm::Recovery)));

        let effects = stage.record();

        assert_eq!(events(&effects), ["s1 <- FAILURE on old-S0"]);
        assert!(stage.state.world.unreachable.contains_key(&AgentId::from("old-S0")));
    }

    #[test]
    fn an_agent_that_was_read_of_comes_back_without_news_of_its_tasks() {
        let mut stage = Stage::recovering();
        stage.tell(Input::Registrar(Report::Recovered(registry())));
        stage.reregister(1, &"old-S0".into());
        assert!(events(&stage.record()).is_empty());
        stage.tell(Input::Woke(Woken(Alarm::Recovery)));
        assert!(stage.asked.is_empty(), "it came in time");
    }
}
