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
