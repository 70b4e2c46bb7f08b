//! A framework sends bytes to one of its executors.

use model::call::Message;
use model::messages::FrameworkMessage;

use crate::effects::Effects;
use crate::state::State;

/// Passes the bytes on, best effort: lost if the agent is not there.
///
/// Source: scheduler semantics §5, `MESSAGE`.
pub(crate) fn message(state: &mut State, call: Message) -> Effects {
    state.world.tally.messages_framework_to_executor += 1;
    let epoch = state.epoch();
    let Some(on) = state.agent(&call.agent_id).filter(|agent| agent.connected()) else {
        state.world.tally.invalid_framework_to_executor_messages += 1;
        return Effects::none();
    };
    let mut effects = Effects::none();
    let Message { framework_id, executor_id, data, .. } = call;
    effects.send(on, FrameworkMessage { epoch, framework_id, executor_id, data });
    state.world.tally.valid_framework_to_executor_messages += 1;
    effects
}

#[cfg(test)]
mod tests {
    use model::call::{Call, Message};

    use crate::messages::Input;
    use crate::testing::{Stage, to_agents, upid};

    #[test]
    fn bytes_travel_to_the_executor_while_its_agent_is_there() {
        let mut stage = Stage::new();
        let (agent_id, framework_id) = (stage.agent(1, "cpus:4"), stage.framework());
        let message = Message { framework_id, agent_id, executor_id: "e".into(), data: vec![1, 2, 3] };

        let effects = stage.call(Call::Message(message.clone()));
        assert_eq!(to_agents(&effects), ["slave(1)@127.0.0.1:6001 <- 3 bytes for executor e"]);

        stage.tell(Input::AgentExited { upid: upid(1) });
        assert!(to_agents(&stage.call(Call::Message(message))).is_empty());
        let tally = &stage.state.world.tally;
        assert_eq!(tally.valid_framework_to_executor_messages, 1);
        assert_eq!(tally.invalid_framework_to_executor_messages, 1);
    }
}
