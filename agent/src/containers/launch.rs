//! From the call for a container to its running program.

use std::sync::Arc;

use model::ContainerId;

use super::call::{Awaits, LaunchCall, Told};
use super::plan::{around, plan};
use crate::containerizer::Identity;
use crate::effects::{Effect, Effects};
use crate::recovery::{Durable, Record};
use crate::state::{Container, Life, Run, State};

/// How many there may be inside of one outermost container, those that ended and were not removed included.
const INSIDE_MAX: usize = 10_000;

/// Launches a container inside of another, or beside all others. One that is there already is not launched again.
///
/// Source: Mesos agent operator API, LAUNCH_CONTAINER, LAUNCH_NESTED_CONTAINER, LAUNCH_NESTED_CONTAINER_SESSION.
pub(crate) fn launch(state: &mut State, call: &LaunchCall) -> Effects {
    let id = call.id.clone();
    let failed = |why: String| vec![Effect::Told(Told::Failed(why))];
    if let Some(known) = state.containers.get(&id) {
        return match known.run {
            Run::Intended | Run::Launching => vec![Effect::Hold(Awaits::Launch, id)],
            Run::Running(_) | Run::Ended => vec![Effect::Told(Told::Already)],
        };
    }
    if state.executor_in(&id).is_some() {
        return vec![Effect::Told(Told::Already)];
    }
    if state.life == Life::Terminating {
        return failed("Agent is shutting down".to_owned());
    }
    let around = match around(state, &id) {
        Ok(around) => around,
        Err(why) => return failed(why),
    };
    if state.containers_inside(&id.root()).count() >= INSIDE_MAX {
        return failed(format!("Container {} holds too many containers; remove some", id.root()));
    }
    let checkpoint = !call.session && around.as_ref().is_none_or(|around| around.checkpoint);
    let (boxed, config) = plan(state, call, around);
    let container = Container {
        id: id.clone(),
        config: Arc::new(boxed),
        session: call.session,
        checkpoint,
        run: Run::Intended,
        identity: None,
        end: None,
    };
    let record = checkpoint.then(|| Record::Container {
        id: id.clone(),
        container: Box::new(container.config.as_ref().clone()),
    });
    state.containers.insert(id.clone(), Arc::new(container));
    let then = vec![Durable::ContainerIntent { id: id.clone(), config: Box::new(config) }];
    vec![Effect::Hold(Awaits::Launch, id), Effect::Record { records: record.into_iter().collect(), then }]
}

/// The intent is on disk: the container may be launched, unless what was around it is gone.
pub(crate) fn intended(
    state: &mut State,
    id: ContainerId,
    config: Box<crate::containerizer::ContainerConfig>,
) -> Effects {
    let Some(container) = state.container_mut(&id).filter(|container| container.run == Run::Intended) else {
        return Effects::new();
    };
    container.run = Run::Launching;
    vec![Effect::LaunchContainer { id, config }]
}

/// It exists and waits: who it is is written down before its program may start.
pub(crate) fn held(state: &mut State, id: ContainerId, identity: Identity) -> Effects {
    let Some(container) = state.container_mut(&id) else { return vec![Effect::Destroy(id)] };
    container.identity = Some(identity.clone());
    let record = container.checkpoint.then(|| Record::ContainerHeld { id: id.clone(), identity });
    let then = vec![Durable::Held { container: id }];
    vec![Effect::Record { records: record.into_iter().collect(), then }]
}

/// Who it is, is on disk.
pub(crate) fn held_durable(id: ContainerId) -> Effects {
    vec![Effect::Go(id)]
}

/// The program runs.
pub(crate) fn launched(state: &mut State, id: &ContainerId, pid: u32) -> Effects {
    let Some(container) = state.container_mut(id) else { return Effects::new() };
    container.run = Run::Running(pid);
    vec![Effect::Settle(Awaits::Launch, id.clone(), Told::Launched)]
}
