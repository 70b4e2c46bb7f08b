//! The journal, fact by fact, back into a state.

use std::path::Path;
use std::sync::Arc;

use imbl::{OrdMap, Vector};
use model::{Task, TaskInfo, TaskStatus};

use super::Record;
use crate::operations::Outcome;
use crate::state::{Container, Drain, Executor, Key, Phase, Queued, Run, State};
use crate::{containers, tasks};

/// Makes one fact true in `state`, as it was true when it was written.
///
/// A fact about something that is not there is skipped: its end was written before, by a crash between two facts of
/// one turn.
pub(crate) fn replay(state: &mut State, record: Record) {
    match record {
        Record::Agent { id } => state.id = Some(id),
        Record::Left => (state.id, state.known) = (None, None),
        Record::Known(known) => state.known = Some(Arc::from(known)),
        Record::Forgotten => state.forget_all(),
        Record::Framework(info) => {
            let Some(id) = info.id.clone() else { return };
            let info = Arc::from(info);
            state.framework_or_new(&info, &id).info = info.clone();
        }
        Record::Executor { framework, executor, container, directory, generated, used } => {
            let Some(framework) = state.framework_mut(&framework) else { return };
            let found = Executor {
                id: executor.id.clone(),
                framework: framework.id.clone(),
                info: Arc::from(executor),
                container,
                directory: Arc::from(Path::new(&directory)),
                generated,
                checkpoint: true,
                phase: Phase::Registering,
                run: Run::Launching,
                identity: None,
                stream: None,
                driver: None,
                queued: Vector::new(),
                tasks: OrdMap::new(),
                terminated: OrdMap::new(),
                completed: Vector::new(),
                used,
                kills: OrdMap::new(),
                ending: None,
            };
            framework.executors.insert(found.id.clone(), Arc::new(found));
        }
        Record::Held { framework, executor, identity } => {
            let Some(executor) = state.executor_mut(&(framework, executor)) else { return };
            executor.run = Run::Running(identity.task);
            executor.identity = Some(identity);
        }
        Record::Driver { framework, executor, pid } => {
            let Some(executor) = state.executor_mut(&(framework, executor)) else { return };
            executor.driver = pid.and_then(|pid| pid.parse().ok());
        }
        Record::Tasks { framework, executor, tasks, group } => {
            queue(state, (framework, executor), tasks.into_iter().map(Arc::new).collect(), group);
        }
        Record::Given { framework, executor, first } => {
            let Some(executor) = state.executor_mut(&(framework, executor)) else { return };
            let Some(at) = executor.queued.iter().position(|queued| queued.holds(&first)) else { return };
            let given = executor.queued.remove(at);
            executor.give(&given);
        }
        Record::Task { framework, executor, task } => place(state, (framework, executor), *task),
        Record::Update { framework, executor, status } => {
            let Some(uuid) = status.uuid else { return };
            let status = Arc::from(status);
            state.streams.push(&framework, executor.as_ref(), uuid, Arc::clone(&status));
            settle_stream(state, &framework, &status);
            if let Some(executor) = executor {
                tasks::settle(state, &(framework, executor), &status);
            }
        }
        Record::Acknowledged { framework, task, uuid } => {
            let Some(popped) = state.streams.pop(&framework, &task, uuid) else { return };
            if let (true, Some(executor)) = (popped.last, popped.executor) {
                let key = (framework, executor);
                state.complete_task(&key, &task);
                state.forget_executor(&key);
            }
        }
        Record::Ended { framework, executor } => {
            let key = (framework, executor);
            // With tasks left, something before this was lost: the containerizer tells of the end once more.
            let whole = |executor: &&mut Executor| executor.tasks.is_empty() && executor.queued.is_empty();
            let Some(executor) = state.executor_mut(&key).filter(whole) else { return };
            executor.phase = Phase::Terminated;
            executor.run = Run::Ended;
            let container = executor.container.clone();
            containers::drop_inside(state, &container);
            state.forget_executor(&key);
        }
        Record::FrameworkGone(framework) => {
            if let Some(framework) = state.framework_mut(&framework) {
                framework.terminating = true;
            }
            state.streams.remove_framework(&framework);
            tasks::bury(state, &framework);
            let known = state.frameworks.get(&framework);
            let executors: Vec<_> =
                known.map(|known| known.executors.keys().cloned().collect()).unwrap_or_default();
            for executor in executors {
                state.forget_executor(&(framework.clone(), executor));
            }
        }
        Record::Container { id, container } => {
            let container = Container {
                id: id.clone(),
                config: Arc::from(container),
                session: false,
                checkpoint: true,
                run: Run::Launching,
                identity: None,
                end: None,
                limitation: None,
            };
            state.containers.insert(id, Arc::new(container));
        }
        Record::ContainerHeld { id, identity } => {
            let Some(container) = state.container_mut(&id) else { return };
            container.run = Run::Running(identity.task);
            container.identity = Some(identity);
        }
        Record::ContainerEnded { id, end } => {
            let Some(container) = state.container_mut(&id) else { return };
            container.run = Run::Ended;
            container.end = Some(*end);
        }
        Record::ContainerLimited { id, used } => {
            let Some(container) = state.container_mut(&id) else { return };
            container.limitation = Some(used);
        }
        Record::ContainerRemoved { id } => {
            containers::drop_inside(state, &id);
            state.containers.remove(&id);
        }
        Record::Kept(resources) => state.kept = Some(resources),
        Record::Operation(operation) => {
            let mut outcome = Outcome::new(*operation);
            outcome.durable = !outcome.is_pending();
            state.operations.insert(outcome.operation.uuid, Arc::new(outcome));
        }
        Record::Drain(drain) => state.drain = drain.map(|(config, started)| Drain { config, started }),
        Record::OperationHeard(operation) => drop(state.operations.remove(&operation)),
        Record::Stream { framework, task, executor, latest, pending, acknowledged } => {
            state.streams.restore(&framework, &task, executor.clone(), latest, acknowledged);
            for status in pending {
                let Some(uuid) = status.uuid else { continue };
                let status = Arc::new(status);
                state.streams.push(&framework, executor.as_ref(), uuid, Arc::clone(&status));
                settle_stream(state, &framework, &status);
            }
        }
    }
}

/// What was read from disk is on disk.
fn settle_stream(state: &mut State, framework: &model::FrameworkId, status: &TaskStatus) {
    let stream = state.streams.get_mut(framework, &status.task_id);
    if let Some(last) = stream.and_then(|stream| stream.pending.back_mut()) {
        last.durable = true;
    }
}

/// Puts tasks where they wait.
fn queue(state: &mut State, key: Key, tasks: Vec<Arc<TaskInfo>>, group: bool) {
    let Some(executor) = state.executor_mut(&key) else { return };
    let names: Vec<_> = tasks.iter().map(|task| task.id.clone()).collect();
    executor.queued.push_back(Queued { tasks, group, durable: true, shown: false });
    for name in names {
        state.placed.insert((key.0.clone(), name), key.1.clone());
    }
}

/// Puts a task where its state belongs.
fn place(state: &mut State, key: Key, task: Task) {
    let Some(executor) = state.executor_mut(&key) else { return };
    let id = task.id.clone();
    let at = if task.state.is_terminal() { &mut executor.terminated } else { &mut executor.tasks };
    at.insert(id.clone(), Arc::new(task));
    state.placed.insert((key.0, id), key.1);
}
