//! An executor's container is gone.

use model::messages::ExecutorExited;
use model::{ContainerId, StatusReason, TaskState, Time};

use crate::containerizer::{Cause, LaunchFailure, LaunchStep, Limitation, LimitationKind, Termination};
use crate::containers::{self, Awaits, Told};
use crate::effects::{Effect, Effects, ToMaster};
use crate::recovery::{self, Durable, Record};
use crate::state::{ContainerEnd, Ending, Key, Life, Phase, Run, State};
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
    if let Some(Limitation { kind, message, resources }) = termination.limitation {
        let report =
            Report { limitation: Some(resources), ..Report::new(TaskState::Failed, reason(kind), message) };
        // What it broke comes before what the agent was about to end it for.
        if let Some(executor) = state.executor_mut(&key) {
            executor.ending = None;
        }
        return ended(state, &key, termination.status, report, now);
    }
    let report = match termination.cause {
        Cause::Exited | Cause::Destroyed => Report::executor_terminated(),
        Cause::SupervisorLost => {
            Report::new(TaskState::Failed, StatusReason::ExecutorTerminated, termination.message)
        }
        Cause::Rebooted => Report::new(TaskState::Gone, StatusReason::AgentRestarted, "Agent rebooted"),
    };
    ended(state, &key, termination.status, report, now)
}

/// What a limit that was broken is called.
///
/// Source: Mesos, `TaskStatus.Reason`.
pub(crate) fn reason(kind: LimitationKind) -> StatusReason {
    match kind {
        LimitationKind::Memory => StatusReason::ContainerLimitationMemory,
        LimitationKind::Disk => StatusReason::ContainerLimitationDisk,
        LimitationKind::Ports => StatusReason::ContainerLimitation,
    }
}

/// A container could not be given what its tasks need: its executor ends, and with it what it runs.
///
/// Source: Mesos agent, launching tasks; `TASK_GONE`, which a master tells as `TASK_LOST` to who does not know it.
pub(crate) fn update_failed(state: &mut State, container: &ContainerId, message: String) -> Effects {
    let Some(key) = state.executor_in(container) else { return Effects::new() };
    let Some(executor) = state.executor_mut(&key).filter(|executor| !executor.is_ended()) else {
        return Effects::new();
    };
    executor.phase = Phase::Terminating;
    executor.ending = Some(Ending {
        state: TaskState::Gone,
        reason: StatusReason::ContainerUpdateFailed,
        message: format!("Failed to update the container: {message}"),
        limitation: None,
    });
    vec![Effect::Destroy(container.clone())]
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
    state.counters.fetches_failed += u64::from(failure.step == LaunchStep::Fetch);
    let message = format!("Failed to launch container: {failure}");
    let report = Report::new(TaskState::Failed, StatusReason::ContainerLaunchFailed, message);
    ended(state, &key, None, report, now)
}

/// Tells every task that was not over how it ended, and the master that the executor is gone.
///
/// What the agent ended it for comes before what the container says.
/// Source: Mesos agent, launching tasks, "Executor termination".
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
    effects.extend(containers::abandon_inside(state, &container));
    let executor = state.executor_mut(key).expect("reporting removes nothing");
    executor.phase = Phase::Terminated;
    executor.run = Run::Ended;
    state.counters.executors_terminated += 1;
    let (framework, id) = key.clone();
    let record = checkpoint.then_some(Record::Ended { framework, executor: id });
    let then = vec![Durable::Ended { container: container.clone() }];
    effects.push(Effect::Record { records: record.into_iter().collect(), then });
    effects.push(Effect::Settle(Awaits::End, container, told(status, &last)));
    effects.extend(forget(state, key));
    if state.life == Life::Reconnecting {
        effects.extend(recovery::reconnected(state, false));
    }
    effects
}

/// To whoever waits for the container.
fn told(status: Option<i32>, report: &Report) -> Told {
    let broke = report.limitation.is_some();
    let end = ContainerEnd {
        status,
        state: broke.then_some(report.state),
        reason: broke.then_some(report.reason),
        message: broke.then(|| report.message.clone()),
    };
    Told::Ended(end, report.limitation.clone())
}

/// Makes the executor history if its tasks' ends were heard; the last one ends an agent that was told to stop.
pub(crate) fn forget(state: &mut State, key: &Key) -> Effects {
    state.forget_executor(key);
    stop_if_over(state)
}

/// Ends an agent that was told to stop, once nothing runs.
pub(crate) fn stop_if_over(state: &State) -> Effects {
    let over = state.life == Life::Terminating && state.runs_nothing();
    over.then(|| Effect::Stop("all executors have ended".to_owned())).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use model::FrameworkId;
    use model::TaskState::{Finished, Running};

    use super::*;
    use crate::containerizer::ContainerEvent;
    use crate::messages::Input;
    use crate::testing::{World, command_task, custom_task, ended, key, status};

    #[test]
    fn tasks_of_an_executor_that_dies_fail_and_the_master_hears_of_it_first() {
        let mut world = World::with_custom_task();
        let container = world.container("e");
        let told = world.exited("e", 1792);
        assert_eq!(
            told[..4],
            [
                "close stream 1",
                "to master: executor e exited 1792",
                "record update t TASK_FAILED; then tell of t",
                "record ended e; then forget",
            ]
        );
        let told = told.join("\n");
        assert!(
            told.contains(
                "to master: update t TASK_FAILED REASON_EXECUTOR_TERMINATED \"Executor terminated\""
            ),
            "{told}"
        );
        assert!(told.contains(&format!("forget {container}")), "{told}");
    }

    #[test]
    fn an_executor_is_remembered_as_long_as_an_end_is_not_heard() {
        let mut world = World::with_custom_task();
        world.exited("e", 0);
        assert!(world.state.executor(&key("e")).is_some());
        world.acknowledge("t", world.outstanding("t").unwrap());
        assert!(world.state.frameworks.is_empty());
        assert_eq!(world.state.completed.len(), 1);
        assert_eq!(world.state.completed[0].completed.len(), 1);
    }

    #[test]
    fn a_framework_that_comes_back_has_its_history() {
        let mut world = World::with_custom_task();
        world.exited("e", 0);
        world.acknowledge("t", world.outstanding("t").unwrap());
        world.run(command_task("t2"), true);
        assert!(world.state.completed.is_empty());
        assert_eq!(world.state.frameworks[&FrameworkId::from("f")].completed.len(), 1);
    }

    #[test]
    fn a_launch_that_fails_says_why() {
        let mut world = World::registered();
        world.run(command_task("t"), true);
        let id = world.container("t");
        let failure = LaunchFailure { step: LaunchStep::Fetch, message: "Failed to fetch all URIs".into() };
        let told = world.hear(Input::Container(ContainerEvent::LaunchFailed { id, failure })).join("\n");
        let line = "update t TASK_FAILED REASON_CONTAINER_LAUNCH_FAILED \"Failed to launch container: Failed to fetch all URIs\"";
        assert!(told.contains(line), "{told}");
        assert!(!told.contains("exited"), "the executor of a command task is the agent's affair: {told}");
    }

    #[test]
    fn a_reboot_is_told_as_what_it_is() {
        let mut world = World::with_custom_task();
        let id = world.container("e");
        let termination = ended(None, Cause::Rebooted);
        let told = world.hear(Input::Container(ContainerEvent::Terminated { id, termination })).join("\n");
        assert!(told.contains("update t TASK_GONE REASON_AGENT_RESTARTED \"Agent rebooted\""), "{told}");
    }

    #[test]
    fn histories_are_bounded() {
        let mut world = World::registered();
        for n in 0..5 {
            world.run(command_task(&format!("t{n}")), true);
            world.launched(&format!("t{n}"));
            world.subscribe(&format!("t{n}"), n);
            world.update(&format!("t{n}"), status(&format!("t{n}"), Finished, 9));
            world.exited(&format!("t{n}"), 0);
            world.acknowledge(&format!("t{n}"), world.outstanding(&format!("t{n}")).unwrap());
        }
        assert_eq!(world.state.completed[0].completed.len(), 3);
    }

    #[test]
    fn an_executor_that_never_subscribes_fails_its_tasks() {
        let mut world = World::registered();
        world.run(custom_task("t"), true);
        world.launched("e");
        let container = world.container("e");
        let alarm = crate::alarms::Alarm::Subscribed { executor: key("e"), container: container.clone() };
        assert_eq!(world.hear(Input::Woke(alarm)), [format!("destroy {container}")]);
        let termination = ended(Some(9), Cause::Destroyed);
        let told = world
            .hear(Input::Container(ContainerEvent::Terminated { id: container, termination }))
            .join("\n");
        let line = "update t TASK_FAILED REASON_EXECUTOR_REGISTRATION_TIMEOUT \"Executor did not register within 1mins\"";
        assert!(told.contains(line), "{told}");
    }

    #[test]
    fn nobody_is_told_how_the_tasks_of_a_removed_framework_end() {
        let mut world = World::with_custom_task();
        world.update("e", status("t", Running, 1));
        let shutdown = model::messages::ShutdownFramework { epoch: 3, framework_id: "f".into() };
        let told = world.master(crate::messages::FromMaster::ShutdownFramework(shutdown));
        assert!(told.contains(&"to stream 1: SHUTDOWN".to_owned()), "{told:?}");
        let told = world.exited("e", 0).join("\n");
        assert!(!told.contains("to master: update"), "{told}");
        assert!(world.state.frameworks.is_empty());
    }
}
