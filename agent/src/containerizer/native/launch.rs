//! From the wish for a container to its gate, and every way to be stopped before it.

use agent_launch::Request;
use model::ContainerId;

use super::able::unable;
use super::done::Line;
use super::effects::Effect;
use super::end::failed;
use super::family;
use super::state::{Container, Stage, State};
use crate::containerizer::{ContainerConfig, ContainerEvent, LaunchFailure, LaunchStep};
use crate::provisioner::Pulled;

pub(crate) fn launch(state: &mut State, id: ContainerId, config: Box<ContainerConfig>) -> Vec<Effect> {
    if id.check().is_err() {
        let message = format!("'{id}' cannot be the name of a container");
        return vec![failed(&id, LaunchStep::Prepare, message)];
    }
    if let Some(message) = config.container.as_ref().and_then(unable) {
        return vec![failed(&id, LaunchStep::Prepare, message)];
    }
    if state.containers.contains_key(&id) {
        // Told nothing: the answer would be taken for that of the container that is there.
        return Vec::new();
    }
    if let Some(parent) = id.parent() {
        let refused = match state.containers.get(&parent) {
            Some(around) if around.destroying || around.is_over() || around.held_end.is_some() => {
                Some(format!("Parent container {parent} is being destroyed"))
            }
            Some(around) if around.stage.runs() => None,
            Some(_) => Some(format!("Parent container {parent} is not running")),
            None => Some(format!("Parent container {parent} does not exist")),
        };
        if let Some(message) = refused {
            return vec![failed(&id, LaunchStep::Prepare, message)];
        }
    }
    state.containers.insert(id.clone(), Container::new(Stage::Waiting { config }));
    state.waiting.push_back(id);
    Vec::new()
}

/// Begins as many launches as there are free lanes.
pub(crate) fn fill_lanes(state: &mut State) -> Vec<Effect> {
    let mut effects = Vec::new();
    if state.waiting.is_empty() {
        return effects;
    }
    let mut free = state.lanes.saturating_sub(state.busy());
    while free > 0 {
        let Some(id) = state.waiting.pop_front() else { break };
        let Some(container) = state.containers.get_mut(&id) else { continue };
        match std::mem::replace(&mut container.stage, Stage::Starting) {
            Stage::Waiting { config } if config.uris.is_empty() && config.image().is_none() => {
                effects.push(Effect::Start(id, config, None));
            }
            Stage::Waiting { config } => {
                container.stage = Stage::Fetching { config: config.clone() };
                effects.push(Effect::Fetch(id, config));
            }
            other => {
                container.stage = other;
                continue;
            }
        }
        free -= 1;
    }
    effects
}

pub(crate) fn go(state: &mut State, id: &ContainerId) -> Vec<Effect> {
    let Some(container) = state.containers.get_mut(id) else { return Vec::new() };
    if !matches!(container.stage, Stage::Held) || container.destroying {
        return Vec::new();
    }
    container.stage = Stage::Leaving;
    vec![Effect::Say(id.clone(), Request::Go)]
}

/// More or less of everything for a container whose program runs, or is about to.
pub(crate) fn update(state: &State, id: ContainerId, config: Box<ContainerConfig>) -> Vec<Effect> {
    match state.containers.get(&id) {
        Some(container) if container.stage.has_supervisor() && !container.destroying => {
            vec![Effect::Update(id, config)]
        }
        _ => Vec::new(),
    }
}

pub(crate) fn updated(state: &State, id: &ContainerId, result: Result<(), String>) -> Vec<Effect> {
    let Err(message) = result else { return Vec::new() };
    match state.containers.get(id) {
        // One that is ending may have lost its groups already.
        Some(container) if container.stage.has_supervisor() && !container.destroying => {
            vec![Effect::Tell(ContainerEvent::UpdateFailed { id: id.clone(), message })]
        }
        _ => Vec::new(),
    }
}

pub(crate) fn kill(state: &State, id: &ContainerId, signal: i32) -> Vec<Effect> {
    match state.containers.get(id) {
        Some(container) if container.stage.has_supervisor() => {
            vec![Effect::Say(id.clone(), Request::Signal(signal))]
        }
        _ => Vec::new(),
    }
}

/// Ends a container at whatever point it is, after all inside of it.
pub(crate) fn destroy(state: &mut State, id: &ContainerId) -> Vec<Effect> {
    if family::has_living_inside(state, id) {
        if let Some(container) = state.containers.get_mut(id) {
            container.destroying = true;
        }
        return family::destroy_inside(state, id);
    }
    destroy_itself(state, id)
}

/// Ends a container inside of which nothing lives. What is under way in a lane is let run to its next step, and ends
/// there.
pub(crate) fn destroy_itself(state: &mut State, id: &ContainerId) -> Vec<Effect> {
    let Some(container) = state.containers.get_mut(id) else { return Vec::new() };
    match container.stage {
        Stage::Waiting { .. } => {
            state.waiting.retain(|waiting| waiting != id);
            container.stage = Stage::Ended { gone: true, forgotten: false };
            vec![failed(id, LaunchStep::Destroyed, "the container was destroyed before it was launched")]
        }
        _ if container.stage.has_supervisor() => {
            container.destroying = true;
            vec![Effect::Say(id.clone(), Request::Destroy)]
        }
        Stage::Fetching { .. } => {
            container.destroying = true;
            vec![Effect::StopFetch(id.clone())]
        }
        Stage::Ended { .. } => Vec::new(),
        _ => {
            container.destroying = true;
            Vec::new()
        }
    }
}

pub(crate) fn fetched(
    state: &mut State,
    id: &ContainerId,
    result: Result<Option<Pulled>, LaunchFailure>,
) -> Vec<Effect> {
    let Some(container) = state.containers.get_mut(id) else { return Vec::new() };
    let config = match std::mem::replace(&mut container.stage, Stage::Starting) {
        Stage::Fetching { config } => config,
        other => {
            container.stage = other;
            return Vec::new();
        }
    };
    let failure = match result {
        _ if container.destroying => LaunchFailure {
            step: LaunchStep::Destroyed,
            message: "the container was destroyed while its image and URIs were fetched".into(),
        },
        Err(failure) => failure,
        Ok(pulled) => return vec![Effect::Start(id.clone(), config, pulled)],
    };
    container.stage = Stage::Ended { gone: true, forgotten: false };
    vec![Effect::Tell(ContainerEvent::LaunchFailed { id: id.clone(), failure })]
}

pub(crate) fn started(
    state: &mut State,
    id: &ContainerId,
    result: Result<Line, LaunchFailure>,
) -> Vec<Effect> {
    let Some(container) = state.containers.get_mut(id) else { return Vec::new() };
    match result {
        Ok(line) => {
            container.stage = Stage::Opening;
            let mut effects = vec![Effect::Watch(id.clone(), line)];
            if container.destroying {
                effects.push(Effect::Say(id.clone(), Request::Destroy));
            }
            effects
        }
        Err(failure) => {
            container.stage = Stage::Ended { gone: true, forgotten: false };
            vec![Effect::Tell(ContainerEvent::LaunchFailed { id: id.clone(), failure })]
        }
    }
}

#[cfg(test)]
mod tests {
    use agent_launch::Report;

    use super::super::done::Done;
    use super::super::testing::*;
    use super::*;
    use crate::containerizer::Input;

    #[test]
    fn launches_beyond_the_lanes_wait_in_order() {
        let mut state = State::new(1);
        let effects = said(&mut state, vec![launch_of("a"), launch_of("b"), launch_of("c")]);
        assert_eq!(effects, ["start a"]);
        let failure = LaunchFailure { step: LaunchStep::Start, message: "no".into() };
        let effects = said(&mut state, vec![done(Done::Started(id("a"), Err(failure)))]);
        assert_eq!(effects, ["tell a failed at Start: no", "start b"]);
        let effects = said(
            &mut state,
            vec![
                done(Done::Started(id("b"), Ok(line()))),
                done(Done::Heard(id("b"), Report::Held(identity()))),
            ],
        );
        assert_eq!(effects, ["watch b", "tell b held", "start c"]);
    }

    #[test]
    fn a_container_with_uris_is_fetched_first() {
        let mut state = State::new(1);
        let mut config = ContainerConfig::shell("/sandbox", "true");
        config.uris.push(model::Uri::new("/x"));
        let launch = Input::Launch { id: id("c"), config: Box::new(config) };
        assert_eq!(
            said(&mut state, vec![launch, done(Done::Fetched(id("c"), Ok(None)))]),
            ["fetch c", "start c"]
        );
    }
}
