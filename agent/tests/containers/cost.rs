//! What a launch costs: processor time of the agent's side, and of supervisor and task.

use std::fs;

use agent::containerizer::{ContainerEvent, Input};
use agent_linux::child::Spent;

use crate::machine::{Machine, now, wait_until};

#[test]
fn a_launch_costs_little() {
    let machine = Machine::new();
    let rounds: u32 = 200;
    // The first one seals the program and warms what it touches.
    machine.run("warm", "exit 0");
    machine.terminated();

    let before = Spent::so_far();
    let begun = now();
    let mut open = 0;
    for round in 0..rounds {
        machine.launch_with(&format!("c{round}"), "", |config| {
            config.program = "/bin/true".into();
            config.argv = vec!["true".into()];
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
        fs::read_dir(machine.dir.path().join("run/containers")).unwrap().count() <= 1
    });
    let after = Spent::so_far();
    let plain = plain_spawns(rounds);
    let micros = |spent: [Spent; 2]| spent.map(|of| of.user_micros + of.system_micros);
    let [mine, theirs] = micros(after);
    let [mine_before, theirs_before] = micros(before);
    let each = |micros: u64| micros as f64 / 1000.0 / f64::from(rounds);
    let all = each(mine - mine_before + theirs - theirs_before);
    eprintln!(
        "{rounds} launches of `true`: {:.0}/s, CPU per launch {all:.2} ms (agent {:.2}, supervisor and task {:.2}), \
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
