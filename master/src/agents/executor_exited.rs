//! An executor has ended.

use libprocess::Upid;
use model::event::Event;
use model::messages::ExecutorExited;

use crate::effects::{Effect, Effects};
use crate::state::State;

/// Frees what the executor itself held, and tells its framework. Its tasks are told of by the agent, one by one.
///
/// Source: scheduler semantics §9, "FAILURE events".
pub(crate) fn executor_exited(state: &mut State, from: &Upid, message: ExecutorExited) -> Effects {
    state.world.tally.messages_exited_executor += 1;
    let ExecutorExited { framework_id, agent_id, executor_id, status } = message;
    if state.agent_at(from).is_none_or(|agent| agent.id != agent_id) {
        return Effects::none();
    }
    let mut effects = Effects::none();
    if let Some(info) = state.remove_executor(&framework_id, &agent_id, &executor_id) {
        effects.push(Effect::recover(&framework_id, &agent_id, info.resources.clone(), None));
    }
    if let Some(framework) = state.framework(&framework_id) {
        let (agent_id, executor_id) = (Some(agent_id), Some(executor_id));
        effects.tell(framework, Event::Failure { agent_id, executor_id, status: Some(status) });
    }
    effects
}
