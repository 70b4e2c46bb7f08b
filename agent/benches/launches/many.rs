//! A thousand containers of one agent at once: launched, found again, destroyed; and what their supervisors take meanwhile.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use agent::containerizer::{Cause, ContainerEvent, Identity, Input, KnownContainer};
use model::ContainerId;

use crate::isolated::Isolated;
use crate::machine::wait_until;
use crate::{CGROUPS, figure, row, spent};

const CONTAINERS: u32 = 1000;

pub(crate) fn thousand() {
    let Some(mut isolated) = Isolated::new(CGROUPS) else { return };
    let start = Instant::now();
    let identities = launch_all(&isolated);
    row("1,000 containers, launched", "≤ 10 s", &format!("{:.1} s", start.elapsed().as_secs_f64()));

    let memory = |word: &str| {
        let of = |identity: &Identity| {
            figure(Path::new(&format!("/proc/{}/smaps_rollup", identity.supervisor)), word)
                .unwrap_or_default()
        };
        let mut all: Vec<u64> = identities.values().map(of).collect();
        all.sort_unstable();
        (all[all.len() / 2], all[all.len() - 1])
    };
    let (middle, most) = memory("Pss:");
    let (resident, _) = memory("Rss:");
    row(
        "memory of one's supervisor",
        "≤ 600 kB",
        &format!("{middle} kB, at most {most} kB (resident {resident} kB)"),
    );

    let before = spent();
    std::thread::sleep(Duration::from_secs(10));
    let idle = (spent()[0] - before[0]).as_secs_f64() * 10.0;
    row("containerizer, idle beside them", "", &format!("{idle:.2} % of a core"));

    isolated.machine.start();
    let start = Instant::now();
    let known = identities
        .iter()
        .map(|(id, identity)| KnownContainer { id: id.clone(), identity: Some(identity.clone()) })
        .collect();
    isolated.machine.say(Input::Recover { known });
    let ContainerEvent::Recovered { running, orphans } = isolated.machine.hear() else {
        panic!("not recovered")
    };
    assert_eq!((running.len(), orphans.len()), (identities.len(), 0));
    row(
        "  found by a containerizer that comes back",
        "",
        &format!("{:.0} ms", start.elapsed().as_secs_f64() * 1e3),
    );

    let start = Instant::now();
    destroy_all(&isolated, &identities);
    row(
        "  destroyed, each told and nothing left",
        "≤ 6 s",
        &format!("{:.1} s", start.elapsed().as_secs_f64()),
    );
    isolated.leave_nothing();
}

fn launch_all(isolated: &Isolated) -> BTreeMap<ContainerId, Identity> {
    for number in 0..CONTAINERS {
        isolated.machine.launch_with(&format!("c{number}"), "", |config| {
            config.program = "/bin/sleep".into();
            config.argv = vec!["sleep".into(), "1000".into()];
            config.resources = "cpus:0.1;mem:32".parse().unwrap();
        });
    }
    let mut identities = BTreeMap::new();
    let mut running = 0;
    while running < CONTAINERS {
        match isolated.machine.hear() {
            ContainerEvent::Held { id, identity } => {
                identities.insert(id.clone(), identity);
                isolated.machine.say(Input::Go { id });
            }
            ContainerEvent::Launched { .. } => running += 1,
            other => panic!("{other:?}"),
        }
    }
    identities
}

fn destroy_all(isolated: &Isolated, all: &BTreeMap<ContainerId, Identity>) {
    for id in all.keys() {
        isolated.machine.say(Input::Destroy { id: id.clone() });
    }
    let mut left = all.len();
    while left > 0 {
        match isolated.machine.hear() {
            ContainerEvent::Terminated { id, termination } => {
                assert_eq!(termination.cause, Cause::Destroyed);
                left -= 1;
                isolated.machine.say(Input::Forget { id });
            }
            other => panic!("{other:?}"),
        }
    }
    let running = isolated.machine.running();
    wait_until("nothing is left", || std::fs::read_dir(&running).unwrap().count() == 0);
}
