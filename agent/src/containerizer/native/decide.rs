//! Everything that can happen to containers, and the rule that answers it.

use agent_launch::Identity;
use model::ContainerId;

use super::done::Done;
use super::effects::Effect;
use super::state::{Container, Stage, State};
use super::{end, family, launch, recovered};
use crate::containerizer::Input;

/// Everything that can happen, and the rule that answers it. (Questions about usage are the shell's.)
pub(crate) fn decide(state: &mut State, input: Input) -> Vec<Effect> {
    let mut effects = match input {
        Input::Launch { id, config } => launch::launch(state, id, config),
        Input::Go { id } => launch::go(state, &id),
        Input::Kill { id, signal } => launch::kill(state, &id, signal),
        Input::Destroy { id } => launch::destroy(state, &id),
        Input::Recover { known } => vec![Effect::Recover(known)],
        Input::Forget { id } => end::forget(state, &id),
        Input::Update { id, config } => launch::update(state, id, config),
        Input::Usage { .. } | Input::Limitation { .. } | Input::PruneImages { .. } => Vec::new(),
        Input::Work(work) => match work.0 {
            Done::Fetched(id, result) => launch::fetched(state, &id, result),
            Done::Started(id, result) => launch::started(state, &id, result),
            Done::Heard(id, report) => end::heard(state, &id, report),
            Done::Gone(id) => end::gone(state, &id),
            Done::Read(id, record) => end::read(state, &id, record),
            Done::Swept(id) => end::swept(state, &id),
            Done::Recovered(found) => recovered::recovered(state, found),
            Done::Retried(found) => recovered::retried(state, found),
            Done::Concluded(id, limitation) => end::concluded(state, &id, limitation),
            Done::Looked(id, limitation) => end::limited(state, &id, limitation),
            Done::Patrolled(found) => {
                found.into_iter().flat_map(|(id, broke)| end::limited(state, &id, Some(broke))).collect()
            }
            Done::Updated(id, result) => launch::updated(state, &id, result),
            Done::Rang(_) | Done::Patrol(..) | Done::KeepRoom | Done::Wanted | Done::Nothing => Vec::new(),
        },
    };
    effects = family::hold_ends(state, effects);
    effects.extend(family::release(state));
    effects.extend(launch::fill_lanes(state));
    effects
}

/// Whom the shell needs to know of when it is asked for usage.
pub(crate) fn identities(state: &State) -> Vec<(ContainerId, Identity)> {
    state
        .containers
        .iter()
        .filter(|(_, container)| matches!(container.stage, Stage::Running) && !container.orphan)
        .filter_map(|(id, container)| Some((id.clone(), container.identity.clone()?)))
        .collect()
}

/// Whom the shell looks at from time to time.
pub(crate) fn running(state: &State) -> Vec<ContainerId> {
    let running = |container: &Container| matches!(container.stage, Stage::Running);
    state.containers.iter().filter(|(_, container)| running(container)).map(|(id, _)| id.clone()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use agent_launch::Report;
    use proptest::prelude::*;

    use super::super::testing::*;
    use super::*;
    use crate::containerizer::{ContainerEvent, LaunchFailure, LaunchStep};

    /// One thing that happens to one of three containers, as the world could let it happen.
    fn happening() -> impl Strategy<Value = (usize, u8)> {
        (0..3usize, 0..12u8)
    }

    proptest! {
        #[test]
        fn every_launch_is_answered_at_most_once_whatever_crosses_it(history in prop::collection::vec(happening(), 0..200)) {
            let names = ["a", "b", "c"];
            let mut state = State::new(2);
            let mut ends: BTreeMap<ContainerId, usize> = BTreeMap::new();
            let mut launched: BTreeMap<ContainerId, usize> = BTreeMap::new();
            for (who, what) in history {
                let it = id(names[who]);
                let stage_is = |state: &State, wanted: fn(&Stage) -> bool| {
                    state.containers.get(&it).is_some_and(|container| wanted(&container.stage))
                };
                let speaking = stage_is(&state, Stage::has_supervisor);
                let starting = stage_is(&state, |stage| matches!(stage, Stage::Starting));
                let reading = stage_is(&state, |stage| matches!(stage, Stage::Reading));
                let sweeping = stage_is(&state, |stage| matches!(stage, Stage::Sweeping));
                let lingering = stage_is(&state, |stage| matches!(stage, Stage::Ended { gone: false, .. }));
                let input = match what {
                    0 if !state.containers.contains_key(&it) => {
                        *launched.entry(it.clone()).or_default() += 1;
                        launch_of(names[who])
                    }
                    1 => Input::Go { id: it.clone() },
                    2 => Input::Kill { id: it.clone(), signal: 15 },
                    3 => Input::Destroy { id: it.clone() },
                    4 => Input::Forget { id: it.clone() },
                    5 if starting => done(Done::Started(it.clone(), Ok(line()))),
                    6 if starting => done(Done::Started(
                        it.clone(),
                        Err(LaunchFailure { step: LaunchStep::Start, message: "no".into() }),
                    )),
                    7 if speaking => done(Done::Heard(it.clone(), Report::Held(identity()))),
                    8 if speaking => done(Done::Heard(it.clone(), Report::Running)),
                    9 if speaking || lingering => done(Done::Heard(it.clone(), Report::Ended(exited(0)))),
                    10 if speaking || lingering => done(Done::Gone(it.clone())),
                    11 if reading => done(Done::Read(it.clone(), None)),
                    11 if sweeping => done(Done::Swept(it.clone())),
                    _ => continue,
                };
                for effect in decide(&mut state, input) {
                    if let Effect::Tell(
                        ContainerEvent::LaunchFailed { id, .. } | ContainerEvent::Terminated { id, .. },
                    ) = effect
                    {
                        *ends.entry(id).or_default() += 1;
                    }
                }
                state.check();
                for (id, ends) in &ends {
                    prop_assert!(*ends <= launched[id], "{id} ended more often than it was launched");
                    if !state.containers.contains_key(id) {
                        prop_assert_eq!(*ends, launched[id], "{} went without an answer", id);
                    }
                }
            }
        }
    }
}
