//! An executor has something to say to its scheduler.

use libprocess::Upid;
use model::event::Event;
use model::messages::ExecutorMessage;

use crate::effects::Effects;
use crate::state::State;

/// Passes the bytes on, best effort: lost if the framework is away.
pub(crate) fn executor_message(state: &mut State, from: &Upid, message: ExecutorMessage) -> Effects {
    state.world.tally.messages_executor_to_framework += 1;
    let ExecutorMessage { framework_id, agent_id, executor_id, data } = message;
    let mut effects = Effects::none();
    let known = state.agent_at(from).is_some_and(|agent| agent.id == agent_id);
    match state.framework(&framework_id).filter(|framework| known && framework.connected()) {
        Some(framework) => {
            effects.tell(framework, Event::Message { agent_id, executor_id, data });
            state.world.tally.valid_executor_to_framework_messages += 1;
        }
        None => state.world.tally.invalid_executor_to_framework_messages += 1,
    }
    effects
}

#[cfg(test)]
mod tests {
    use model::messages::ExecutorMessage;

    use crate::messages::Input;
    use crate::testing::{Stage, events, upid};

    #[test]
    fn bytes_travel_to_the_scheduler_while_it_reads() {
        let mut stage = Stage::new();
        let (agent_id, framework_id) = (stage.agent(1, "cpus:4"), stage.framework());
        let body = ExecutorMessage { framework_id, agent_id, executor_id: "e".into(), data: vec![1, 2, 3] };
        let said = |from| Input::ExecutorMessage { from: upid(from), body: body.clone() };

        assert_eq!(events(&stage.tell(said(1))), ["s1 <- MESSAGE from e, 3 bytes"]);
        assert!(events(&stage.tell(said(2))).is_empty(), "an agent speaks for itself alone");
        stage.tell(Input::StreamClosed { stream: stage.stream() });
        assert!(events(&stage.tell(said(1))).is_empty());
    }
}
