//! Tasks leave the queue for their executor.

use std::sync::Arc;

use model::TaskId;
use model::executor_event::ExecutorEvent;

use super::{launch, show};
use crate::effects::{Effect, Effects};
use crate::recovery::Record;
use crate::state::{Executor, Key, Queued, State};

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
    let mut resized = false;
    while let Some(executor) = state.executor(key) {
        let Some(stream) = executor.listens() else { return effects };
        let Some(next) = executor.queued.front().filter(|first| first.durable) else { return effects };
        if let Some(show) = show::next(state, executor, next) {
            effects.push(show);
            return effects;
        }
        if !std::mem::replace(&mut resized, true) {
            // Before it hears of them, so that no task runs with less than it was given.
            effects.extend(launch::resized(state, key));
        }
        let executor = state.executor_mut(key).expect("it was just found");
        let mut next = executor.queued.pop_front().expect("it was just seen");
        executor.give(&next);
        effects.extend(given(executor, &next));
        let event = match next.group {
            true => ExecutorEvent::LaunchGroup(next.tasks.into_iter().map(Arc::unwrap_or_clone).collect()),
            false => ExecutorEvent::Launch(Box::new(Arc::unwrap_or_clone(next.tasks.remove(0)))),
        };
        effects.push(Effect::ToExecutor(stream, event));
    }
    effects
}

/// Writes down that tasks were given. Nobody waits for it: an executor names what it was given when it comes back.
pub(crate) fn given(executor: &Executor, queued: &Queued) -> Option<Effect> {
    let first = queued.tasks.first().filter(|_| executor.checkpoint)?.id.clone();
    let (framework, executor) = (executor.framework.clone(), executor.id.clone());
    Some(Effect::Record { records: vec![Record::Given { framework, executor, first }], then: Vec::new() })
}
