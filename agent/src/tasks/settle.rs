//! A task's record after a status.

use std::sync::Arc;

use model::{FrameworkId, Task, TaskId, TaskState, TaskStatus, Time};

use crate::state::{Executor, Key, State};

/// Makes a status part of its task's record, and moves the task where its state belongs.
///
/// A task that waits in a queue leaves it when it ends there. Unknown tasks are skipped.
pub(crate) fn settle(state: &mut State, key: &Key, status: &TaskStatus) {
    let Some(executor) = state.executor_mut(key) else { return };
    if status.state.is_terminal() && !executor.tasks.contains_key(&status.task_id) {
        unqueue(executor, status);
    }
    let Some(task) = executor.tasks.get_mut(&status.task_id) else { return };
    let task = Arc::make_mut(task);
    task.state = status.state;
    task.push_status(status);
    if !status.state.is_terminal() {
        return;
    }
    let ended = executor.tasks.remove(&status.task_id).expect("it was just changed");
    executor.kills.remove(&status.task_id);
    executor.terminated.insert(status.task_id.clone(), ended);
    state.counters.ended(status.state);
}

/// When the last update of a task was made, as it says itself.
pub(super) fn last_said(executor: &Executor, task: &TaskId) -> Option<Time> {
    executor.tasks.get(task)?.statuses.last()?.timestamp
}

/// Takes a task out of the queue, into the executor's tasks.
fn unqueue(executor: &mut Executor, status: &TaskStatus) {
    let Some(at) = executor.queued.iter().position(|queued| queued.holds(&status.task_id)) else { return };
    let queued = executor.queued.get_mut(at).expect("it was just found there");
    let within = queued.tasks.iter().position(|info| info.id == status.task_id).expect("it holds the task");
    let info = queued.tasks.remove(within);
    if queued.tasks.is_empty() {
        executor.queued.remove(at);
    }
    let record = Task::staging(&info, executor.framework.clone());
    executor.tasks.insert(info.id.clone(), Arc::new(record));
}

/// Makes all tasks of a framework that is gone history: nobody is to be told how they end.
///
/// Those that were alive are remembered as killed, which is what becomes of them.
pub(crate) fn bury(state: &mut State, framework: &FrameworkId) {
    let Some(found) = state.frameworks.get(framework) else { return };
    for key in found.executors.keys().map(|id| (framework.clone(), id.clone())).collect::<Vec<_>>() {
        bury_executor(state, &key);
    }
}

fn bury_executor(state: &mut State, key: &Key) {
    let Some(executor) = state.executor_mut(key) else { return };
    let queued: Vec<_> = executor.queued_tasks().cloned().collect();
    executor.queued.clear();
    for info in queued {
        let record = Task::staging(&info, executor.framework.clone());
        executor.tasks.insert(info.id.clone(), Arc::new(record));
    }
    for mut task in std::mem::take(&mut executor.tasks).into_iter().map(|(_, task)| task) {
        Arc::make_mut(&mut task).state = TaskState::Killed;
        executor.terminated.insert(task.id.clone(), task);
    }
    for task in executor.terminated.keys().cloned().collect::<Vec<_>>() {
        state.complete_task(key, &task);
    }
}
