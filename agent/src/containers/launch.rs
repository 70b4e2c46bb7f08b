//! From the call for a container to its running program.

use std::sync::Arc;

use model::ContainerId;

use super::call::{Awaits, LaunchCall, Told};
use super::held::judge;
use super::plan::{around, plan};
use crate::containerizer::Identity;
use crate::effects::{Effect, Effects};
use crate::executors::Viewer;
use crate::operations::volumes;
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
    if let Err(why) = judge(state, call) {
        return failed(why);
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
        limitation: None,
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

/// It exists and waits: its volumes are shown, and who it is is written down, before its program may start.
pub(crate) fn held(state: &mut State, id: ContainerId, identity: Identity) -> Effects {
    let Some(container) = state.container_mut(&id) else { return vec![Effect::Destroy(id)] };
    container.identity = Some(identity);
    let config = Arc::clone(&container.config);
    let links = volumes::links(&state.settings.layout, &config.resources);
    if links.is_empty() {
        return ready(state, id);
    }
    let viewer = Viewer { container: id, tasks: Vec::new(), held: true };
    vec![Effect::Show { viewer, sandbox: config.sandbox.clone().into(), links, user: config.user.clone() }]
}

/// Its volumes are in its sandbox, or it is not run without them.
///
/// Source: Mesos agent, persistent volumes, without which a launch fails.
pub(crate) fn shown(state: &mut State, id: ContainerId, shown: Result<(), String>) -> Effects {
    match shown {
        Ok(()) => ready(state, id),
        Err(why) => {
            state.counters.container_launch_errors += 1;
            let why = Told::Failed(format!("Failed to launch container: {why}"));
            vec![Effect::Settle(Awaits::Launch, id.clone(), why), Effect::Destroy(id)]
        }
    }
}

fn ready(state: &State, id: ContainerId) -> Effects {
    let Some(container) = state.containers.get(&id).filter(|container| !container.is_ended()) else {
        return Effects::new();
    };
    let held = |identity: &Identity| Record::ContainerHeld { id: id.clone(), identity: identity.clone() };
    let record = container.identity.as_ref().filter(|_| container.checkpoint).map(held);
    let then = vec![Durable::Held { container: id.clone() }];
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
