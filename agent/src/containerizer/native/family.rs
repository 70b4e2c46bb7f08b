//! Containers within containers: those inside end before the one around them, and their ends are told before its.

use std::collections::VecDeque;

use model::ContainerId;

use super::effects::Effect;
use super::launch;
use super::state::{Stage, State};
use crate::containerizer::ContainerEvent;

/// Whether something inside of a container is not known to have ended.
pub(crate) fn has_living_inside(state: &State, id: &ContainerId) -> bool {
    inside(state, id).next().is_some()
}

/// Whatever lives inside of a container, the outer before the inner.
fn inside<'a>(state: &'a State, id: &'a ContainerId) -> impl Iterator<Item = &'a ContainerId> {
    // Paths are ordered part by part, so what is inside follows.
    let after = (std::ops::Bound::Excluded(id), std::ops::Bound::Unbounded);
    let containers = state.containers.range::<ContainerId, _>(after);
    containers
        .take_while(|(other, _)| other.path().starts_with(id.path()))
        .filter(|(_, container)| !container.is_over())
        .map(|(other, _)| other)
}

/// Ends what lives inside of a container, from the innermost outwards; the rest follows as they end.
pub(crate) fn destroy_inside(state: &mut State, id: &ContainerId) -> Vec<Effect> {
    state.parting.insert(id.clone());
    let depth = id.path().len() + 1;
    let direct: Vec<_> =
        inside(state, id).filter(|other| other.path().len() == depth).cloned().collect::<Vec<_>>();
    direct.iter().flat_map(|child| launch::destroy(state, child)).collect()
}

/// Keeps back the end of a container while something inside of it lives, and ends that.
pub(crate) fn hold_ends(state: &mut State, effects: Vec<Effect>) -> Vec<Effect> {
    let mut told = Vec::with_capacity(effects.len());
    let mut waiting = VecDeque::from(effects);
    while let Some(effect) = waiting.pop_front() {
        match effect {
            Effect::Tell(event) if end_of(&event).is_some_and(|id| has_living_inside(state, id)) => {
                let Some(id) = end_of(&event).cloned() else { continue };
                if let Some(container) = state.containers.get_mut(&id) {
                    container.held_end = Some(event);
                }
                waiting.extend(destroy_inside(state, &id));
            }
            other => told.push(other),
        }
    }
    told
}

/// What follows for those who waited until nothing lived inside of them.
pub(crate) fn release(state: &mut State) -> Vec<Effect> {
    let mut effects = Vec::new();
    loop {
        let ready = state.parting.iter().find(|id| !has_living_inside(state, id)).cloned();
        let Some(id) = ready else { return effects };
        state.parting.remove(&id);
        let Some(container) = state.containers.get_mut(&id) else { continue };
        match container.held_end.take() {
            Some(event) => effects.push(Effect::Tell(event)),
            None if container.destroying && !matches!(container.stage, Stage::Ended { .. }) => {
                effects.extend(launch::destroy_itself(state, &id));
            }
            None => {}
        }
    }
}

/// Whose end an event is.
fn end_of(event: &ContainerEvent) -> Option<&ContainerId> {
    match event {
        ContainerEvent::LaunchFailed { id, .. } | ContainerEvent::Terminated { id, .. } => Some(id),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use agent_launch::Report;

    use super::super::done::{Done, Found, Remains};
    use super::super::testing::*;
    use super::*;
    use crate::containerizer::Input;

    fn parent_and_children(state: &mut State) {
        for name in ["p", "p.a", "p.a.x", "p.b"] {
            running(state, name);
        }
    }

    fn ended(name: &str) -> Input {
        done(Done::Heard(id(name), Report::Ended(exited(0))))
    }

    #[test]
    fn a_destroy_goes_from_the_innermost_outwards() {
        let mut state = State::new(4);
        parent_and_children(&mut state);
        let effects = said(&mut state, vec![Input::Destroy { id: id("p") }]);
        assert_eq!(effects, ["say Destroy to p.a.x", "say Destroy to p.b"]);
        let effects = said(&mut state, vec![ended("p.a.x")]);
        assert_eq!(effects, ["tell p.a.x ended by Exited: exited with status 0", "say Destroy to p.a"]);
        assert_eq!(said(&mut state, vec![ended("p.a")]).len(), 1);
        let effects = said(&mut state, vec![ended("p.b")]);
        assert_eq!(effects, ["tell p.b ended by Exited: exited with status 0", "say Destroy to p"]);
        assert_eq!(said(&mut state, vec![ended("p")]), ["tell p ended by Exited: exited with status 0"]);
    }

    #[test]
    fn the_end_of_one_is_told_after_those_of_all_inside() {
        let mut state = State::new(4);
        parent_and_children(&mut state);
        let effects = said(&mut state, vec![ended("p")]);
        assert_eq!(effects, ["say Destroy to p.a.x", "say Destroy to p.b"]);
        assert_eq!(said(&mut state, vec![ended("p.b"), ended("p.a.x")]).len(), 3);
        let effects = said(&mut state, vec![ended("p.a")]);
        assert_eq!(
            effects,
            [
                "tell p.a ended by Exited: exited with status 0",
                "tell p ended by Exited: exited with status 0"
            ]
        );
        assert!(state.parting.is_empty());
    }

    #[test]
    fn nothing_is_launched_in_what_is_not_running() {
        let mut state = State::new(4);
        let effects = said(&mut state, vec![launch_of("p.a")]);
        assert_eq!(effects, ["tell p.a failed at Prepare: Parent container p does not exist"]);
        running(&mut state, "p");
        said(&mut state, vec![Input::Destroy { id: id("p") }]);
        let effects = said(&mut state, vec![launch_of("p.a")]);
        assert_eq!(effects, ["tell p.a failed at Prepare: Parent container p is being destroyed"]);
    }

    #[test]
    fn who_waits_for_a_lane_inside_of_what_ends_is_not_launched() {
        let mut state = State::new(1);
        running(&mut state, "p");
        said(&mut state, vec![launch_of("p.a"), launch_of("p.b")]);
        let effects = said(&mut state, vec![ended("p")]);
        assert_eq!(
            effects,
            ["tell p.b failed at Destroyed: the container was destroyed before it was launched"]
        );
        let effects = said(&mut state, vec![done(Done::Started(id("p.a"), Ok(line())))]);
        assert_eq!(effects, ["watch p.a", "say Destroy to p.a"]);
    }

    #[test]
    fn what_an_earlier_agent_left_inside_of_what_ended_is_ended() {
        let mut state = State::new(1);
        let alive = |name: &str, known| Found {
            id: id(name),
            known,
            what: Remains::Alive { line: line(), identity: identity(), running: true },
        };
        let record = Found { id: id("p"), known: true, what: Remains::Record(exited(0), None) };
        let effects = said(
            &mut state,
            vec![done(Done::Recovered(vec![record, alive("p.a", true), alive("p.s", false)]))],
        );
        assert_eq!(
            effects,
            [
                "watch p.a",
                "watch p.s",
                "say Destroy to p.s",
                "tell recovered, 1 running, 1 orphans",
                "say Destroy to p.a",
                "say Destroy to p.s",
            ]
        );
        assert_eq!(said(&mut state, vec![ended("p.a")]).len(), 1);
        let effects = said(&mut state, vec![ended("p.s")]);
        assert_eq!(effects, ["say Forget to p.s", "tell p ended by Exited: exited with status 0"]);
    }
}
