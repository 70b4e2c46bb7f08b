//! Builders of what arrives, for the tests of the rules.

use agent_launch::{Identity, Outcome, Report, StatusRecord};
use agent_linux::packet::Packets;
use agent_linux::pidfd::Pidfd;
use model::ContainerId;

use super::decide::decide;
use super::done::{Done, Line};
use super::state::State;
use crate::containerizer::{ContainerConfig, Input, Work};

/// Shape: `parent.child`.
pub(crate) fn id(name: &str) -> ContainerId {
    let mut parts = name.split('.');
    let root = ContainerId::new(parts.next().unwrap_or_default());
    parts.fold(root, |parent, part| parent.child(part))
}

pub(crate) fn identity() -> Identity {
    Identity { boot_id: "boot".into(), supervisor: 10, supervisor_started: 1, task: 11, task_started: 2 }
}

pub(crate) fn line() -> Line {
    let (channel, _) = Packets::pair().unwrap();
    Line { channel, pidfd: Pidfd::open(std::process::id()).unwrap(), child: false, alarm: None }
}

pub(crate) fn record(outcome: Outcome) -> StatusRecord {
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

pub(crate) fn exited(status: i32) -> StatusRecord {
    record(Outcome::Exited { status, destroyed: false })
}

pub(crate) fn launch_of(name: &str) -> Input {
    Input::Launch { id: id(name), config: Box::new(ContainerConfig::shell("/sandbox", "true")) }
}

pub(crate) fn done(done: Done) -> Input {
    Input::Work(Work(done))
}

/// What follows from a history, one line each.
pub(crate) fn said(state: &mut State, inputs: Vec<Input>) -> Vec<String> {
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

/// Brings a container to the point where its program runs.
pub(crate) fn running(state: &mut State, name: &str) {
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
