//! A task is to be killed.

use model::executor_event::ExecutorEvent;
use model::messages::KillTask;
use model::{StatusReason, TaskState, Time};

use super::{Report, Whose, report};
use crate::effects::{Effect, Effects};
use crate::executors;
use crate::state::State;

/// Passes the kill on to the executor. A task still waiting for its executor never reaches it, nor does the rest of
/// its group; one nobody has is reported as dropped.
///
/// Source: agent-semantics §2.
pub(crate) fn kill(state: &mut State, kill: KillTask, now: Time) -> Effects {
    let KillTask { framework_id, task_id, kill_policy, .. } = kill;
    let Some(key) = state.holder(&framework_id, &task_id) else {
        if state.streams.awaits(&framework_id, &task_id) {
            // Its end is known already, and on its way.
            return Effects::new();
        }
        let checkpoint = state.frameworks.get(&framework_id).is_none_or(|known| known.info.checkpoint);
        let whose = Whose::Nobody { framework: framework_id, checkpoint };
        let unknown =
            Report::new(TaskState::Dropped, StatusReason::ExecutorTerminated, "Cannot find executor");
        return report(state, &whose, &[task_id], &unknown, now);
    };
    let executor = state.executor_mut(&key).expect("it has the task");
    if let Some(queued) = executor.queued.iter().find(|queued| queued.holds(&task_id)) {
        let tasks: Vec<_> = queued.tasks.iter().map(|info| info.id.clone()).collect();
        let message = match queued.group {
            true => "A task within the task group was killed before delivery to the executor",
            false => "Task killed before delivery to the executor",
        };
        let killed = Report::new(TaskState::Killed, StatusReason::TaskKilledDuringLaunch, message);
        let mut effects = report(state, &Whose::Executor(key.clone()), &tasks, &killed, now);
        effects.extend(executors::end_if_useless(state, &key));
        return effects;
    }
    match executor.listens() {
        Some(stream) => vec![Effect::ToExecutor(stream, ExecutorEvent::Kill { task_id, kill_policy })],
        None => {
            if executor.tasks.contains_key(&task_id) {
                executor.kills.insert(task_id, kill_policy);
            }
            Effects::new()
        }
    }
}
