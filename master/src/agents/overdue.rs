//! Agents that are silent are marked unreachable, no faster than the operator allows.
//!
//! A network that breaks makes a whole cluster silent at once. Marked one by one, with time between, most of it is back
//! before its tasks are lost. Source: scheduler semantics §9, "Health" and "Master failover".

use model::{AgentId, Time};

use super::disown;
use crate::alarms::Alarm;
use crate::effects::{Effect, Effects};
use crate::state::{Disowned, State};

/// The agent is silent: it is marked now, or when its turn comes.
pub(super) fn found(state: &mut State, id: &AgentId, now: Time) -> Effects {
    let Some(pause) = state.settings.agent_removal_pause else {
        return disown::begin(state, id, Disowned::Unreachable, now);
    };
    if state.overdue.contains(id) {
        return Effects::none();
    }
    let due = state.overdue.not_before.filter(|due| *due > now);
    match due {
        None if state.overdue.is_empty() => {
            state.overdue.not_before = Some(now + pause);
            disown::begin(state, id, Disowned::Unreachable, now)
        }
        _ => {
            let first = state.overdue.is_empty();
            state.overdue.push(id.clone());
            let after = due.map_or(pause, |due| due.since(now));
            if first { Effect::Alarm { after, alarm: Alarm::Overdue }.into() } else { Effects::none() }
        }
    }
}

/// The next one's turn.
pub(crate) fn next(state: &mut State, now: Time) -> Effects {
    let Some(pause) = state.settings.agent_removal_pause else { return Effects::none() };
    let mut effects = Effects::none();
    while let Some(id) = state.overdue.pop() {
        if is_silent(state, &id) {
            state.overdue.not_before = Some(now + pause);
            effects.extend(disown::begin(state, &id, Disowned::Unreachable, now));
            break;
        }
    }
    if !state.overdue.is_empty() {
        effects.push(Effect::Alarm { after: pause, alarm: Alarm::Overdue });
    }
    effects
}

fn is_silent(state: &State, id: &AgentId) -> bool {
    let max = state.settings.max_agent_ping_timeouts;
    let unanswered = state.agent(id).and_then(|_| state.health.get(id)).map(|health| health.unanswered);
    unanswered.is_some_and(|unanswered| unanswered >= max) || state.world.recovered.contains_key(id)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use model::AgentId;
    use model::messages::Pong;

    use crate::alarms::Alarm;
    use crate::messages::{Input, Woken};
    use crate::registrar::{Delta, Registry, Report};
    use crate::testing::{Stage, register, upid};

    fn limited(stage: &mut Stage) {
        let mut settings = (*stage.state.settings).clone();
        settings.agent_removal_pause = Some(Duration::from_secs(60));
        stage.state.settings = Arc::new(settings);
    }

    fn silent(stage: &mut Stage, agent: &AgentId, incarnation: u64) -> String {
        for _ in 0..5 {
            stage.tell(Input::Woke(Woken(Alarm::Ping { agent: agent.clone(), incarnation })));
        }
        stage.tell(Input::Woke(Woken(Alarm::Ping { agent: agent.clone(), incarnation }))).to_string()
    }

    #[test]
    fn those_who_fall_silent_together_are_marked_one_by_one_and_not_if_they_answer() {
        let mut stage = Stage::new();
        limited(&mut stage);
        let agents: Vec<AgentId> = (1..=3).map(|number| stage.agent(number, "cpus:4")).collect();
        let said: Vec<String> =
            (0..3).map(|number| silent(&mut stage, &agents[number], number as u64 + 1)).collect();
        assert!(said[1].contains("overdue"), "{}", said[1]);
        stage.record();
        assert_eq!(stage.state.world.unreachable.len(), 1, "the first is marked at once");

        stage.tell(Input::Pong { from: upid(2), body: Pong { agent_id: agents[1].clone() } });
        stage.wait(60);
        stage.tell(Input::Woke(Woken(Alarm::Overdue)));
        stage.record();

        assert!(stage.state.world.unreachable.contains_key(&agents[2]), "the next in turn");
        assert!(!stage.state.world.unreachable.contains_key(&agents[1]), "it has answered");
        let tally = &stage.state.world.tally;
        assert_eq!((tally.slave_unreachable_scheduled, tally.slave_unreachable_canceled), (3, 1));
    }

    fn two_recovered(stage: &mut Stage) {
        let mut registry = Registry::default();
        for number in 1..=2 {
            let info = register(number, "cpus:4").info.into();
            registry
                .apply(&Delta::AdmitAgent { id: format!("old-S{number}").as_str().into(), info })
                .unwrap();
        }
        stage.tell(Input::Registrar(Report::Recovered(registry)));
    }

    #[test]
    fn those_who_do_not_come_back_after_a_failover_are_marked_one_by_one() {
        let mut stage = Stage::recovering();
        limited(&mut stage);
        two_recovered(&mut stage);

        stage.tell(Input::Woke(Woken(Alarm::Recovery)));
        stage.record();
        assert_eq!(stage.state.world.unreachable.len(), 1);

        stage.wait(60);
        stage.tell(Input::Woke(Woken(Alarm::Overdue)));
        stage.record();
        assert_eq!(stage.state.world.unreachable.len(), 2);
    }

    #[test]
    fn if_too_many_do_not_come_back_the_master_ends() {
        let mut stage = Stage::recovering();
        let mut settings = (*stage.state.settings).clone();
        settings.recovery_agent_removal_limit = 50;
        stage.state.settings = Arc::new(settings);
        two_recovered(&mut stage);

        let effects = stage.tell(Input::Woke(Woken(Alarm::Recovery))).to_string();

        assert!(effects.starts_with("end: 2 of 2 agents (100%)"), "{effects}");
        assert!(stage.asked.is_empty(), "nobody is marked");
    }
}
