//! A task, or a group of them, is to be run.

use std::sync::Arc;

use imbl::{OrdMap, Vector};
use model::messages::{ExecutorExited, RunTask, RunTaskGroup};
use model::{
    ExecutorId, ExecutorInfo, FrameworkId, FrameworkInfo, Resource, StatusReason, TaskId, TaskInfo,
    TaskState, Time,
};

use super::{Report, Whose, report};
use crate::authorization;
use crate::effects::{Effect, Effects, ToMaster};
use crate::executors;
use crate::operations;
use crate::recovery::{Durable, Record};
use crate::state::{Executor, Key, Life, Phase, Queued, Run, State};

/// Runs a task on its executor; a command task gets one made for it.
pub(crate) fn run_task(state: &mut State, run: RunTask, now: Time) -> Effects {
    let RunTask { framework, task, launch_executor, .. } = run;
    let (executor, generated) = match &task.executor {
        Some(executor) => (executor.clone(), false),
        None => (executors::command_executor(&task, &framework, &state.settings.executor), true),
    };
    let tasks = vec![Arc::new(task)];
    launch(state, Launch { framework, executor, generated, tasks, group: false, new: launch_executor }, now)
}

/// Runs tasks that start together or not at all.
pub(crate) fn run_group(state: &mut State, run: RunTaskGroup, now: Time) -> Effects {
    let RunTaskGroup { framework, executor, tasks, launch_executor, .. } = run;
    let tasks = tasks
        .into_iter()
        .map(|mut task| {
            // Each is told whose it is, as a task outside a group is.
            task.executor.get_or_insert_with(|| executor.clone());
            Arc::new(task)
        })
        .collect();
    launch(
        state,
        Launch { framework, executor, generated: false, tasks, group: true, new: launch_executor },
        now,
    )
}

/// What both verbs come down to.
struct Launch {
    framework: FrameworkInfo,
    executor: ExecutorInfo,
    generated: bool,
    tasks: Vec<Arc<TaskInfo>>,
    group: bool,
    /// Whether the master counts the executor as new.
    new: bool,
}

/// Why tasks are not run.
enum Refusal {
    /// They are none of ours; nobody is told.
    Silent(&'static str),
    Told {
        report: Report,
        shut_down: bool,
    },
}

/// Judges the tasks, then has them wait for their executor, which is launched if it is not there.
///
/// Source: Mesos agent, launching tasks, whose order of checks this keeps.
fn launch(state: &mut State, launch: Launch, now: Time) -> Effects {
    let Some(framework) = launch.framework.id.clone() else { return Effects::new() };
    let key = (framework, launch.executor.id.clone());
    let tasks: Vec<_> = launch.tasks.iter().map(|task| task.id.clone()).collect();
    match judge(state, &launch, &key) {
        Ok(()) => {}
        Err(Refusal::Silent(why)) => {
            tracing::warn!(framework = %key.0, ?tasks, why, "tasks ignored");
            return Effects::new();
        }
        Err(Refusal::Told { report: refused, shut_down }) => {
            let whose = Whose::Nobody { framework: key.0.clone(), checkpoint: launch.framework.checkpoint };
            let known = state.executor(&key).is_some();
            let mut effects = refuse(state, &whose, &launch.framework, &tasks, refused, now);
            if launch.new && !launch.generated && !known {
                effects.extend(exited(state, &key.0, &key.1));
            }
            if shut_down {
                effects.extend(executors::shutdown(state, &key));
            }
            return effects;
        }
    }

    let mut records = Vec::new();
    let info = Arc::new(launch.framework);
    let known = state.frameworks.get(&key.0).map(|framework| Arc::clone(&framework.info));
    if known.as_ref() != Some(&info) {
        records.push(Record::Framework(Box::new(info.as_ref().clone())));
    }
    state.framework_or_new(&info, &key.0).info = Arc::clone(&info);
    let first = tasks[0].clone();
    let mut then = vec![Durable::Queued { executor: key.clone(), first }];
    if state.executor(&key).is_none() {
        let executor = new_executor(state, &key, launch.executor, launch.generated, info.checkpoint);
        records.push(Record::Executor {
            framework: key.0.clone(),
            executor: Box::new(executor.info.as_ref().clone()),
            container: executor.container.clone(),
            directory: executor.directory.display().to_string(),
            generated: executor.generated,
            used: false,
        });
        then.insert(0, Durable::Intent { executor: key.clone(), container: executor.container.clone() });
        let framework = state.framework_mut(&key.0).expect("it was just put there");
        framework.executors.insert(key.1.clone(), Arc::new(executor));
    }
    for task in &launch.tasks {
        state.placed.insert((key.0.clone(), task.id.clone()), key.1.clone());
    }
    records.push(Record::Tasks {
        framework: key.0.clone(),
        executor: key.1.clone(),
        tasks: launch.tasks.iter().map(|task| task.as_ref().clone()).collect(),
        group: launch.group,
    });
    let executor = state.executor_mut(&key).expect("it was just put there");
    executor.queued.push_back(Queued {
        tasks: launch.tasks,
        group: launch.group,
        durable: false,
        shown: false,
    });
    if !info.checkpoint {
        records.clear();
    }
    vec![Effect::Record { records, then }]
}

fn judge(state: &State, launch: &Launch, key: &Key) -> Result<(), Refusal> {
    let told = |state, reason, message: &str| Refusal::Told {
        report: Report::new(state, reason, message),
        shut_down: false,
    };
    let dropped = |reason, message: &str| told(TaskState::Dropped, reason, message);
    let tasks = &launch.tasks;
    if state.life != Life::Running {
        return Err(Refusal::Silent("the agent is not open for tasks"));
    }
    if tasks.is_empty() || tasks.iter().any(|task| Some(&task.agent_id) != state.id.as_ref()) {
        return Err(Refusal::Silent("they are meant for another agent"));
    }
    let known = |task: &TaskId| {
        let held = state.placed.contains_key(&(key.0.clone(), task.clone()));
        held || state.streams.get(&key.0, task).is_some()
    };
    if tasks.iter().any(|task| known(&task.id)) {
        return Err(Refusal::Silent("such a task is here already, or its end is not heard yet"));
    }
    if let Some(why) = operations::overfull(state) {
        return Err(dropped(StatusReason::ResourcesUnknown, &why));
    }
    let enforced = &state.settings.enforced_limits;
    if let Err(message) = tasks.iter().try_for_each(|task| executors::enforceable(&task.limits, enforced)) {
        return Err(dropped(StatusReason::GcError, &message));
    }
    let rights = state.settings.policy.rights_of(launch.framework.principal.as_deref());
    if let Err(message) =
        tasks.iter().try_for_each(|task| authorization::run(&rights, &launch.framework, task))
    {
        let reason = match launch.group {
            true => StatusReason::TaskGroupUnauthorized,
            false => StatusReason::TaskUnauthorized,
        };
        return Err(told(TaskState::Error, reason, &message));
    }
    if state.drain.is_some() {
        return Err(dropped(StatusReason::AgentDraining, "Agent is draining"));
    }
    // Ids become directories; a master has judged them before.
    if let Err(why) = key.0.check().and_then(|()| key.1.check()) {
        let message = format!("Executor '{}' cannot be run: {why}", key.1);
        return Err(told(TaskState::Error, StatusReason::TaskInvalid, &message));
    }
    if state.frameworks.get(&key.0).is_some_and(|framework| framework.terminating) {
        return Err(Refusal::Silent("their framework is being shut down"));
    }
    let unknown = |resource: &Resource| {
        let kept = resource.is_dynamically_reserved() || resource.is_persistent_volume();
        let mut whole = resource.clone();
        whole.allocation = None;
        kept && !state.total.contains_one(&whole)
    };
    let wanted = tasks.iter().map(|task| &task.resources).chain([&launch.executor.resources]);
    if let Some(resource) = wanted.flat_map(|resources| resources.iter()).find(|resource| unknown(resource)) {
        let why = operations::not_made(state, resource).map(|why| format!(": {why}")).unwrap_or_default();
        let message = format!(
            "The checkpointed resources being used by the task are unknown to the agent: {resource}{why}"
        );
        return Err(dropped(StatusReason::ResourcesUnknown, &message));
    }
    let terminated = |message: &str| Err(dropped(StatusReason::ExecutorTerminated, message));
    match state.executor(key).map(|executor| executor.phase) {
        None if launch.new => Ok(()),
        None => terminated("No executor is expected to be launched, but the executor is not there"),
        Some(Phase::Terminating) => terminated("Executor terminating"),
        Some(Phase::Terminated) => terminated("Executor terminated"),
        Some(_) if launch.new => Err(Refusal::Told {
            report: Report::new(
                TaskState::Dropped,
                StatusReason::ExecutorTerminated,
                "Master wants to launch an executor, but one with this id is there already",
            ),
            shut_down: true,
        }),
        Some(_) => Ok(()),
    }?;
    let tasks = tasks.iter().map(Arc::as_ref);
    executors::judge_volumes(state, &launch.executor, state.executor(key), tasks).map_err(|why| {
        let message = format!("Failed to launch container: {why}");
        told(TaskState::Failed, StatusReason::ContainerLaunchFailed, &message)
    })
}

/// Reports tasks that were never taken in. Their framework may be new here, so what it understands is asked of it.
fn refuse(
    state: &mut State,
    whose: &Whose,
    framework: &FrameworkInfo,
    tasks: &[TaskId],
    mut refused: Report,
    now: Time,
) -> Effects {
    refused.state = refused.state.for_framework(framework.capabilities.partition_aware());
    report(state, whose, tasks, &refused, now)
}

/// Tells the master that the executor it counts on will not be there.
fn exited(state: &State, framework: &FrameworkId, executor: &ExecutorId) -> Option<Effect> {
    let exited = ExecutorExited {
        framework_id: framework.clone(),
        agent_id: state.id.clone()?,
        executor_id: executor.clone(),
        status: -1,
    };
    Some(Effect::ToMaster(ToMaster::Exited(exited)))
}

fn new_executor(
    state: &mut State,
    key: &Key,
    info: ExecutorInfo,
    generated: bool,
    checkpoint: bool,
) -> Executor {
    let container = state.ids.container();
    let agent = state.id.clone().expect("tasks are only taken once the agent has an id");
    let directory = state.settings.layout.sandbox(&agent, &key.0, &key.1, &container);
    Executor {
        id: key.1.clone(),
        framework: key.0.clone(),
        info: Arc::new(info),
        container,
        directory: Arc::from(directory),
        generated,
        checkpoint,
        phase: Phase::Registering,
        run: Run::Intended,
        identity: None,
        stream: None,
        driver: None,
        queued: Vector::new(),
        tasks: OrdMap::new(),
        terminated: OrdMap::new(),
        completed: Vector::new(),
        used: false,
        kills: OrdMap::new(),
        ending: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{World, command_task, custom_task, key};

    #[test]
    fn a_command_task_gets_an_executor_launched_once_the_intent_is_on_disk() {
        let mut world = World::registered();
        world.hold_disk();

        let told = world.run(command_task("t"), true);
        assert_eq!(told, ["record framework framework, executor t, tasks t; then launch t; then deliver t"]);

        let told = world.sync();
        let container = world.container("t");
        assert_eq!(told[0], format!("launch {container}: hectare executor"));
        assert!(told[1].starts_with("wake after 60s: Subscribed"), "{told:?}");
    }

    #[test]
    fn tasks_of_one_executor_reach_it_in_the_order_they_were_sent() {
        let mut world = World::registered();
        world.run(custom_task("t1"), true);
        world.run(custom_task("t2"), false);
        world.launched("e");
        let told = world.subscribe("e", 1);
        let launches: Vec<_> = told.iter().filter(|line| line.contains("LAUNCH")).collect();
        assert_eq!(launches, ["to stream 1: LAUNCH t1", "to stream 1: LAUNCH t2"]);
        assert!(world.run(custom_task("t3"), false).contains(&"to stream 1: LAUNCH t3".to_owned()));
    }

    #[test]
    fn a_task_for_another_agent_is_ignored() {
        let mut world = World::registered();
        let mut task = command_task("t");
        task.agent_id = "S9".into();
        assert!(world.run(task, true).is_empty());
    }

    #[test]
    fn a_task_that_is_here_already_is_ignored() {
        let mut world = World::registered();
        world.run(command_task("t"), true);
        assert!(world.run(command_task("t"), true).is_empty());
    }

    #[test]
    fn tasks_that_count_on_an_executor_that_is_gone_are_dropped() {
        let mut world = World::registered();
        let told = world.run(custom_task("t"), false);
        assert!(
            told[1].starts_with("to master: update t TASK_DROPPED REASON_EXECUTOR_TERMINATED"),
            "{told:?}"
        );
    }

    #[test]
    fn an_executor_the_master_does_not_know_of_is_shut_down_and_the_task_dropped() {
        let mut world = World::with_custom_task();
        let told = world.run(custom_task("t2"), true).join("\n");
        assert!(told.contains("update t2 TASK_DROPPED REASON_EXECUTOR_TERMINATED"), "{told}");
        assert!(told.contains("to stream 1: SHUTDOWN"), "{told}");
        assert_eq!(world.state.executor(&key("e")).unwrap().phase, Phase::Terminating);
    }

    #[test]
    fn a_task_that_cannot_be_run_tells_the_master_that_its_executor_will_not_come() {
        let mut world = World::registered();
        let mut task = custom_task("t");
        task.limits.insert("cpus".into(), model::Limit::Infinite);
        let told = world.run(task, true).join("\n");
        assert!(told.contains("update t TASK_DROPPED REASON_GC_ERROR"), "{told}");
        assert!(told.contains("executor e exited -1"), "{told}");
    }

    #[test]
    fn reservations_the_agent_does_not_know_are_refused() {
        let mut world = World::registered();
        let mut task = command_task("t");
        task.resources = task
            .resources
            .push_reservation(&model::Reservation::dynamic("role", None))
            .allocate(&"role".into());
        let told = world.run(task, true).join("\n");
        assert!(told.contains("update t TASK_DROPPED REASON_RESOURCES_UNKNOWN"), "{told}");
    }

    #[test]
    fn an_executor_id_that_could_leave_its_directory_is_refused() {
        let mut world = World::registered();
        let mut task = custom_task("t");
        task.executor.as_mut().unwrap().id = "../x".into();
        let told = world.run(task, true).join("\n");
        assert!(told.contains("update t TASK_ERROR REASON_TASK_INVALID"), "{told}");
    }

    #[test]
    fn what_a_framework_without_checkpoints_runs_is_not_written_down() {
        let mut world = World::registered();
        let before = world.journal.len();
        let mut framework = crate::testing::framework();
        framework.checkpoint = false;
        let run = RunTask { epoch: 3, framework, task: command_task("t"), launch_executor: true };
        let told = world.master(crate::messages::FromMaster::RunTask(Box::new(run)));
        assert!(told.iter().any(|line| line.starts_with("launch ")), "{told:?}");
        assert_eq!(world.journal.len(), before);
    }
}
