//! Random histories in a simulation, each twice.

use libprocess::sim::{Disk, Sim};
use proptest::prelude::*;

use crate::history::{How, NODES, Step, Story, Trouble, cases, steps};
use crate::judge::broken;
use crate::member::PATIENCE;

/// Longer than any silence, timeout or backoff.
const LONG: std::time::Duration = PATIENCE.saturating_mul(2);

/// Runs a history; returns what was broken, and the trace.
fn run(seed: u64, steps: &[Step]) -> (Vec<String>, u64) {
    let mut sim = Sim::new(seed);
    let nodes = (1..=NODES).map(|host| sim.node_with(&format!("10.0.0.{host}:5050"), 2)).collect();
    let mut story = Story::begin(nodes);
    let mut found = Vec::new();
    let mut whole = true;
    sim.settle();
    for step in steps {
        story.take(step);
        match *step {
            Step::Trouble(trouble, one, other) => {
                whole = strike(&mut sim, &mut story, trouble, one, other, whole);
            }
            Step::Wait(time) => sim.advance(std::time::Duration::from_millis(time.into())),
            Step::Settle => {
                sim.settle();
                if whole {
                    // Nothing is in the way and nothing on its way: nobody waits for an answer.
                    found.extend(broken(&story, false));
                    found.extend(unanswered(&story));
                }
            }
            _ => {}
        }
    }
    heal(&mut sim, &story);
    sim.advance(LONG);
    found.extend(broken(&story, true));
    // Who lives still, ends one by one; whoever is linked hears of each.
    for place in story.everybody() {
        story.end(place, How::Stops);
        sim.advance(std::time::Duration::from_secs(10));
        found.extend(broken(&story, true));
    }
    (found, sim.trace_hash())
}

/// Questions that are open though no way is closed: a peer that is gone is noticed at once.
fn unanswered(story: &Story) -> Vec<String> {
    broken(story, true).into_iter().filter(|what| what.contains("never heard the answer")).collect()
}

/// Does what a driver can; says whether every way is open.
fn strike(sim: &mut Sim, story: &mut Story, trouble: Trouble, one: usize, other: usize, whole: bool) -> bool {
    let (here, there) = (story.node(one).clone(), story.node(other).clone());
    match trouble {
        Trouble::Cut => {
            story.troubled(one, other);
            sim.cut(&here, &there);
            whole
        }
        Trouble::Partition | Trouble::OneWay => {
            story.troubled(one, other);
            match trouble {
                Trouble::OneWay => sim.partition_one_way(&here, &there),
                _ => sim.partition(&here, &there),
            }
            false
        }
        Trouble::Pause => {
            (0..NODES).for_each(|other| story.troubled(one, other));
            sim.pause(&here);
            false
        }
        Trouble::Heal => {
            heal(sim, story);
            // Links that were given up on meanwhile are noticed by their silence.
            sim.advance(LONG);
            true
        }
        Trouble::Kill | Trouble::PowerOff => {
            match trouble {
                Trouble::Kill => sim.kill(&here),
                _ => sim.power_off(&here),
            }
            let again = sim.restart(&here, Disk::Kept);
            story.reborn(one, again);
            // Half-open connections are noticed by their silence.
            matches!(trouble, Trouble::Kill) && whole
        }
    }
}

fn heal(sim: &mut Sim, story: &Story) {
    sim.heal_all();
    (0..NODES).for_each(|node| sim.resume(story.node(node)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(48), max_shrink_iters: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_history_breaks_the_contract(seed in any::<u64>(), steps in steps(1..80)) {
        let (broken, hash) = run(seed, &steps);
        let replay = format!("again: simulated::run({seed}, &{steps:?})");
        prop_assert!(broken.is_empty(), "{}\n{replay}", broken.join("\n"));
        prop_assert_eq!(run(seed, &steps), (broken, hash), "the same history had another trace; {}", replay);
    }
}
