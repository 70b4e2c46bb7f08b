//! Agents are pinged, and answer or not.

use libprocess::Upid;
use model::messages::{Ping, Pong};
use model::{AgentId, Time};

use super::{add, overdue};
use crate::effects::{Effect, Effects};
use crate::state::{Health, State};

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
        if !state.overdue.contains(id) {
            state.world.tally.slave_unreachable_scheduled += 1;
        }
        effects.extend(overdue::found(state, id, now));
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
        if state.overdue.cancel(&message.agent_id) {
            state.world.tally.slave_unreachable_canceled += 1;
        }
    }
    Effects::none()
}

#[cfg(test)]
mod tests {
    use crate::alarms::Alarm;
    use crate::messages::{Input, Woken};
    use crate::testing::{Stage, events, to_agents, upid};

    #[test]
    fn an_agent_that_answers_no_ping_is_unreachable_after_five() {
        let mut stage = Stage::new();
        let (agent, framework) = (stage.agent(1, "cpus:4"), stage.framework());
        stage.running(&framework, &agent, "t");
        let ping = || Input::Woke(Woken(Alarm::Ping { agent: agent.clone(), incarnation: 1 }));
        for _ in 0..5 {
            stage.wait(15);
            assert_eq!(to_agents(&stage.tell(ping())), ["slave(1)@127.0.0.1:6001 <- ping"]);
            assert!(stage.asked.is_empty());
        }
        stage.wait(15);
        stage.tell(ping());

        let effects = stage.record();

        assert_eq!(
            events(&effects),
            [
                "s1 <- UPDATE t TASK_UNREACHABLE REASON_AGENT_REMOVED: Agent became unreachable",
                "s1 <- FAILURE on m-S0",
            ]
        );
        assert!(stage.state.world.unreachable.contains_key(&agent));
    }

    #[test]
    fn an_answer_starts_the_count_anew() {
        let mut stage = Stage::new();
        let agent = stage.agent(1, "cpus:4");
        for _ in 0..20 {
            stage.tell(Input::Woke(Woken(Alarm::Ping { agent: agent.clone(), incarnation: 1 })));
            let body = model::messages::Pong { agent_id: agent.clone() };
            stage.tell(Input::Pong { from: upid(1), body });
        }
        assert!(stage.asked.is_empty());
    }
}
