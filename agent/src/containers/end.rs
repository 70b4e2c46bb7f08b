//! A container has ended, or what was around it has.

use model::{ContainerId, Resources, StatusReason, TaskState};

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
    ended(state, id, end, termination.limitation.map(|broke| broke.resources))
}

/// The program never ran.
///
/// One that could not be executed counts as one that exited with 1, which is what callers of the original see; why is
/// said besides. One the agent did not get round to because it was stopped is as if it had never been asked for, so that it can be again.
pub(crate) fn launch_failed(state: &mut State, id: &ContainerId, failure: LaunchFailure) -> Effects {
    match failure.step {
        LaunchStep::Exec => {
            let mut effects = vec![Effect::Settle(Awaits::Launch, id.clone(), Told::Launched)];
            let end = ContainerEnd {
                status: Some(NOT_EXECUTED),
                state: Some(TaskState::Failed),
                reason: Some(StatusReason::ContainerLaunchFailed),
                message: Some(failure.message),
            };
            effects.extend(ended(state, id, end, None));
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

fn ended(state: &mut State, id: &ContainerId, end: ContainerEnd, limitation: Option<Resources>) -> Effects {
    let Some(container) = state.container_mut(id) else { return vec![Effect::Forget(id.clone())] };
    container.run = Run::Ended;
    container.end = Some(end.clone());
    container.limitation = limitation.clone();
    let mut records = Vec::new();
    if container.checkpoint {
        records.push(Record::ContainerEnded { id: id.clone(), end: Box::new(end) });
        records.extend(limitation.map(|used| Record::ContainerLimited { id: id.clone(), used }));
    }
    let then = vec![Durable::ContainerEnded { id: id.clone() }];
    let mut effects = vec![Effect::Record { records, then }];
    effects.extend(executors::stop_if_over(state));
    effects
}

/// Its end is on disk: whoever waits for it may hear of it, and the containerizer may forget it.
pub(crate) fn ended_durable(state: &State, id: ContainerId) -> Effects {
    let container = state.containers.get(&id);
    let told = container.and_then(|container| {
        container.end.clone().map(|end| Told::Ended(end, container.limitation.clone()))
    });
    let told = told.unwrap_or(Told::Unknown);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::containerizer::{ContainerEvent, Limitation, LimitationKind};
    use crate::containers::{ContainerCall, LaunchCall};
    use crate::messages::{Door, Input};
    use crate::testing::{World, ended, identity};

    /// With a container that runs in that of executor `e`.
    fn world() -> (World, ContainerId) {
        let mut world = World::with_custom_task();
        let id = world.container("e").child("inside");
        let call = LaunchCall {
            id: id.clone(),
            command: Some(model::CommandInfo::shell("true")),
            container: None,
            resources: Default::default(),
            limits: Default::default(),
            session: false,
        };
        let call = ContainerCall::Launch(Box::new(call));
        world.hear(Input::ContainerCall { call, door: Door::default() });
        world.hear(Input::Container(ContainerEvent::Held { id: id.clone(), identity: identity() }));
        (world, id)
    }

    #[test]
    fn what_a_container_broke_is_told_to_whoever_waits_even_by_the_next_agent() {
        let (mut world, id) = world();
        let used: Resources = "mem:48".parse().unwrap();
        let broke =
            Limitation { kind: LimitationKind::Memory, message: "too much".into(), resources: used.clone() };
        let termination = Termination { limitation: Some(broke), ..ended(Some(9), Cause::Destroyed) };
        world.hear(Input::Container(ContainerEvent::Terminated { id: id.clone(), termination }));
        let known = |world: &World| {
            let container = world.state.containers.get(&id).expect("it is known");
            let end = container.end.clone().expect("it has ended");
            (end.status, end.reason, container.limitation.clone())
        };
        let expected = (Some(9), Some(StatusReason::ContainerLimitationMemory), Some(used));
        assert_eq!(known(&world), expected);
        assert_eq!(known(&world.restart()), expected);
    }

    #[test]
    fn a_program_that_could_not_be_executed_exits_with_1_and_why_is_told() {
        let (mut world, id) = world();
        let failure = LaunchFailure { step: LaunchStep::Exec, message: "no such program".into() };
        world.hear(Input::Container(ContainerEvent::LaunchFailed { id: id.clone(), failure }));
        let end = world.state.containers.get(&id).and_then(|container| container.end.clone());
        let expected = ContainerEnd {
            status: Some(256),
            state: Some(TaskState::Failed),
            reason: Some(StatusReason::ContainerLaunchFailed),
            message: Some("no such program".into()),
        };
        assert_eq!(end, Some(expected));
    }
}
