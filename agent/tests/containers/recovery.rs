//! What a later agent makes of what an earlier one left.

use std::collections::BTreeMap;
use std::fs;

use agent::containerizer::{Cause, ContainerConfig, ContainerEvent, Identity, Input, LaunchStep};
use agent_linux::process::ProcessId;
use model::ContainerId;

use crate::isolated::Isolated;
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

#[test]
fn an_agent_that_stops_anywhere_in_a_launch_leaves_nothing_unanswered() {
    for round in 0..8u64 {
        let mut machine = Machine::new();
        let names: Vec<String> = (0..12).map(|number| format!("c{number}")).collect();
        for name in &names {
            machine.launch_with(name, "sleep 300", |_| {});
        }
        // Goes along with the launches for a while, and then is gone: nothing it was about to do is finished.
        let mut known: BTreeMap<ContainerId, Option<Identity>> =
            names.iter().map(|name| (ContainerId::new(name.as_str()), None)).collect();
        for _ in 0..round * 3 {
            match machine.hear() {
                ContainerEvent::Held { id, identity } => {
                    known.insert(id.clone(), Some(identity));
                    machine.say(Input::Go { id });
                }
                ContainerEvent::Launched { .. } => {}
                other => panic!("{other:?}"),
            }
        }
        machine.start();
        let list: Vec<(&str, Option<&Identity>)> =
            known.iter().map(|(id, identity)| (id.value(), identity.as_ref())).collect();
        machine.recover(&list);

        let mut ended = Vec::new();
        let mut running = loop {
            match machine.hear() {
                ContainerEvent::Recovered { running, orphans } => {
                    assert!(orphans.is_empty());
                    break running.into_iter().map(|(id, _)| id).collect::<Vec<_>>();
                }
                ContainerEvent::Terminated { id, .. } | ContainerEvent::LaunchFailed { id, .. } => {
                    ended.push(id)
                }
                other => panic!("{other:?}"),
            }
        };
        for id in running.clone() {
            machine.say(Input::Destroy { id });
        }
        while ended.len() < names.len() {
            match machine.hear() {
                ContainerEvent::Terminated { id, .. } | ContainerEvent::LaunchFailed { id, .. } => {
                    running.retain(|other| *other != id);
                    ended.push(id);
                }
                other => panic!("{other:?}"),
            }
        }
        ended.sort();
        assert_eq!(ended, known.into_keys().collect::<Vec<_>>(), "round {round}: each was answered once");
        for id in ended {
            machine.say(Input::Forget { id });
        }
        let containers = machine.running();
        wait_until("nothing is left", || fs::read_dir(&containers).unwrap().count() == 0);
    }
}

#[test]
fn an_agent_that_stops_anywhere_in_an_update_or_a_destroy_leaves_nothing_behind() {
    const COUNT: usize = 6;
    for round in 0..=COUNT {
        let names = "cgroups/cpu,cgroups/mem,cgroups/pids,filesystem/linux,namespaces/pid";
        let Some(mut isolated) = Isolated::new(names) else { return };
        let mut known: BTreeMap<ContainerId, Identity> = BTreeMap::new();
        for number in 0..COUNT {
            isolated.machine.launch_with(&format!("c{number}"), "sleep 300", |config| {
                config.resources = "cpus:0.1;mem:32".parse().unwrap();
            });
            let identity = isolated.machine.held();
            let id = ContainerId::new(format!("c{number}"));
            isolated.machine.say(Input::Go { id: id.clone() });
            assert!(matches!(isolated.machine.hear(), ContainerEvent::Launched { .. }));
            known.insert(id, identity);
        }
        for id in known.keys() {
            let mut more = ContainerConfig::shell(isolated.machine.sandbox(id.value()), "");
            more.resources = "cpus:0.2;mem:64".parse().unwrap();
            isolated.machine.say(Input::Update { id: id.clone(), config: Box::new(more) });
            isolated.machine.say(Input::Destroy { id: id.clone() });
        }
        // Of the ends it hears of, it writes every other one down; then it is gone.
        for heard in 0..round {
            let ContainerEvent::Terminated { id, .. } = isolated.machine.hear() else { panic!("an end") };
            if heard % 2 == 0 {
                known.remove(&id);
                isolated.machine.say(Input::Forget { id });
            }
        }
        isolated.machine.start();
        let list: Vec<(&str, Option<&Identity>)> =
            known.iter().map(|(id, identity)| (id.value(), Some(identity))).collect();
        isolated.machine.recover(&list);
        let mut ended = Vec::new();
        let mut recovered = false;
        while ended.len() < known.len() || !recovered {
            match isolated.machine.hear() {
                ContainerEvent::Recovered { running, .. } => {
                    recovered = true;
                    // Those whose supervisor had not heard yet that they are to end.
                    running.into_iter().for_each(|(id, _)| isolated.machine.say(Input::Destroy { id }));
                }
                ContainerEvent::Terminated { id, .. } => ended.push(id),
                other => panic!("{other:?}"),
            }
        }
        ended.sort();
        assert_eq!(ended, known.keys().cloned().collect::<Vec<_>>(), "round {round}: each was told once");
        for number in 0..COUNT {
            isolated.forget(&format!("c{number}"));
        }
        isolated.leave_nothing();
    }
}
