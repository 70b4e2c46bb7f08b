//! What of a state somebody may see: a state again, so that views need not know who reads.
//!
//! | what | is seen with |
//! |---|---|
//! | a framework | VIEW_FRAMEWORK of its user |
//! | an executor of it | VIEW_EXECUTOR of the executor's user, else of the framework's |
//! | a task of it | VIEW_TASK of the task's user, else of the framework's |
//! | a container standing alone | VIEW_STANDALONE_CONTAINER |
//! | a container within another | VIEW_CONTAINER of the executor's user |
//! | a reserved or allocated resource | VIEW_ROLE of every role it bears |
//! | a sandbox | ACCESS_SANDBOX of the executor's user, else of the framework's |

use std::sync::Arc;

use imbl::{OrdMap, Vector};
use model::{FrameworkInfo, Resource, Task, TaskInfo};
use security::{Action, Object, Rights};

use crate::state::{Executor, Framework, Queued, State};

/// What is left of a state for somebody; all of it where nothing is hidden from anybody.
pub(crate) fn visible(state: Arc<State>, rights: &Rights) -> Arc<State> {
    if rights.are_unlimited() {
        return state;
    }
    let mut seen = State::clone(&state);
    let sees = |framework: &FrameworkInfo| rights.may(Action::ViewFramework, Object::of(&framework.user));
    let one = |known: &Arc<Framework>| Arc::new(framework(rights, known));
    let running = state.frameworks.iter().filter(|(_, known)| sees(&known.info));
    seen.frameworks = running.map(|(id, known)| (id.clone(), one(known))).collect();
    seen.completed = state.completed.iter().filter(|known| sees(&known.info)).map(one).collect();
    let alone = rights.may(Action::ViewStandaloneContainer, Object::ANY);
    seen.containers = state
        .containers
        .iter()
        .filter(|(id, container)| match id.parent() {
            None => alone,
            Some(_) => rights.may(Action::ViewContainer, Object::maybe(container.config.user.as_deref())),
        })
        .map(|(id, container)| (id.clone(), container.clone()))
        .collect();
    seen.total = state.total.filter(|resource| shown(rights, resource));
    Arc::new(seen)
}

/// Reservations refine each other: who may not see one may not see what is built on it.
fn shown(rights: &Rights, resource: &Resource) -> bool {
    let roles = resource.reservations.iter().map(|reservation| &reservation.role);
    roles.chain(&resource.allocation).all(|role| rights.may(Action::ViewRole, Object::of(role.as_str())))
}

/// Whether somebody may see the container of an executor.
pub(crate) fn container(rights: &Rights, state: &State, executor: &Executor) -> bool {
    let framework = state.frameworks.get(&executor.framework);
    let user = framework.map(|framework| user_of(&framework.info, executor));
    rights.are_unlimited() || rights.may(Action::ViewContainer, Object::maybe(user))
}

/// Whether somebody may read the sandbox of an executor.
pub(crate) fn sandbox(rights: &Rights, framework: &FrameworkInfo, executor: &Executor) -> bool {
    rights.may(Action::AccessSandbox, Object::of(user_of(framework, executor)))
}

fn user_of<'a>(framework: &'a FrameworkInfo, executor: &'a Executor) -> &'a str {
    let user = executor.info.command.as_ref().and_then(|command| command.user.as_deref());
    user.unwrap_or(&framework.user)
}

fn framework(rights: &Rights, known: &Framework) -> Framework {
    let mut seen = known.clone();
    let sees =
        |executor: &Executor| rights.may(Action::ViewExecutor, Object::of(user_of(&known.info, executor)));
    let one = |found: &Arc<Executor>| Arc::new(executor(rights, &known.info, found));
    let running = known.executors.iter().filter(|(_, found)| sees(found));
    seen.executors = running.map(|(id, found)| (id.clone(), one(found))).collect();
    seen.completed = known.completed.iter().filter(|found| sees(found)).map(one).collect();
    seen
}

fn executor(rights: &Rights, framework: &FrameworkInfo, known: &Executor) -> Executor {
    let may = |user: Option<&str>| rights.may(Action::ViewTask, Object::of(user.unwrap_or(&framework.user)));
    let sees = |task: &Task| may(task.user.as_deref());
    let waits = |task: &TaskInfo| may(task.command.as_ref().and_then(|command| command.user.as_deref()));
    let map = |tasks: &OrdMap<model::TaskId, Arc<Task>>| -> OrdMap<model::TaskId, Arc<Task>> {
        tasks.iter().filter(|(_, task)| sees(task)).map(|(id, task)| (id.clone(), task.clone())).collect()
    };
    let mut seen = known.clone();
    seen.tasks = map(&known.tasks);
    seen.terminated = map(&known.terminated);
    seen.completed = known.completed.iter().filter(|task| sees(task)).cloned().collect();
    let queued = known.queued.iter().filter(|queued: &&Queued| queued.tasks.iter().all(|task| waits(task)));
    seen.queued = queued.cloned().collect::<Vector<_>>();
    seen
}
