//! What must hold whatever goes wrong.

use std::ops::Range;
use std::time::Duration;

use libprocess::sim::{Disk, Sim, seeds};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::history::History;
use crate::world::World;

/// How many seeds: a few, or as many as `HECTARE_SEEDS` says, by night.
fn range(few: u64) -> Range<u64> {
    let many = std::env::var("HECTARE_SEEDS").ok().and_then(|many| many.parse().ok());
    0..many.unwrap_or(few)
}

#[test]
fn histories_are_linearizable_whatever_goes_wrong() {
    seeds(range(2), |sim| {
        troubled(sim, 3, Duration::from_secs(6));
    });
}

#[test]
fn five_replicas_bear_more() {
    seeds(range(1), |sim| {
        troubled(sim, 5, Duration::from_secs(5));
    });
}

#[test]
fn one_seed_is_one_history() {
    let run = || {
        let mut sim = Sim::new(11);
        let succeeded = troubled(&mut sim, 3, Duration::from_secs(3));
        (sim.trace_hash(), succeeded)
    };
    assert_eq!(run(), run());
}

/// Lets a cluster be used while things go wrong, then while nothing does: it must work again, and have worked right.
fn troubled(sim: &mut Sim, size: u16, trouble: Duration) -> u64 {
    let mut chance = ChaCha8Rng::seed_from_u64(sim.seed());
    let mut world = World::of(sim, size);
    let mut history = History::new(ChaCha8Rng::seed_from_u64(world.sim.seed() + 1));
    let mut lives = vec![0_u64; usize::from(size)];
    world.leader(Duration::from_secs(30));

    let until = world.sim.now() + trouble;
    while world.sim.now() < until {
        something_happens(&mut world, &mut chance, &mut lives);
        for _ in 0..chance.random_range(5..60) {
            world.pass(Duration::from_millis(10));
            history.turn(&mut world, &lives);
        }
    }

    heal(&mut world, &mut lives);
    world.leader(Duration::from_secs(30));
    let before = history.succeeded;
    for _ in 0..300 {
        world.pass(Duration::from_millis(10));
        history.turn(&mut world, &lives);
    }
    assert!(history.succeeded > before, "it works again");
    history.end();
    history.check();
    history.succeeded
}

fn something_happens(world: &mut World<'_>, chance: &mut ChaCha8Rng, lives: &mut [u64]) {
    let size = world.members.len();
    let one = chance.random_range(0..size);
    let other = (one + chance.random_range(1..size)) % size;
    let nodes = [one, other].map(|number| world.members[number].node.clone());
    match chance.random_range(0..15) {
        0 => world.sim.partition(&nodes[0], &nodes[1]),
        1 => world.sim.partition_one_way(&nodes[0], &nodes[1]),
        2 => (0..size).filter(|number| *number != one).for_each(|number| {
            let rest = world.members[number].node.clone();
            world.sim.partition(&nodes[0], &rest);
        }),
        3 => world.sim.cut(&nodes[0], &nodes[1]),
        4 => world.sim.pause(&nodes[0]),
        // Wall clocks may be an hour off, or jump.
        5 => world.sim.skew(&nodes[0], chance.random_range(-3600.0..3600.0)),
        6 => {
            lives[one] += 1;
            let disk = if chance.random_bool(0.5) { Disk::Torn } else { Disk::Kept };
            world.restart(one, disk);
        }
        7 => world.sim.slow_disk(&nodes[0], Duration::from_millis(chance.random_range(1..300))),
        8 => world.break_disk(one, |sim, node| sim.fill_disk(node, true)),
        9 => world.break_disk(one, |sim, node| sim.fail_syncs(node, true)),
        10 => world.operate(one, |replica| async move { drop(replica.transfer(None).await) }),
        11 => world.operate(one, |replica| async move { drop(replica.snapshot().await) }),
        _ => heal(world, lives),
    }
}

/// Nothing goes wrong any more. Whoever ended with its disk starts again on what that kept.
fn heal(world: &mut World<'_>, lives: &mut [u64]) {
    world.sim.heal_all();
    for member in &world.members {
        world.sim.resume(&member.node);
        world.sim.slow_disk(&member.node, Duration::ZERO);
    }
    if let Some(broken) = world.repair() {
        lives[broken] += 1;
        world.restart(broken, Disk::Torn);
    }
}
