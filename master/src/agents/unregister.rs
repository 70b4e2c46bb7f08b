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

#[cfg(test)]
mod tests {
    use model::messages::UnregisterAgent;

    use crate::messages::Input;
    use crate::testing::{Stage, events, to_allocator, upid};

    #[test]
    fn what_ran_on_an_agent_that_left_is_lost() {
        let mut stage = Stage::new();
        let (agent, framework) = (stage.agent(1, "cpus:4"), stage.framework());
        stage.running(&framework, &agent, "t");
        stage.offer(&framework, &agent, "cpus:1");
        let leave =
            |from| Input::Unregister { from: upid(from), body: UnregisterAgent { agent_id: agent.clone() } };
        stage.tell(leave(2));
        assert!(stage.asked.is_empty(), "only itself may say so");
        stage.tell(leave(1));

        let effects = stage.record();

        assert_eq!(
            events(&effects),
            [
                "s1 <- RESCIND m-O1",
                "s1 <- UPDATE t TASK_LOST REASON_AGENT_REMOVED: Agent unregistered",
                "s1 <- FAILURE on m-S0",
            ]
        );
        assert_eq!(to_allocator(&effects)[0], "remove agent m-S0");
        assert_eq!(stage.state.framework(&framework).unwrap().completed_tasks.len(), 1);
    }
}
