//! Waiting for containers, signals to them, and their removal.

use std::path::{Path, PathBuf};

use model::ContainerId;

use super::call::{Awaits, Told};
use super::end::remove as take_out;
use crate::effects::{Effect, Effects};
use crate::state::{Run, State};

/// Answers when the container has ended, at once if it has.
///
/// Those of executors can be waited for too. Source: Mesos agent operator API, WAIT_CONTAINER.
pub(crate) fn wait(state: &State, id: ContainerId) -> Effects {
    let told = match state.containers.get(&id) {
        Some(container) => match &container.end {
            Some(end) if container.run == Run::Ended => {
                Told::Ended(end.clone(), container.limitation.clone())
            }
            _ => return vec![Effect::Hold(Awaits::End, id)],
        },
        None => match state.executor_in(&id).and_then(|key| state.executor(&key)) {
            Some(executor) if !executor.is_ended() => return vec![Effect::Hold(Awaits::End, id)],
            _ => Told::Unknown,
        },
    };
    vec![Effect::Told(told)]
}

/// Sends a signal to the first process of a container; one that does not run yet is ended.
///
/// Source: Mesos agent operator API, KILL_CONTAINER.
pub(crate) fn kill(state: &mut State, id: ContainerId, signal: i32) -> Effects {
    let executor = || state.executor_in(&id).and_then(|key| state.executor(&key));
    let (run, ours) = match state.containers.get(&id) {
        Some(container) => (container.run, true),
        None => (executor().map_or(Run::Ended, |executor| executor.run), false),
    };
    match run {
        Run::Running(_) => vec![Effect::Signal(id, signal), Effect::Told(Told::Done)],
        Run::Launching => vec![Effect::Destroy(id), Effect::Told(Told::Done)],
        // The containerizer has not heard of it, and will not.
        Run::Intended if ours => {
            let record = take_out(state, &id);
            vec![
                Effect::Record { records: record.into_iter().collect(), then: Vec::new() },
                Effect::Settle(Awaits::Launch, id.clone(), Told::Failed("Container was killed".to_owned())),
                Effect::Settle(Awaits::End, id, Told::Unknown),
                Effect::Told(Told::Done),
            ]
        }
        Run::Intended | Run::Ended => vec![Effect::Told(Told::Unknown)],
    }
}

/// Forgets a container that has ended, with its sandbox. One that is not there is as good as removed.
///
/// Source: Mesos agent operator API, REMOVE_CONTAINER.
pub(crate) fn remove(state: &mut State, id: &ContainerId) -> Effects {
    let Some(container) = state.containers.get(id) else {
        if state.executor_in(id).is_some() {
            return vec![Effect::Told(Told::Running)];
        }
        // It may not have come as far as to run: then its sandbox is all there is of it.
        let sandbox = state.settings.layout.standalone(id);
        let within = sandbox.parent().filter(|_| id.parent().is_none()).map(Path::to_owned);
        let left = within.map(|within| Effect::RemoveSandbox { within, name: id.value().into() });
        return left.into_iter().chain([Effect::Told(Told::Done)]).collect();
    };
    if !container.is_ended() {
        return vec![Effect::Told(Told::Running)];
    }
    let executor = id.parent().and_then(|parent| state.executor(&state.executor_in(&parent)?));
    // The container of a command executor's task is at home in the executor's.
    let shares = executor.is_some_and(|executor| *executor.directory == *container.sandbox());
    let around = (!container.session && !shares).then(|| around(state, id)).flatten();
    let sandbox = around.and_then(|around| {
        let name = container.sandbox().strip_prefix(&around).ok()?.to_owned();
        Some(Effect::RemoveSandbox { within: around, name })
    });
    let record = take_out(state, id);
    let mut effects = vec![Effect::Record { records: record.into_iter().collect(), then: Vec::new() }];
    effects.extend(sandbox);
    effects.push(Effect::Told(Told::Done));
    effects
}

/// The directory that a container's sandbox is below, and that no task can have changed: an executor's sandbox, that of a
/// container standing alone, or where such are.
fn around(state: &State, id: &ContainerId) -> Option<PathBuf> {
    let root = id.root();
    if let Some(executor) = state.executor_in(&root).and_then(|key| state.executor(&key)) {
        return Some(executor.directory.to_path_buf());
    }
    let outermost = state.containers.get(&root)?.sandbox();
    if *id == root { outermost.parent().map(Path::to_owned) } else { Some(outermost.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::containerizer::{ContainerEvent, LaunchFailure, LaunchStep};
    use crate::containers::{ContainerCall, LaunchCall};
    use crate::messages::{Door, Input};
    use crate::testing::World;

    #[test]
    fn what_a_launch_that_failed_left_is_removed_with_the_container() {
        let mut world = World::registered();
        let id = ContainerId::new("alone");
        let call = LaunchCall {
            id: id.clone(),
            command: Some(model::CommandInfo::shell("true")),
            container: None,
            resources: Default::default(),
            limits: Default::default(),
            session: false,
        };
        let ask = |call| Input::ContainerCall { call, door: Door::default() };
        world.hear(ask(ContainerCall::Launch(Box::new(call))));
        assert_eq!(world.hear(ask(ContainerCall::Remove(id.clone()))), ["told still running"]);
        let failure = LaunchFailure { step: LaunchStep::Fetch, message: "no".into() };
        world.hear(Input::Container(ContainerEvent::LaunchFailed { id: id.clone(), failure }));
        let told = world.hear(ask(ContainerCall::Remove(id.clone())));
        assert_eq!(told, ["remove sandbox /w/containers/alone", "told done"]);
        // What lies in another goes with it.
        assert_eq!(world.hear(ask(ContainerCall::Remove(id.child("inside")))), ["told done"]);
    }
}
