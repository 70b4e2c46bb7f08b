//! Taking up what an earlier agent left: ends are told first, then what runs on.

use agent_launch::Request;

use super::done::{Found, Remains};
use super::effects::Effect;
use super::end::{failed, lost, remove_if_forgotten, tell_end};
use super::state::{Container, Stage, State};
use crate::containerizer::{Cause, ContainerEvent, LaunchStep};

/// Takes up what an earlier agent left: ends are told first, then what runs on.
pub(crate) fn recovered(state: &mut State, found: Vec<Found>) -> Vec<Effect> {
    let (mut effects, mut running, mut orphans) = (Vec::new(), Vec::new(), Vec::new());
    for Found { id, known, what } in found {
        if state.containers.contains_key(&id) {
            // It was launched by this very agent while the looking went on.
            continue;
        }
        if !known {
            orphans.push(id.clone());
        }
        if let (true, Remains::Alive { identity, running: true, .. }) = (known, &what) {
            running.push((id.clone(), identity.clone()));
        }
        effects.extend(take_up(state, Found { id, known, what }));
    }
    effects.push(Effect::Tell(ContainerEvent::Recovered { running, orphans }));
    effects
}

pub(crate) fn take_up(state: &mut State, Found { id, known, what }: Found) -> Vec<Effect> {
    let mut container = Container::new(Stage::Ended { gone: true, forgotten: !known });
    container.orphan = !known;
    let mut effects = Vec::new();
    match what {
        Remains::Alive { line, identity, running } => {
            container.stage = if running { Stage::Running } else { Stage::Leaving };
            container.identity = Some(identity);
            effects.push(Effect::Watch(id.clone(), line));
            container.interrupted = !running;
            container.destroying = !known;
            // Whoever was to let it go is gone. Its supervisor ends it by itself only if it was left alone before we came.
            if !known || !running {
                effects.push(Effect::Say(id.clone(), Request::Destroy));
            }
        }
        Remains::Mute { identity } => {
            container.stage = Stage::Mute;
            container.identity = identity.clone();
            effects.push(Effect::Retry { id: id.clone(), known, identity });
        }
        _ if !known => {}
        Remains::Record(record, limitation) => {
            effects.push(tell_end(&id, record, false, true, limitation));
        }
        Remains::Lost => effects.push(lost(
            &id,
            Cause::SupervisorLost,
            "its supervisor was lost, its exit status is not known",
        )),
        Remains::Rebooted => effects.push(lost(&id, Cause::Rebooted, "the agent's machine was rebooted")),
        Remains::Unborn => effects.push(failed(
            &id,
            LaunchStep::Interrupted,
            "the agent stopped before the container was launched",
        )),
    }
    state.containers.insert(id.clone(), container);
    effects.extend(remove_if_forgotten(state, &id));
    effects
}

/// A supervisor that was mute at recovery. It was not told as running; when it answers it is like any other.
pub(crate) fn retried(state: &mut State, found: Found) -> Vec<Effect> {
    let Some(container) = state.containers.get(&found.id) else { return Vec::new() };
    if !matches!(container.stage, Stage::Mute) {
        return Vec::new();
    }
    let destroying = container.destroying;
    let id = found.id.clone();
    let mut effects = take_up(state, found);
    if let (true, Some(container)) = (destroying, state.containers.get_mut(&id)) {
        container.destroying = true;
        if container.stage.has_supervisor() {
            effects.push(Effect::Say(id, Request::Destroy));
        }
    }
    effects
}

#[cfg(test)]
mod tests {
    use agent_launch::{Outcome, Report};

    use super::super::done::Done;
    use super::super::testing::*;
    use super::*;
    use crate::containerizer::Input;

    #[test]
    fn what_an_earlier_agent_left_is_told_before_recovery_is() {
        let mut state = State::new(1);
        let found = |name: &str, known, what| Found { id: id(name), known, what };
        let effects = said(
            &mut state,
            vec![done(Done::Recovered(vec![
                found("alive", true, Remains::Alive { line: line(), identity: identity(), running: true }),
                found("at gate", true, Remains::Alive { line: line(), identity: identity(), running: false }),
                found("ended", true, Remains::Record(exited(0), None)),
                found("rebooted", true, Remains::Rebooted),
                found("unborn", true, Remains::Unborn),
                found("orphan", false, Remains::Alive { line: line(), identity: identity(), running: true }),
                found("dust", false, Remains::Record(exited(0), None)),
            ]))],
        );
        assert_eq!(
            effects,
            [
                "watch alive",
                "watch at gate",
                "say Destroy to at gate",
                "tell ended ended by Exited: exited with status 0",
                "tell rebooted ended by Rebooted: the agent's machine was rebooted",
                "tell unborn failed at Interrupted: the agent stopped before the container was launched",
                "watch orphan",
                "say Destroy to orphan",
                "remove dust",
                "tell recovered, 1 running, 2 orphans",
            ]
        );
        let effects = said(
            &mut state,
            vec![done(Done::Heard(id("orphan"), Report::Ended(exited(9)))), done(Done::Gone(id("orphan")))],
        );
        assert_eq!(effects, ["say Forget to orphan", "remove orphan"]);
        let mut killed = exited(9);
        killed.outcome = Outcome::NotStarted { message: "killed at its gate".into() };
        let effects = said(&mut state, vec![done(Done::Heard(id("at gate"), Report::Ended(killed)))]);
        assert_eq!(effects, ["tell at gate failed at Interrupted: killed at its gate"]);
    }

    #[test]
    fn a_mute_supervisor_is_tried_again_until_it_answers() {
        let mut state = State::new(1);
        let mute = |known| Found { id: id("c"), known, what: Remains::Mute { identity: None } };
        let effects = said(
            &mut state,
            vec![
                done(Done::Recovered(vec![mute(true)])),
                Input::Destroy { id: id("c") },
                done(Done::Retried(mute(true))),
                done(Done::Retried(Found {
                    id: id("c"),
                    known: true,
                    what: Remains::Alive { line: line(), identity: identity(), running: true },
                })),
            ],
        );
        assert_eq!(
            effects,
            ["retry c", "tell recovered, 0 running, 0 orphans", "retry c", "watch c", "say Destroy to c"]
        );
    }
}
