//! An agent that is killed as `kill -9` does, before any one thing it does in a launch, an update, an end, a recovery: the
//! next one leaves no container, no process, no group and no mount behind, and every task's story is told once, in order.

mod stage;
#[path = "../support/mod.rs"]
mod support;
mod volumes;

use std::fs;

use serde_json::json;
use stage::{Stage, dies};
use support::{Running, wait_for};

/// What a task does that ends by itself, with a code of its own.
const BRIEF: &str = "sleep 0.2; exit 37";
/// What one does that must be ended, and hides its children.
const STUBBORN: &str = "trap '' TERM; (trap '' TERM; setsid sleep 1000 &); while :; do sleep 0.05; done";

/// Up to the moment the task is given: what becomes of the task is open, if only it is told.
const LAUNCH: [&str; 18] = [
    "agent record framework",
    "agent launch",
    "containers start",
    "start isolate",
    "start directory",
    "start lock",
    "start supervisor",
    "start description",
    "start told",
    "containers watch",
    "containers tell held",
    "agent record held",
    "agent go",
    "containers say Go",
    "containers tell launched",
    "agent answer accepted",
    "agent open",
    // Whether it was written down that the task was given, nobody knows: it is not given twice.
    "agent to LAUNCH",
];

/// Otherwise its true exit code is told.
const UPDATES: [&str; 17] = [
    "agent to SUBSCRIBED",
    "agent record given",
    "agent record update TASK_STARTING",
    "agent to ACKNOWLEDGED",
    "agent to update TASK_STARTING",
    "agent record acknowledged",
    "agent record update TASK_RUNNING",
    "agent to update TASK_RUNNING",
    "agent record update TASK_FAILED",
    "agent to update TASK_FAILED",
    "containers conclude",
    "containers tell ended",
    "agent record ended",
    "agent forget",
    "containers say Forget",
    "containers remove",
    "remove directory",
];

/// A framework goes, and its task will not.
const DESTROY: [&str; 7] = [
    "agent record gone",
    "agent to SHUTDOWN",
    "containers conclude",
    "containers tell ended",
    "agent record ended",
    "containers remove",
    "remove directory",
];

/// The same where nobody answers that is asked to end.
const FORCED: [&str; 2] = ["agent destroy", "containers say Destroy"];

/// A container that no executor is in, from its launch to its removal.
const ALONE: [&str; 13] = [
    "agent record container",
    "agent launch",
    "containers tell held",
    "agent record held container",
    "agent go",
    "containers tell launched",
    "agent signal",
    "containers say Signal(9)",
    "containers tell ended",
    "agent record ended container",
    "agent forget",
    "containers remove",
    "remove directory",
];

/// The next agent is killed too, while it takes up what the first one left.
const RECOVERY: [&str; 6] = [
    "agent recover",
    "containers recover",
    "containers watch",
    "containers tell recovered",
    "agent to SUBSCRIBED",
    "agent to reregister",
];

#[test]
fn killed_in_a_launch() {
    each(&LAUNCH, |stage, place, number| {
        let mut doomed = stage.doomed(place);
        let mut job = stage.job(number, BRIEF);
        dies(&mut doomed, place);
        let agent = stage.agent();
        job.code();
        stage.told(place, number, &[]);
        agent
    });
}

#[test]
fn killed_between_updates() {
    each(&UPDATES, |stage, place, number| {
        let mut doomed = stage.doomed(place);
        let mut job = stage.job(number, BRIEF);
        dies(&mut doomed, place);
        let agent = stage.agent();
        assert_eq!(job.code(), Some(37), "killed before '{place}'");
        stage.told(place, number, &["TASK_RUNNING", "TASK_FAILED"]);
        agent
    });
}

#[test]
fn killed_while_a_container_is_ended() {
    each(&DESTROY, |stage, place, number| {
        let mut doomed = stage.doomed(place);
        let _job = stage.job(number, STUBBORN);
        stage.runs(number);
        stage.tear_down(number);
        dies(&mut doomed, place);
        stage.agent()
    });
}

#[test]
fn killed_while_who_does_not_answer_is_ended() {
    each(&FORCED, |stage, place, number| {
        let mut doomed = stage.doomed(place);
        let _job = stage.job(number, STUBBORN);
        stage.runs(number);
        for pid in stage.inside() {
            let pid = nix::unistd::Pid::from_raw(pid.parse().expect("a number"));
            // One that has ended meanwhile does not answer either.
            let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGSTOP);
        }
        stage.tear_down(number);
        dies(&mut doomed, place);
        stage.agent()
    });
}

#[test]
fn killed_with_a_container_that_stands_alone() {
    each(&ALONE, |stage, place, number| {
        let mut doomed = stage.doomed(place);
        let id = json!({"value": format!("alone-{number}")});
        let launch = json!({"container_id": id, "command": {"value": STUBBORN}});
        // One that is not there yet, or still recovers, is asked again; one that is killed does not answer.
        wait_for("the launch", || {
            let taken = stage.asked("LAUNCH_CONTAINER", "launch_container", &launch);
            (matches!(taken, Ok(200 | 202)) || doomed.ended().is_some()).then_some(())
        });
        let kill = json!({"container_id": id});
        let _ = stage.asked("KILL_CONTAINER", "kill_container", &kill);
        dies(&mut doomed, place);
        let agent = stage.agent();
        // Either it is there, or it is gone without a trace.
        let status = stage.asked("KILL_CONTAINER", "kill_container", &kill).expect("it answers");
        assert!(status == 200 || status == 404, "killed before '{place}': {status}");
        agent
    });
}

#[test]
fn killed_while_it_recovers() {
    each(&RECOVERY, |stage, place, number| {
        let first = stage.agent();
        let gate = stage.scratch.path().join(format!("gate-{number}"));
        let mut job =
            stage.job(number, &format!("while [ ! -e {} ]; do sleep 0.01; done; exit 37", gate.display()));
        stage.runs(number);
        first.kill();
        dies(&mut stage.doomed(place), place);
        fs::write(&gate, "").expect("the gate opens");
        let agent = stage.agent();
        assert_eq!(job.code(), Some(37), "killed before '{place}'");
        stage.told(place, number, &["TASK_RUNNING", "TASK_FAILED"]);
        agent
    });
}

/// Kills one agent after the other on the same work directory, and looks each time for what was left.
fn each(places: &[&str], story: impl Fn(&Stage, &str, usize) -> Running) {
    let stage = Stage::new();
    for (number, place) in places.iter().enumerate() {
        let agent = story(&stage, place, number);
        stage.nothing_is_left(place);
        agent.kill();
    }
    stage.sweep();
}
