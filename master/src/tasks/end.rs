//! A task changes its state, and what that means for the books.

use std::sync::Arc;

use model::event::Event;
use model::{FrameworkId, StatusReason, TaskId, TaskState, TaskStatus, Time};

use super::status;
use crate::effects::{Effect, Effects};
use crate::state::State;

/// Writes a status into a task's record. `latest` is the newest state its agent knows, which may be ahead of the status.
///
/// An ended task's state is sticky. What a task held is free the moment it ends, whoever has still to acknowledge it.
/// Returns the resources that became free.
/// Source: scheduler semantics §5 (`latest_state`), §7.
pub(super) fn change(
    state: &mut State,
    framework: &FrameworkId,
    status: &TaskStatus,
    latest: TaskState,
) -> Option<Effect> {
    let task = state.task_mut(framework, &status.task_id)?;
    let newest = if task.state.is_terminal() { task.state } else { latest };
    state.note_status(framework, status, newest);
    let task = state.task_mut(framework, &status.task_id)?;
    task.push_status(status);
    if let Some(uuid) = status.uuid {
        task.status_update_state = Some(status.state);
        task.status_update_uuid = Some(uuid);
    }
    let before = task.state;
    if before.is_terminal() {
        return None;
    }
    task.state = latest;
    let (agent, resources) = (task.agent_id.clone(), task.resources.clone());
    if latest.is_terminal() {
        state.task_ended(framework, latest, status);
    }
    if !latest.frees_resources() || before.frees_resources() {
        return None;
    }
    state.let_go(framework, &agent, &resources);
    Some(Effect::recover(framework, &agent, resources, None))
}

/// Puts a task into a state that the master itself knows of, and says so to nobody.
pub(crate) fn end(
    state: &mut State,
    framework: &FrameworkId,
    task: &TaskId,
    into: TaskState,
    reason: StatusReason,
    message: &str,
    now: Time,
) -> Option<(TaskStatus, Option<Effect>)> {
    let agent = state.framework(framework)?.tasks.get(task)?.agent_id.clone();
    let status = status(task, Some(&agent), into, reason, message, now);
    let freed = change(state, framework, &status, into);
    Some((status, freed))
}

/// The same, told to the framework in the words it knows.
pub(crate) fn ended_by_master(
    state: &mut State,
    framework: &FrameworkId,
    task: &TaskId,
    into: TaskState,
    reason: StatusReason,
    message: &str,
    now: Time,
) -> Effects {
    let Some(to) = state.framework(framework) else { return Effects::none() };
    let into = into.for_framework(to.partition_aware());
    let Some((status, freed)) = end(state, framework, task, into, reason, message, now) else {
        return Effects::none();
    };
    let mut effects = Effects::none();
    effects.extend(freed);
    effects.tell(state.framework(framework).expect("it was there above"), Event::Update(Arc::new(status)));
    effects
}
