//! An executor's container is gone.

use model::messages::ExecutorExited;
use model::{ContainerId, StatusReason, TaskState, Time};

use crate::containerizer::{Cause, LaunchFailure, Termination};
use crate::effects::{Effect, Effects, ToMaster};
use crate::recovery::{self, Durable, Record};
use crate::state::{Key, Life, Phase, Run, State};
use crate::tasks::{self, Report, Whose, report};

impl Report {
    /// What tasks are told when nothing better is known.
    pub(crate) fn executor_terminated() -> Self {
        Self::new(TaskState::Failed, StatusReason::ExecutorTerminated, "Executor terminated")
    }
}

/// The program ran, and nothing of the container is left.
pub(crate) fn terminated(
    state: &mut State,
    container: &ContainerId,
    termination: Termination,
    now: Time,
) -> Effects {
    let Some(key) = state.executor_in(container) else { return vec![Effect::Forget(container.clone())] };
    let report = match termination.cause {
        Cause::Exited | Cause::Destroyed => Report::executor_terminated(),
        Cause::SupervisorLost => {
            Report::new(TaskState::Failed, StatusReason::ExecutorTerminated, termination.message)
        }
        Cause::Rebooted => Report::new(TaskState::Gone, StatusReason::AgentRestarted, "Agent rebooted"),
    };
    ended(state, &key, termination.status, report, now)
}

/// The program never ran.
pub(crate) fn launch_failed(
    state: &mut State,
    container: &ContainerId,
    failure: LaunchFailure,
    now: Time,
) -> Effects {
    let Some(key) = state.executor_in(container) else { return vec![Effect::Forget(container.clone())] };
    state.counters.container_launch_errors += 1;
    let message = format!("Failed to launch container: {failure}");
    let report = Report::new(TaskState::Failed, StatusReason::ContainerLaunchFailed, message);
    ended(state, &key, None, report, now)
}

/// Tells every task that was not over how it ended, and the master that the executor is gone.
///
/// What the agent ended it for comes before what the container says.
/// Source: agent-semantics §2, "Executor termination".
pub(crate) fn ended(
    state: &mut State,
    key: &Key,
    status: Option<i32>,
    mut last: Report,
    now: Time,
) -> Effects {
    let terminating = state.frameworks.get(&key.0).is_some_and(|framework| framework.terminating);
    let Some(executor) = state.executor_mut(key) else { return Effects::new() };
    let mut effects = Effects::new();
    effects.extend(executor.stream.take().map(Effect::Close));
    if let Some(ending) = executor.ending.take() {
        last = ending.into();
    }
    let (container, checkpoint, generated) =
        (executor.container.clone(), executor.checkpoint, executor.generated);
    let alive: Vec<_> =
        executor.tasks.keys().cloned().chain(executor.queued_tasks().map(|task| task.id.clone())).collect();
    if let (false, Some(agent_id)) = (generated, state.id.clone()) {
        let (framework_id, executor_id) = key.clone();
        let exited = ExecutorExited { framework_id, agent_id, executor_id, status: status.unwrap_or(-1) };
        effects.push(Effect::ToMaster(ToMaster::Exited(exited)));
    }
    if terminating {
        tasks::bury(state, &key.0);
    } else {
        effects.extend(report(state, &Whose::Executor(key.clone()), &alive, &last, now));
    }
    let executor = state.executor_mut(key).expect("reporting removes nothing");
    executor.phase = Phase::Terminated;
    executor.run = Run::Ended;
    state.counters.executors_terminated += 1;
    let (framework, id) = key.clone();
    let record = checkpoint.then_some(Record::Ended { framework, executor: id });
    let then = vec![Durable::Ended { container }];
    effects.push(Effect::Record { records: record.into_iter().collect(), then });
    effects.extend(forget(state, key));
    if state.life == Life::Reconnecting {
        effects.extend(recovery::reconnected(state, false));
    }
    effects
}

/// Makes the executor history if its tasks' ends were heard; the last one ends an agent that was told to stop.
pub(crate) fn forget(state: &mut State, key: &Key) -> Effects {
    state.forget_executor(key);
    let over = state.life == Life::Terminating && state.executors().all(|executor| executor.is_ended());
    over.then(|| Effect::Stop("all executors have ended".to_owned())).into_iter().collect()
}
