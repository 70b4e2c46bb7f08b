//! What happens to a container, and what follows.

use agent_launch::{Outcome, Report, Request, StatusRecord};
use model::ContainerId;

use super::done::{Done, Found, Line, Remains};
use super::effects::Effect;
use super::state::{Container, Stage, State};
use crate::containerizer::{
    Cause, ContainerConfig, ContainerEvent, Identity, Input, KnownContainer, LaunchFailure, LaunchStep,
    Termination,
};

/// Everything that can happen, and the rule that answers it. (Questions about usage are the shell's.)
pub(crate) fn decide(state: &mut State, input: Input) -> Vec<Effect> {
    let mut effects = match input {
        Input::Launch { id, config } => launch(state, id, config),
        Input::Go { id } => go(state, &id),
        Input::Kill { id, signal } => kill(state, &id, signal),
        Input::Destroy { id } => destroy(state, &id),
        Input::Recover { known } => recover(known),
        Input::Forget { id } => forget(state, &id),
        Input::Usage { .. } => Vec::new(),
        Input::Work(work) => match work.0 {
            Done::Fetched(id, result) => fetched(state, &id, result),
            Done::Started(id, result) => started(state, &id, result),
            Done::Heard(id, report) => heard(state, &id, report),
            Done::Gone(id) => gone(state, &id),
            Done::Read(id, record) => read(state, &id, record),
            Done::Swept(id) => swept(state, &id),
            Done::Recovered(found) => recovered(state, found),
            Done::Retried(found) => retried(state, found),
            Done::Nothing => Vec::new(),
        },
    };
    effects.extend(fill_lanes(state));
    effects
}

fn launch(state: &mut State, id: ContainerId, config: Box<ContainerConfig>) -> Vec<Effect> {
    if id.check().is_err() {
        let message = format!("'{id}' cannot be the name of a container");
        return vec![failed(&id, LaunchStep::Prepare, message)];
    }
    if state.containers.contains_key(&id) {
        // Told nothing: the answer would be taken for that of the container that is there.
        return Vec::new();
    }
    state.containers.insert(id.clone(), Container::new(Stage::Waiting { config }));
    state.waiting.push_back(id);
    Vec::new()
}

/// Begins as many launches as there are free lanes.
fn fill_lanes(state: &mut State) -> Vec<Effect> {
    let mut effects = Vec::new();
    if state.waiting.is_empty() {
        return effects;
    }
    let mut free = state.lanes.saturating_sub(state.busy());
    while free > 0 {
        let Some(id) = state.waiting.pop_front() else { break };
        let Some(container) = state.containers.get_mut(&id) else { continue };
        match std::mem::replace(&mut container.stage, Stage::Starting) {
            Stage::Waiting { config } if config.uris.is_empty() => effects.push(Effect::Start(id, config)),
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

fn go(state: &mut State, id: &ContainerId) -> Vec<Effect> {
    let Some(container) = state.containers.get_mut(id) else { return Vec::new() };
    if !matches!(container.stage, Stage::Held) || container.destroying {
        return Vec::new();
    }
    container.stage = Stage::Leaving;
    vec![Effect::Say(id.clone(), Request::Go)]
}

fn kill(state: &State, id: &ContainerId, signal: i32) -> Vec<Effect> {
    match state.containers.get(id) {
        Some(container) if container.stage.has_supervisor() => {
            vec![Effect::Say(id.clone(), Request::Signal(signal))]
        }
        _ => Vec::new(),
    }
}

/// Ends a container at whatever point it is. What is under way in a lane is let run to its next step, and ends there.
fn destroy(state: &mut State, id: &ContainerId) -> Vec<Effect> {
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
        Stage::Ended { .. } => Vec::new(),
        _ => {
            container.destroying = true;
            Vec::new()
        }
    }
}

fn fetched(state: &mut State, id: &ContainerId, result: Result<(), LaunchFailure>) -> Vec<Effect> {
    let Some(container) = state.containers.get_mut(id) else { return Vec::new() };
    let Stage::Fetching { config } = std::mem::replace(&mut container.stage, Stage::Starting) else {
        return Vec::new();
    };
    let failure = match result {
        Err(failure) => failure,
        Ok(()) if container.destroying => LaunchFailure {
            step: LaunchStep::Destroyed,
            message: "the container was destroyed while its URIs were fetched".into(),
        },
        Ok(()) => return vec![Effect::Start(id.clone(), config)],
    };
    container.stage = Stage::Ended { gone: true, forgotten: false };
    vec![Effect::Tell(ContainerEvent::LaunchFailed { id: id.clone(), failure })]
}

fn started(state: &mut State, id: &ContainerId, result: Result<Line, LaunchFailure>) -> Vec<Effect> {
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

fn heard(state: &mut State, id: &ContainerId, report: Report) -> Vec<Effect> {
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
        Report::Ended(record) => end(container, id, record, false),
        Report::Welcome(_) | Report::Refused(_) => Vec::new(),
    }
}

/// Tells the end, once.
fn end(container: &mut Container, id: &ContainerId, record: StatusRecord, gone: bool) -> Vec<Effect> {
    if matches!(container.stage, Stage::Ended { .. }) {
        return Vec::new();
    }
    container.stage = Stage::Ended { gone, forgotten: container.orphan };
    if container.orphan {
        return if gone { Vec::new() } else { vec![Effect::Say(id.clone(), Request::Forget)] };
    }
    vec![tell_end(id, record, container.destroying)]
}

fn tell_end(id: &ContainerId, record: StatusRecord, destroying: bool) -> Effect {
    match record.outcome {
        Outcome::Exited { status, destroyed } => Effect::Tell(ContainerEvent::Terminated {
            id: id.clone(),
            termination: Termination {
                status: Some(status),
                cause: if destroyed { Cause::Destroyed } else { Cause::Exited },
                message: status_text(status),
                spent_micros: [record.user_micros, record.system_micros],
                peak_bytes: record.peak_bytes,
            },
        }),
        Outcome::NotStarted { message: _ } if destroying => {
            failed(id, LaunchStep::Destroyed, "the container was destroyed before it ran")
        }
        Outcome::NotStarted { message } => failed(id, LaunchStep::Exec, message),
    }
}

/// A supervisor is gone: with its end told, the container is; without, its record tells.
fn gone(state: &mut State, id: &ContainerId) -> Vec<Effect> {
    let Some(container) = state.containers.get_mut(id) else { return Vec::new() };
    match &mut container.stage {
        Stage::Ended { forgotten: true, .. } => {
            state.containers.remove(id);
            vec![Effect::Remove(id.clone())]
        }
        Stage::Ended { gone, .. } => {
            *gone = true;
            Vec::new()
        }
        stage => {
            *stage = Stage::Reading;
            vec![Effect::Read(id.clone())]
        }
    }
}

fn read(state: &mut State, id: &ContainerId, record: Option<StatusRecord>) -> Vec<Effect> {
    let Some(container) = state.containers.get_mut(id) else { return Vec::new() };
    let Some(record) = record else {
        container.stage = Stage::Sweeping;
        return vec![Effect::Sweep(id.clone(), container.identity.clone())];
    };
    let effects = end(container, id, record, true);
    effects.into_iter().chain(remove_if_forgotten(state, id)).collect()
}

fn swept(state: &mut State, id: &ContainerId) -> Vec<Effect> {
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

fn remove_if_forgotten(state: &mut State, id: &ContainerId) -> Option<Effect> {
    match state.containers.get(id)?.stage {
        Stage::Ended { gone: true, forgotten: true } => {
            state.containers.remove(id);
            Some(Effect::Remove(id.clone()))
        }
        _ => None,
    }
}

fn forget(state: &mut State, id: &ContainerId) -> Vec<Effect> {
    let Some(container) = state.containers.get_mut(id) else { return Vec::new() };
    let Stage::Ended { gone, forgotten } = &mut container.stage else { return Vec::new() };
    *forgotten = true;
    if !*gone {
        // Its supervisor need not leave a record; once it is gone the directory goes too.
        return vec![Effect::Say(id.clone(), Request::Forget)];
    }
    remove_if_forgotten(state, id).into_iter().collect()
}

fn recover(known: Vec<KnownContainer>) -> Vec<Effect> {
    vec![Effect::Recover(known)]
}

/// Takes up what an earlier agent left: ends are told first, then what runs on.
fn recovered(state: &mut State, found: Vec<Found>) -> Vec<Effect> {
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

fn take_up(state: &mut State, Found { id, known, what }: Found) -> Vec<Effect> {
    let mut container = Container::new(Stage::Ended { gone: true, forgotten: !known });
    container.orphan = !known;
    let mut effects = Vec::new();
    match what {
        Remains::Alive { line, identity, running } => {
            container.stage = if running { Stage::Running } else { Stage::Leaving };
            container.identity = Some(identity);
            effects.push(Effect::Watch(id.clone(), line));
            if !known {
                container.destroying = true;
                effects.push(Effect::Say(id.clone(), Request::Destroy));
            }
        }
        Remains::Mute { identity } => {
            container.stage = Stage::Mute;
            container.identity = identity.clone();
            effects.push(Effect::Retry { id: id.clone(), known, identity });
        }
        _ if !known => {}
        Remains::Record(record) => effects.push(match record.outcome {
            Outcome::NotStarted { message } => failed(&id, LaunchStep::Interrupted, message),
            Outcome::Exited { .. } => tell_end(&id, record, false),
        }),
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
fn retried(state: &mut State, found: Found) -> Vec<Effect> {
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

fn failed(id: &ContainerId, step: LaunchStep, message: impl Into<String>) -> Effect {
    let failure = LaunchFailure { step, message: message.into() };
    Effect::Tell(ContainerEvent::LaunchFailed { id: id.clone(), failure })
}

fn lost(id: &ContainerId, cause: Cause, message: &str) -> Effect {
    let termination =
        Termination { status: None, cause, message: message.into(), spent_micros: [0, 0], peak_bytes: 0 };
    Effect::Tell(ContainerEvent::Terminated { id: id.clone(), termination })
}

/// The words of a raw wait status.
fn status_text(status: i32) -> String {
    let signal = status & 0x7f;
    if signal == 0 {
        return format!("exited with status {}", (status >> 8) & 0xff);
    }
    let core = if status & 0x80 != 0 { " (core dumped)" } else { "" };
    format!("terminated with signal {}{core}", agent_linux::process::signal_text(signal))
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use agent_linux::packet::Packets;
    use agent_linux::pidfd::Pidfd;
    use proptest::prelude::*;

    use super::*;
    use crate::containerizer::Work;

    fn id(name: &str) -> ContainerId {
        ContainerId::new(name)
    }

    fn identity() -> Identity {
        Identity { boot_id: "boot".into(), supervisor: 10, supervisor_started: 1, task: 11, task_started: 2 }
    }

    fn line() -> Line {
        let (channel, _) = Packets::pair().unwrap();
        Line { channel, pidfd: Pidfd::open(std::process::id()).unwrap(), child: false }
    }

    fn record(outcome: Outcome) -> StatusRecord {
        StatusRecord {
            outcome,
            user_micros: 1,
            system_micros: 2,
            peak_bytes: 3,
            started_millis: 4,
            ended_millis: 5,
            boot_id: "boot".into(),
        }
    }

    fn exited(status: i32) -> StatusRecord {
        record(Outcome::Exited { status, destroyed: false })
    }

    fn launch_of(name: &str) -> Input {
        Input::Launch { id: id(name), config: Box::new(ContainerConfig::shell("/sandbox", "true")) }
    }

    fn done(done: Done) -> Input {
        Input::Work(Work(done))
    }

    /// What follows from a history, one line each.
    fn said(state: &mut State, inputs: Vec<Input>) -> Vec<String> {
        inputs
            .into_iter()
            .flat_map(|input| {
                let effects = decide(state, input);
                state.check();
                effects
            })
            .map(|effect| effect.to_string())
            .collect()
    }

    fn running(state: &mut State, name: &str) {
        said(
            state,
            vec![
                launch_of(name),
                done(Done::Started(id(name), Ok(line()))),
                done(Done::Heard(id(name), Report::Held(identity()))),
                Input::Go { id: id(name) },
                done(Done::Heard(id(name), Report::Running)),
            ],
        );
    }

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
            said(&mut state, vec![launch, done(Done::Fetched(id("c"), Ok(())))]),
            ["fetch c", "start c"]
        );
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

    #[test]
    fn what_an_earlier_agent_left_is_told_before_recovery_is() {
        let mut state = State::new(1);
        let found = |name: &str, known, what| Found { id: id(name), known, what };
        let effects = said(
            &mut state,
            vec![done(Done::Recovered(vec![
                found("alive", true, Remains::Alive { line: line(), identity: identity(), running: true }),
                found("ended", true, Remains::Record(exited(0))),
                found("rebooted", true, Remains::Rebooted),
                found("unborn", true, Remains::Unborn),
                found("orphan", false, Remains::Alive { line: line(), identity: identity(), running: true }),
                found("dust", false, Remains::Record(exited(0))),
            ]))],
        );
        assert_eq!(
            effects,
            [
                "watch alive",
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
