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
