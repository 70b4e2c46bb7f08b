//! Tasks leave the queue for their executor.

use std::sync::Arc;

use model::executor_event::ExecutorEvent;
use model::{Task, TaskId};

use crate::effects::{Effect, Effects};
use crate::state::{Key, State};

/// Tasks are on disk: they may be given to their executor, now or when it subscribes.
pub(crate) fn queued(state: &mut State, key: &Key, first: &TaskId) -> Effects {
    let Some(executor) = state.executor_mut(key) else { return Effects::new() };
    for queued in executor.queued.iter_mut().filter(|queued| queued.holds(first)) {
        queued.durable = true;
    }
    deliver(state, key)
}

/// Gives an executor that listens all it may have, in the order the master sent them.
pub(crate) fn deliver(state: &mut State, key: &Key) -> Effects {
    let mut effects = Effects::new();
    let Some(executor) = state.executor_mut(key) else { return effects };
    let Some(stream) = executor.listens() else { return effects };
    while executor.queued.front().is_some_and(|first| first.durable) {
        let Some(mut next) = executor.queued.pop_front() else { break };
        for info in &next.tasks {
            let record = Task::staging(info, executor.framework.clone());
            executor.tasks.insert(info.id.clone(), Arc::new(record));
        }
        executor.used = true;
        let event = match next.group {
            true => ExecutorEvent::LaunchGroup(next.tasks.into_iter().map(Arc::unwrap_or_clone).collect()),
            false => ExecutorEvent::Launch(Box::new(Arc::unwrap_or_clone(next.tasks.remove(0)))),
        };
        effects.push(Effect::ToExecutor(stream, event));
    }
    effects
}
