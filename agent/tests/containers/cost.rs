//! What a launch costs: processor time of the agent's side, and of supervisor and task.

use std::fs;

use agent::containerizer::{ContainerConfig, ContainerEvent, Input};
use agent::provisioner::Backend;
use agent_linux::child::Spent;
use model::ContainerId;

use crate::image::shell;
use crate::images::{Images, in_image};
use crate::isolated::Isolated;
use crate::machine::{Machine, now, wait_until};

const ROUNDS: u32 = 200;

#[test]
fn a_launch_costs_little() {
    measure(&Machine::new(), "plain", &|_| {});
    for (what, names) in [
        ("in cgroups", "cgroups/cpu,cgroups/mem,cgroups/pids"),
        ("isolated", "cgroups/cpu,cgroups/mem,cgroups/pids,filesystem/linux,namespaces/pid,namespaces/ipc"),
    ] {
        let Some(isolated) = Isolated::new(names) else { return };
        measure(&isolated.machine, what, &|_| {});
        wait_until("its groups are gone", || {
            (0..ROUNDS).all(|n| isolated.groups(&format!("c{n}")).is_empty())
        });
        wait_until("the first one's too", || isolated.groups("warm").is_empty());
        isolated.leave_nothing();
    }
}

#[test]
fn a_launch_in_an_image_costs_little() {
    let names = "cgroups/cpu,cgroups/mem,cgroups/pids,namespaces/pid,namespaces/ipc";
    for backend in [Backend::Overlay, Backend::Copy] {
        let Some(images) = Images::with(names, Some(backend)) else { return };
        images.save("tools", vec![shell().programs(&["true"])], "{}");
        measure(&images.isolated.machine, &format!("in an image by {}", backend.name()), &|config| {
            in_image("tools")(config)
        });
        wait_until("its groups are gone", || {
            (0..ROUNDS).all(|n| images.isolated.groups(&format!("c{n}")).is_empty())
        });
        wait_until("the first one's too", || images.isolated.groups("warm").is_empty());
        images.isolated.leave_nothing();
    }
}

fn measure(machine: &Machine, what: &str, change: &dyn Fn(&mut ContainerConfig)) {
    let rounds = ROUNDS;
    // The first one seals the program and warms what it touches.
    machine.run("warm", "exit 0");
    machine.terminated();
    machine.say(Input::Forget { id: ContainerId::new("warm") });

    let before = Spent::so_far();
    let begun = now();
    let mut open = 0;
    for round in 0..rounds {
        machine.launch_with(&format!("c{round}"), "", |config| {
            config.program = "/bin/true".into();
            config.argv = vec!["true".into()];
            config.resources = "cpus:0.1;mem:32".parse().unwrap();
            change(config);
        });
        open += 1;
    }
    while open > 0 {
        match machine.hear() {
            ContainerEvent::Held { id, .. } => machine.say(Input::Go { id }),
            ContainerEvent::Launched { .. } => {}
            ContainerEvent::Terminated { id, .. } => {
                open -= 1;
                machine.say(Input::Forget { id });
            }
            other => panic!("{other:?}"),
        }
    }
    let took = now() - begun;
    wait_until("all supervisors are gone", || {
        fs::read_dir(machine.dir.path().join("run/containers")).unwrap().count() == 0
    });
    let after = Spent::so_far();
    let plain = plain_spawns(rounds);
    let micros = |spent: [Spent; 2]| spent.map(|of| of.user_micros + of.system_micros);
    let [mine, theirs] = micros(after);
    let [mine_before, theirs_before] = micros(before);
    let each = |micros: u64| micros as f64 / 1000.0 / f64::from(rounds);
    let all = each(mine - mine_before + theirs - theirs_before);
    eprintln!(
        "{rounds} launches of `true`, {what}: {:.0}/s, CPU per launch {all:.2} ms (agent {:.2}, supervisor and task {:.2}), \
         {:.1} times that of a plain spawn",
        f64::from(rounds) / took.as_secs_f64(),
        each(mine - mine_before),
        each(theirs - theirs_before),
        all / each(plain),
    );
}

/// The anchor of the same run: processor time of as many plain spawns of `true`. Unit: microseconds.
fn plain_spawns(rounds: u32) -> u64 {
    let total = || Spent::so_far().iter().map(|of| of.user_micros + of.system_micros).sum::<u64>();
    let before = total();
    for _ in 0..rounds {
        std::process::Command::new("/bin/true").status().unwrap();
    }
    total() - before
}
