//! A container has ended, or what was around it has.

use model::{ContainerId, StatusReason, TaskState};

use super::call::{Awaits, Told};
use crate::containerizer::{Cause, LaunchFailure, LaunchStep, Termination};
use crate::effects::{Effect, Effects};
use crate::executors;
use crate::recovery::{Durable, Record};
use crate::state::{ContainerEnd, Run, State};

/// What a helper that cannot execute the program exits with, as a wait status.
const NOT_EXECUTED: i32 = 1 << 8;

/// The program ran, and nothing of the container is left.
pub(crate) fn terminated(state: &mut State, id: &ContainerId, termination: Termination) -> Effects {
    let told = |state, reason| ContainerEnd {
        status: termination.status,
        state: Some(state),
        reason: Some(reason),
        message: Some(termination.message.clone()),
    };
    let end = match termination.cause {
        _ if termination.limitation.is_some() => {
            let broke = termination.limitation.as_ref();
            ContainerEnd {
                message: broke.map(|broke| broke.message.clone()),
                ..told(
                    TaskState::Failed,
                    broke.map_or(StatusReason::ContainerLimitation, |broke| executors::reason(broke.kind)),
                )
            }
        }
        Cause::Exited | Cause::Destroyed => {
            ContainerEnd { status: termination.status, ..ContainerEnd::default() }
        }
        Cause::SupervisorLost => told(TaskState::Failed, StatusReason::ExecutorTerminated),
        Cause::Rebooted => told(TaskState::Gone, StatusReason::AgentRestarted),
    };
    ended(state, id, end)
}

/// The program never ran.
///
/// One that could not be executed counts as one that exited with 1: that is what callers of the original see. One the
/// agent did not get round to because it was stopped is as if it had never been asked for, so that it can be again.
pub(crate) fn launch_failed(state: &mut State, id: &ContainerId, failure: LaunchFailure) -> Effects {
    match failure.step {
        LaunchStep::Exec => {
            let mut effects = vec![Effect::Settle(Awaits::Launch, id.clone(), Told::Launched)];
            let end = ContainerEnd {
                status: Some(NOT_EXECUTED),
                message: Some(failure.message),
                ..ContainerEnd::default()
            };
            effects.extend(ended(state, id, end));
            effects
        }
        _ => {
            state.counters.container_launch_errors += 1;
            let why = Told::Failed(failure.message);
            let mut effects = vec![Effect::Settle(Awaits::Launch, id.clone(), why)];
            let record = remove(state, id);
            let then = vec![Durable::Ended { container: id.clone() }];
            effects.push(Effect::Settle(Awaits::End, id.clone(), Told::Unknown));
            effects.push(Effect::Record { records: record.into_iter().collect(), then });
            effects.extend(executors::stop_if_over(state));
            effects
        }
    }
}

fn ended(state: &mut State, id: &ContainerId, end: ContainerEnd) -> Effects {
    let Some(container) = state.container_mut(id) else { return vec![Effect::Forget(id.clone())] };
    container.run = Run::Ended;
    container.end = Some(end.clone());
    let record = container.checkpoint.then(|| Record::ContainerEnded { id: id.clone(), end: Box::new(end) });
    let then = vec![Durable::ContainerEnded { id: id.clone() }];
    let mut effects = vec![Effect::Record { records: record.into_iter().collect(), then }];
    effects.extend(executors::stop_if_over(state));
    effects
}

/// Its end is on disk: whoever waits for it may hear of it, and the containerizer may forget it.
pub(crate) fn ended_durable(state: &State, id: ContainerId) -> Effects {
    let end = state.containers.get(&id).and_then(|container| container.end.clone());
    let told = end.map_or(Told::Unknown, Told::Ended);
    vec![Effect::Settle(Awaits::End, id.clone(), told), Effect::Forget(id)]
}

/// Takes a container out, and what there was inside of it; what to write down of that.
pub(super) fn remove(state: &mut State, id: &ContainerId) -> Option<Record> {
    drop_inside(state, id);
    let removed = state.containers.remove(id)?;
    removed.checkpoint.then(|| Record::ContainerRemoved { id: id.clone() })
}

/// What was inside of a container that is gone is gone too.
pub(crate) fn drop_inside(state: &mut State, id: &ContainerId) {
    let inside: Vec<_> = state.containers_inside(id).map(|container| container.id.clone()).collect();
    for id in inside {
        state.containers.remove(&id);
    }
}

/// The same, and tells those who still wait for one of them: what was on its way to be launched will not be.
pub(crate) fn abandon_inside(state: &mut State, id: &ContainerId) -> Effects {
    let waiting = state.containers_inside(id).filter(|container| !container.is_ended());
    let told = waiting
        .flat_map(|container| {
            let why = Told::Failed(format!("Parent container {id} has terminated"));
            [
                Effect::Settle(Awaits::Launch, container.id.clone(), why),
                Effect::Settle(Awaits::End, container.id.clone(), Told::Unknown),
            ]
        })
        .collect();
    drop_inside(state, id);
    told
}

/// After the journal was read: what lies in nothing that is there has ended with it.
pub(crate) fn forget_strays(state: &mut State) {
    let strays: Vec<_> = state
        .containers
        .keys()
        .filter(|id| id.parent().is_some())
        .filter(|id| {
            let parent = id.parent().unwrap_or_else(|| id.root());
            !state.containers.contains_key(&parent) && state.executor_in(&parent).is_none()
        })
        .cloned()
        .collect();
    for id in strays {
        drop_inside(state, &id);
        state.containers.remove(&id);
    }
}
