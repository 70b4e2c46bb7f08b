//! MARK_AGENT_GONE: an agent will never be back.

use model::{AgentId, Time, brief};

use crate::agents;
use crate::effects::{Effect, Effects};
use crate::http::Rejected;
use crate::messages::Asker;
use crate::state::State;

/// Has it written down that the agent is gone, and then ends all that was on it.
///
/// Source: Mesos operator HTTP API, `MARK_AGENT_GONE`.
pub(super) fn mark_gone(state: &mut State, id: &AgentId, asker: Asker, now: Time) -> Effects {
    let answer = match () {
        () if state.world.gone.contains_key(id) => Ok(()),
        () if !state.knows(id) => {
            Err(Rejected::NotFound(format!("Agent '{}' not found", brief(id.as_str()))))
        }
        () if state.admissions.awaits(id) => {
            Err(Rejected::Busy(format!("Agent '{id}' is in the middle of something else")))
        }
        () => return agents::mark_gone(state, id, asker, now),
    };
    Effect::Answer { asker, answer }.into()
}

#[cfg(test)]
mod tests {
    use crate::messages::{Asker, Input};
    use crate::operator::Ask;
    use crate::testing::{Stage, events, to_agents};

    fn gone(agent: &model::AgentId) -> Input {
        Input::Operator { ask: Box::new(Ask::MarkGone(agent.clone())), asker: Asker::default() }
    }

    #[test]
    fn what_runs_on_an_agent_that_is_gone_is_gone_and_it_never_comes_back() {
        let mut stage = Stage::new();
        let (agent, framework) = (stage.agent(1, "cpus:4"), stage.framework());
        stage.running(&framework, &agent, "t");
        stage.offer(&framework, &agent, "cpus:1");
        stage.tell(gone(&agent));
        let busy = stage.tell(gone(&agent)).to_string();
        assert!(busy.contains("503"), "{busy}");

        let effects = stage.record();

        assert_eq!(
            events(&effects),
            [
                "s1 <- RESCIND m-O1",
                "s1 <- UPDATE t TASK_GONE_BY_OPERATOR REASON_AGENT_REMOVED_BY_OPERATOR: Agent has been marked gone",
                "s1 <- FAILURE on m-S0",
            ]
        );
        assert_eq!(to_agents(&effects), ["slave(1)@127.0.0.1:6001 <- shut down: Agent has been marked gone"]);
        assert!(effects.to_string().ends_with("answer: accepted\n"), "{effects}");
        assert_eq!(to_agents(&stage.reregister(1, &agent)).len(), 1, "it is told to end again");
        assert_eq!(stage.tell(gone(&agent)).to_string().trim(), "answer: accepted");
    }

    #[test]
    fn tasks_that_were_out_of_reach_are_gone_too() {
        let mut stage = Stage::new();
        let (agent, framework) = (stage.agent(1, "cpus:4"), stage.framework());
        stage.running(&framework, &agent, "t");
        for _ in 0..6 {
            stage.tell(Input::Woke(crate::messages::Woken(crate::alarms::Alarm::Ping {
                agent: agent.clone(),
                incarnation: 1,
            })));
        }
        stage.record();
        stage.tell(gone(&agent));
        let told = events(&stage.record());
        assert!(told[0].contains("UPDATE t TASK_GONE_BY_OPERATOR"), "{told:?}");
        assert!(stage.state.framework(&framework).unwrap().unreachable_tasks.is_empty());
    }

    #[test]
    fn an_agent_nobody_knows_is_not_found() {
        let mut stage = Stage::new();
        let said = stage.tell(gone(&"nope".into())).to_string();
        assert_eq!(said.trim(), "answer: 404 Not Found Agent 'nope' not found");
    }
}
