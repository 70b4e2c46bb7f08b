//! A scheduler has heard an update.

use model::messages::AcknowledgeStatus;

use super::{Popped, forward};
use crate::effects::{Effect, Effects};
use crate::executors;
use crate::recovery::Record;
use crate::state::State;

/// Takes the update off its stream and sends the next; a task whose end was heard becomes history, and so may its
/// executor.
///
/// Anything but the oldest update is skipped: it was acknowledged before, or never sent.
pub(crate) fn acknowledge(state: &mut State, ack: AcknowledgeStatus) -> Effects {
    let AcknowledgeStatus { framework_id, task_id, uuid, .. } = ack;
    let Some(Popped { executor, last }) = state.streams.pop(&framework_id, &task_id, uuid) else {
        return Effects::new();
    };
    let key = executor.map(|executor| (framework_id.clone(), executor));
    let mut effects = Effects::new();
    let kept = key.as_ref().and_then(|key| state.executor(key)).is_none_or(|executor| executor.checkpoint);
    if kept {
        let acked = Record::Acknowledged { framework: framework_id.clone(), task: task_id.clone(), uuid };
        effects.push(Effect::Record { records: vec![acked], then: Vec::new() });
    }
    if last {
        if let Some(key) = key {
            state.complete_task(&key, &task_id);
            effects.extend(executors::forget(state, &key));
        }
    } else {
        effects.extend(forward(state, &framework_id, &task_id));
    }
    effects
}
