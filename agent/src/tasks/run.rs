//! A task, or a group of them, is to be run.

use std::sync::Arc;

use imbl::{OrdMap, Vector};
use model::messages::{ExecutorExited, RunTask, RunTaskGroup};
use model::{
    ExecutorId, ExecutorInfo, FrameworkId, FrameworkInfo, Resource, StatusReason, Task, TaskId, TaskInfo,
    TaskState, Time,
};

use super::{Report, Whose, report};
use crate::effects::{Effect, Effects, ToMaster};
use crate::executors;
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
/// Source: agent-semantics §2, whose order of checks this keeps.
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
        });
        then.insert(0, Durable::Intent { executor: key.clone(), container: executor.container.clone() });
        let framework = state.framework_mut(&key.0).expect("it was just put there");
        framework.executors.insert(key.1.clone(), Arc::new(executor));
    }
    for task in &launch.tasks {
        state.placed.insert((key.0.clone(), task.id.clone()), key.1.clone());
        let task = Box::new(Task::staging(task, key.0.clone()));
        records.push(Record::Task { framework: key.0.clone(), executor: key.1.clone(), task });
    }
    let executor = state.executor_mut(&key).expect("it was just put there");
    executor.queued.push_back(Queued { tasks: launch.tasks, group: launch.group, durable: false });
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
    if tasks.iter().any(|task| state.placed.contains_key(&(key.0.clone(), task.id.clone()))) {
        return Err(Refusal::Silent("such a task is here already"));
    }
    if tasks.iter().any(|task| !task.limits.is_empty()) {
        let message = "Resource limits are not supported by the isolators of this agent";
        return Err(dropped(StatusReason::GcError, message));
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
        kept && !state.settings.resources.contains_one(&whole)
    };
    let wanted = tasks.iter().map(|task| &task.resources).chain([&launch.executor.resources]);
    if let Some(resource) = wanted.flat_map(|resources| resources.iter()).find(|resource| unknown(resource)) {
        let message =
            format!("The checkpointed resources being used by the task are unknown to the agent: {resource}");
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
    }
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
        queued: Vector::new(),
        tasks: OrdMap::new(),
        terminated: OrdMap::new(),
        completed: Vector::new(),
        used: false,
        kills: OrdMap::new(),
        ending: None,
    }
}
