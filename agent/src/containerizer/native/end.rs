//! What a supervisor says, and what follows when it says nothing any more.

use agent_launch::{Outcome, Report, Request, StatusRecord};
use model::ContainerId;
use model::task::Ended;

use super::effects::Effect;
use super::launch;
use super::state::{Container, Stage, State};
use crate::containerizer::{Cause, ContainerEvent, LaunchFailure, LaunchStep, Limitation, Termination};

pub(crate) fn heard(state: &mut State, id: &ContainerId, report: Report) -> Vec<Effect> {
    let isolated = state.isolated;
    let Some(container) = state.containers.get_mut(id) else { return Vec::new() };
    match report {
        Report::Held(identity) => {
            container.identity = Some(identity.clone());
            if !matches!(container.stage, Stage::Opening) {
                return Vec::new();
            }
            container.stage = Stage::Held;
            if container.destroying {
                // The destroy is on its way already; what follows is the end.
                return Vec::new();
            }
            vec![Effect::Tell(ContainerEvent::Held { id: id.clone(), identity })]
        }
        Report::Running => {
            if !matches!(container.stage, Stage::Leaving) {
                return Vec::new();
            }
            container.stage = Stage::Running;
            let pid = container.identity.as_ref().map_or(0, |identity| identity.task);
            vec![Effect::Tell(ContainerEvent::Launched { id: id.clone(), pid })]
        }
        Report::Ended(record) => end(container, id, record, false, isolated),
        // Answers, and what only those hear who attach.
        Report::Welcome(_) | Report::Refused(_) | Report::Attached | Report::Busy | Report::Output { .. } => {
            Vec::new()
        }
    }
}

/// Tells the end, once.
pub(crate) fn end(
    container: &mut Container,
    id: &ContainerId,
    record: StatusRecord,
    gone: bool,
    isolated: bool,
) -> Vec<Effect> {
    if matches!(container.stage, Stage::Ended { .. } | Stage::Concluding { .. }) {
        return Vec::new();
    }
    if isolated && !container.orphan && container.limitation.is_none() {
        container.stage = Stage::Concluding { record, gone };
        return vec![Effect::Conclude(id.clone())];
    }
    conclude(container, id, record, gone)
}

/// What it broke was looked for.
pub(crate) fn concluded(state: &mut State, id: &ContainerId, limitation: Option<Limitation>) -> Vec<Effect> {
    let Some(container) = state.containers.get_mut(id) else { return Vec::new() };
    let Stage::Concluding { record, gone } = &container.stage else { return Vec::new() };
    let (record, gone) = (record.clone(), *gone);
    container.limitation = limitation;
    let effects = conclude(container, id, record, gone);
    effects.into_iter().chain(remove_if_forgotten(state, id)).collect()
}

/// A running container broke something: it ends for it.
pub(crate) fn limited(state: &mut State, id: &ContainerId, limitation: Option<Limitation>) -> Vec<Effect> {
    let (Some(container), Some(limitation)) = (state.containers.get_mut(id), limitation) else {
        return Vec::new();
    };
    if container.limitation.is_some() || !container.stage.has_supervisor() {
        // One that has ended is looked at anyway.
        return Vec::new();
    }
    container.limitation = Some(limitation);
    launch::destroy(state, id)
}

fn conclude(container: &mut Container, id: &ContainerId, record: StatusRecord, gone: bool) -> Vec<Effect> {
    container.stage = Stage::Ended { gone, forgotten: container.orphan };
    if container.orphan {
        return if gone { Vec::new() } else { vec![Effect::Say(id.clone(), Request::Forget)] };
    }
    let limitation = container.limitation.take();
    vec![tell_end(id, record, container.destroying, container.interrupted, limitation)]
}

pub(crate) fn tell_end(
    id: &ContainerId,
    record: StatusRecord,
    destroying: bool,
    interrupted: bool,
    limitation: Option<Limitation>,
) -> Effect {
    match record.outcome {
        Outcome::Exited { status, destroyed } => Effect::Tell(ContainerEvent::Terminated {
            id: id.clone(),
            termination: Termination {
                status: Some(status),
                cause: if destroyed { Cause::Destroyed } else { Cause::Exited },
                message: Ended::of_status(status).map_or_else(String::new, |ended| ended.to_string()),
                spent_micros: [record.user_micros, record.system_micros],
                peak_bytes: record.peak_bytes,
                limitation,
            },
        }),
        Outcome::NotStarted { message: _ } if destroying => {
            failed(id, LaunchStep::Destroyed, "the container was destroyed before it ran")
        }
        Outcome::NotStarted { message } if interrupted => failed(id, LaunchStep::Interrupted, message),
        Outcome::NotStarted { message } => failed(id, LaunchStep::Exec, message),
    }
}

/// A supervisor is gone: with its end told, the container is; without, its record tells.
pub(crate) fn gone(state: &mut State, id: &ContainerId) -> Vec<Effect> {
    let Some(container) = state.containers.get_mut(id) else { return Vec::new() };
    match &mut container.stage {
        Stage::Ended { forgotten: true, .. } => {
            state.containers.remove(id);
            vec![Effect::Remove(id.clone())]
        }
        Stage::Ended { gone, .. } | Stage::Concluding { gone, .. } => {
            *gone = true;
            Vec::new()
        }
        stage => {
            *stage = Stage::Reading;
            vec![Effect::Read(id.clone())]
        }
    }
}

pub(crate) fn read(state: &mut State, id: &ContainerId, record: Option<StatusRecord>) -> Vec<Effect> {
    let isolated = state.isolated;
    let Some(container) = state.containers.get_mut(id) else { return Vec::new() };
    let Some(record) = record else {
        container.stage = Stage::Sweeping;
        return vec![Effect::Sweep(id.clone(), container.identity.clone())];
    };
    let effects = end(container, id, record, true, isolated);
    effects.into_iter().chain(remove_if_forgotten(state, id)).collect()
}

pub(crate) fn swept(state: &mut State, id: &ContainerId) -> Vec<Effect> {
    let Some(container) = state.containers.get_mut(id) else { return Vec::new() };
    let effect = match (&container.stage, &container.identity) {
        (Stage::Ended { .. }, _) => return Vec::new(),
        (_, Some(_)) => {
            lost(id, Cause::SupervisorLost, "its supervisor was lost, its exit status is not known")
        }
        (_, None) => failed(id, LaunchStep::Start, "its supervisor was lost before the task was let go"),
    };
    container.stage = Stage::Ended { gone: true, forgotten: container.orphan };
    let told = (!container.orphan).then_some(effect);
    told.into_iter().chain(remove_if_forgotten(state, id)).collect()
}

pub(crate) fn forget(state: &mut State, id: &ContainerId) -> Vec<Effect> {
    let Some(container) = state.containers.get_mut(id) else { return Vec::new() };
    let Stage::Ended { gone, forgotten } = &mut container.stage else { return Vec::new() };
    *forgotten = true;
    if !*gone {
        // Its supervisor need not leave a record; once it is gone the directory goes too.
        return vec![Effect::Say(id.clone(), Request::Forget)];
    }
    remove_if_forgotten(state, id).into_iter().collect()
}

pub(crate) fn remove_if_forgotten(state: &mut State, id: &ContainerId) -> Option<Effect> {
    match state.containers.get(id)?.stage {
        Stage::Ended { gone: true, forgotten: true } => {
            state.containers.remove(id);
            Some(Effect::Remove(id.clone()))
        }
        _ => None,
    }
}

pub(crate) fn lost(id: &ContainerId, cause: Cause, message: &str) -> Effect {
    let termination = Termination {
        status: None,
        cause,
        message: message.into(),
        spent_micros: [0, 0],
        peak_bytes: 0,
        limitation: None,
    };
    Effect::Tell(ContainerEvent::Terminated { id: id.clone(), termination })
}

pub(crate) fn failed(id: &ContainerId, step: LaunchStep, message: impl Into<String>) -> Effect {
    let failure = LaunchFailure { step, message: message.into() };
    Effect::Tell(ContainerEvent::LaunchFailed { id: id.clone(), failure })
}

#[cfg(test)]
mod tests {
    use super::super::decide::decide;
    use super::super::done::Done;
    use super::super::testing::*;
    use super::*;
    use crate::containerizer::Input;

    #[test]
    fn a_launch_goes_from_gate_to_end_and_leaves_nothing() {
        let mut state = State::new(4);
        let effects = said(
            &mut state,
            vec![
                launch_of("c"),
                done(Done::Started(id("c"), Ok(line()))),
                done(Done::Heard(id("c"), Report::Held(identity()))),
                Input::Go { id: id("c") },
                done(Done::Heard(id("c"), Report::Running)),
                done(Done::Heard(id("c"), Report::Ended(exited(0x100)))),
                Input::Forget { id: id("c") },
                done(Done::Gone(id("c"))),
            ],
        );
        assert_eq!(
            effects,
            [
                "start c",
                "watch c",
                "tell c held",
                "say Go to c",
                "tell c launched as 11",
                "tell c ended by Exited: exited with status 1",
                "say Forget to c",
                "remove c",
            ]
        );
        assert!(state.containers.is_empty());
    }

    #[test]
    fn what_a_container_broke_is_told_with_its_end() {
        let broken = || Limitation {
            kind: crate::containerizer::LimitationKind::Memory,
            message: "too much".into(),
            resources: model::Resources::default(),
        };
        let mut state = State::new(4);
        state.isolated = true;
        running(&mut state, "late");
        let ended = done(Done::Heard(id("late"), Report::Ended(exited(9))));
        assert_eq!(said(&mut state, vec![ended, done(Done::Gone(id("late")))]), ["conclude late"]);
        let effects = decide(&mut state, done(Done::Concluded(id("late"), Some(broken()))));
        let [Effect::Tell(ContainerEvent::Terminated { termination, .. })] = &effects[..] else {
            panic!("{effects:?}")
        };
        assert_eq!(termination.limitation, Some(broken()));

        running(&mut state, "noticed");
        let looked = || done(Done::Looked(id("noticed"), Some(broken())));
        assert_eq!(said(&mut state, vec![looked(), looked()]), ["say Destroy to noticed"]);
        let effects = decide(&mut state, done(Done::Heard(id("noticed"), Report::Ended(exited(9)))));
        assert!(matches!(
            &effects[..],
            [Effect::Tell(ContainerEvent::Terminated { termination, .. })] if termination.limitation.is_some()
        ));
    }

    #[test]
    fn a_supervisor_without_a_word_is_looked_after() {
        let mut state = State::new(1);
        running(&mut state, "read");
        let effects = said(
            &mut state,
            vec![done(Done::Gone(id("read"))), done(Done::Read(id("read"), Some(exited(9))))],
        );
        assert_eq!(effects, ["read read", "tell read ended by Exited: terminated with signal Killed"]);

        running(&mut state, "lost");
        let effects = said(
            &mut state,
            vec![
                done(Done::Gone(id("lost"))),
                done(Done::Read(id("lost"), None)),
                done(Done::Swept(id("lost"))),
                Input::Forget { id: id("lost") },
            ],
        );
        assert_eq!(
            effects,
            [
                "read lost",
                "sweep lost",
                "tell lost ended by SupervisorLost: its supervisor was lost, its exit status is not known",
                "remove lost",
            ]
        );
    }
}
