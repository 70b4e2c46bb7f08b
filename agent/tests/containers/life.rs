//! From a launch to its end.

use std::fs;
use std::time::Duration;

use agent::containerizer::{Cause, ContainerEvent, Input, LaunchStep};
use agent_linux::process::ProcessId;
use model::{ContainerId, Uri};

use crate::machine::{Machine, wait_until};

#[test]
fn a_container_runs_in_its_sandbox_and_its_end_is_told_once() {
    let machine = Machine::new();
    machine.launch_with("c1", "echo $NAME in $PWD; echo bad >&2; exit 3", |config| {
        config.environment.push(("NAME".into(), "first".into()));
        config.environment.push(("NAME".into(), "second".into()));
    });
    machine.held();
    assert!(!machine.sandbox("c1").join("stdout").exists());
    machine.say(Input::Go { id: ContainerId::new("c1") });
    assert!(matches!(machine.hear(), ContainerEvent::Launched { pid, .. } if pid > 1));

    let end = machine.terminated();
    assert_eq!(
        (end.status, end.cause, end.message.as_str()),
        (Some(3 << 8), Cause::Exited, "exited with status 3")
    );
    let said = fs::read_to_string(machine.sandbox("c1").join("stdout")).unwrap();
    assert_eq!(said, format!("second in {}\n", machine.sandbox("c1").display()));
    assert_eq!(fs::read_to_string(machine.sandbox("c1").join("stderr")).unwrap(), "bad\n");

    machine.say(Input::Forget { id: ContainerId::new("c1") });
    wait_until("its runtime directory is gone", || !machine.runtime_dir("c1").exists());
    assert!(machine.agent.as_ref().unwrap().events.try_recv().is_err());
}

#[test]
fn a_signal_reaches_the_task_and_a_destroy_everything() {
    let machine = Machine::new();
    machine.run("c1", "trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done");
    let stdout = machine.sandbox("c1").join("stdout");
    wait_until("it is ready", || fs::read_to_string(&stdout).is_ok_and(|text| !text.is_empty()));
    machine.say(Input::Kill { id: ContainerId::new("c1"), signal: 15 });
    assert_eq!(machine.terminated().message, "exited with status 7");

    machine.run("c2", "trap '' TERM; setsid sleep 300 & sleep 300");
    machine.say(Input::Destroy { id: ContainerId::new("c2") });
    let end = machine.terminated();
    assert_eq!((end.cause, end.message.as_str()), (Cause::Destroyed, "terminated with signal Killed"));
}

#[test]
fn a_launch_that_cannot_be_says_how_far_it_came() {
    let machine = Machine::new();
    machine.launch_with("c1", "", |config| config.user = Some("no-such-user-here".into()));
    let failure = machine.failed();
    assert_eq!(failure.step, LaunchStep::Prepare);
    assert_eq!(failure.message, "failed to run as user 'no-such-user-here': there is no such user");

    machine.launch_with("c2", "", |config| config.program = "/no/such/program".into());
    machine.held();
    machine.say(Input::Go { id: ContainerId::new("c2") });
    let failure = machine.failed();
    assert_eq!(failure.step, LaunchStep::Exec);
    assert_eq!(
        failure.message,
        "failed to execute '/no/such/program': No such file or directory (os error 2)"
    );

    machine.launch_with("c3", "", |config| config.uris = vec![Uri::new("/no/such/file")]);
    let failure = machine.failed();
    assert_eq!(failure.step, LaunchStep::Fetch);
    assert_eq!(
        failure.message,
        "Failed to fetch all URIs for container 'c3': failed to fetch '/no/such/file': No such file or directory (os error 2)"
    );
}

#[test]
fn a_destroy_at_any_point_of_a_launch_answers_it_once() {
    let machine = Machine::new();
    // Held: the gate never opens.
    machine.launch_with("c1", "echo never", |_| {});
    machine.held();
    machine.say(Input::Destroy { id: ContainerId::new("c1") });
    assert_eq!(machine.failed().step, LaunchStep::Destroyed);
    assert!(!machine.sandbox("c1").join("stdout").exists());

    // At once: somewhere between queue and gate.
    for round in 0..10 {
        let id = format!("d{round}");
        machine.launch_with(&id, "echo never", |_| {});
        machine.say(Input::Destroy { id: ContainerId::new(id.as_str()) });
        let failure = loop {
            match machine.hear() {
                // It got that far before the destroy came.
                ContainerEvent::Held { .. } => {}
                ContainerEvent::LaunchFailed { failure, .. } => break failure,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(failure.step, LaunchStep::Destroyed);
    }
}

#[test]
fn a_lost_supervisor_takes_its_container_with_it() {
    let machine = Machine::new();
    let identity = machine.run("c1", "sleep 300 & sleep 300");
    let supervisor = ProcessId { pid: identity.supervisor, started: identity.supervisor_started };
    supervisor.open().unwrap().signal(9).unwrap();
    let end = machine.terminated();
    assert_eq!((end.status, end.cause), (None, Cause::SupervisorLost));
    let task = ProcessId { pid: identity.task, started: identity.task_started };
    wait_until("its task is gone", || task.open().map_or(true, |pidfd| pidfd.ended()));
}

#[test]
fn what_running_containers_use_is_known() {
    let machine = Machine::new();
    machine.run("c1", "sleep 300 & sleep 300");
    let agent = machine.agent.as_ref().unwrap();
    let ask = || {
        let asked = agent.containerizer.call(Duration::from_secs(10), |reply| Input::Usage { reply });
        agent.runtime.block_on(asked).unwrap()[&ContainerId::new("c1")].clone()
    };
    wait_until("both children are there", || ask().processes == 3);
    assert!(ask().resident_bytes > 100_000);
    machine.say(Input::Destroy { id: ContainerId::new("c1") });
    machine.terminated();
}
