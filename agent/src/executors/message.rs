//! Bytes between a scheduler and its executor, carried as well as can be.

use model::executor_event::ExecutorEvent;
use model::messages::{ExecutorMessage, FrameworkMessage};

use crate::effects::{Effect, Effects, ToMaster};
use crate::state::{Key, State};

/// To the executor, if it listens.
pub(crate) fn to_executor(state: &mut State, message: FrameworkMessage) -> Effects {
    let FrameworkMessage { framework_id, executor_id, data, .. } = message;
    let listens = state.executor(&(framework_id, executor_id)).and_then(|executor| executor.listens());
    match listens {
        Some(stream) => {
            state.counters.valid_framework_messages += 1;
            vec![Effect::ToExecutor(stream, ExecutorEvent::Message { data })]
        }
        None => {
            state.counters.invalid_framework_messages += 1;
            Effects::new()
        }
    }
}

/// To the scheduler, if there is a master.
pub(crate) fn from_executor(state: &mut State, key: Key, data: Vec<u8>) -> Effects {
    let (framework_id, executor_id) = key;
    match (state.link.registered().is_some(), state.id.clone()) {
        (true, Some(agent_id)) => {
            state.counters.valid_framework_messages += 1;
            let message = ExecutorMessage { framework_id, agent_id, executor_id, data };
            vec![Effect::ToMaster(ToMaster::Message(message))]
        }
        _ => {
            state.counters.invalid_framework_messages += 1;
            Effects::new()
        }
    }
}
