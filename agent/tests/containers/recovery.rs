//! What a later agent makes of what an earlier one left.

use std::collections::BTreeMap;
use std::fs;

use agent::containerizer::{Cause, ContainerEvent, Identity, Input, LaunchStep};
use agent_linux::process::ProcessId;
use model::ContainerId;

use crate::machine::{Machine, wait_until};

#[test]
fn a_container_outlives_its_agent_and_its_exit_code_is_found() {
    let mut machine = Machine::new();
    let (running, ended) = (
        machine.run("stays", "sleep 300"),
        machine.run("ends", "while [ ! -e end ]; do sleep 0.01; done; exit 37"),
    );
    let never = ContainerId::new("never");
    // Only intended: nothing was started for it.
    machine.start();
    fs::write(machine.sandbox("ends").join("end"), "").unwrap();
    wait_until("the second has ended", || machine.runtime_dir("ends").join("status").exists());

    machine.recover(&[("stays", Some(&running)), ("ends", Some(&ended)), ("never", None)]);

    let mut told = BTreeMap::new();
    let (found, orphans) = loop {
        match machine.hear() {
            ContainerEvent::Recovered { running, orphans } => break (running, orphans),
            ContainerEvent::Terminated { id, termination } => drop(told.insert(id, termination.status)),
            ContainerEvent::LaunchFailed { id, failure } => {
                assert_eq!((id, failure.step), (never.clone(), LaunchStep::Interrupted));
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(told, BTreeMap::from([(ContainerId::new("ends"), Some(37 << 8))]));
    assert_eq!((found, orphans), (vec![(ContainerId::new("stays"), running)], vec![]));

    machine.say(Input::Destroy { id: ContainerId::new("stays") });
    assert_eq!(machine.terminated().cause, Cause::Destroyed);
}

#[test]
fn what_no_journal_knows_is_destroyed() {
    let mut machine = Machine::new();
    let identity = machine.run("orphan", "sleep 300");
    machine.start();
    machine.recover(&[]);
    let ContainerEvent::Recovered { running, orphans } = machine.hear() else { panic!("not recovered") };
    assert_eq!((running, orphans), (vec![], vec![ContainerId::new("orphan")]));
    wait_until("it is gone", || !machine.runtime_dir("orphan").exists());
    let task = ProcessId { pid: identity.task, started: identity.task_started };
    assert!(task.open().is_err());
}

#[test]
fn an_earlier_boot_is_lost_and_nothing_of_it_is_signalled() {
    let mut machine = Machine::new();
    let stranger = std::process::Command::new("sleep").arg("300").spawn().unwrap();
    let them = ProcessId::of(stranger.id()).unwrap();
    let of = |boot: &str| Identity {
        boot_id: boot.into(),
        supervisor: them.pid,
        supervisor_started: them.started + 1,
        task: them.pid,
        task_started: them.started + 1,
    };
    machine.start();
    let same = agent_linux::process::boot_id().unwrap();
    machine.recover(&[("before", Some(&of("another-boot"))), ("reused", Some(&of(&same)))]);
    let causes = [machine.terminated().cause, machine.terminated().cause];
    assert_eq!(causes, [Cause::Rebooted, Cause::SupervisorLost]);
    assert!(matches!(machine.hear(), ContainerEvent::Recovered { .. }));
    // A number that was the container's and is somebody else's by now.
    them.open().unwrap().signal(0).unwrap();
    them.open().unwrap().signal(9).unwrap();
    let mut stranger = stranger;
    stranger.wait().unwrap();
}
