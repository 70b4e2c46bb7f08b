//! Foreign state machines on a simulated node: they find their clock, chance and disk by themselves.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use libprocess::environment::Open;
use libprocess::sim::here::{self, Instant, JoinError, TimedOut};
use libprocess::sim::{Disk, Sim, seeds, watch};
use rand::RngExt;
use tokio::sync::mpsc;

use super::probe::{ms, secs};

/// What a foreign library demands of its futures.
fn foreign<F: Future<Output: Send> + Send>(future: F) -> F {
    future
}

/// A counter that hands out turns: commands in a channel, a timer of its own, watchers of its state.
async fn machine(mut commands: mpsc::Receiver<u64>, state: watch::Sender<u64>) -> u64 {
    let mut sum = 0;
    let mut deadline = Instant::now() + ms(50);
    loop {
        match here::timeout_at(deadline, commands.recv()).await {
            Ok(Some(number)) => sum += number,
            Ok(None) => return sum,
            Err(TimedOut) => deadline = Instant::now() + ms(here::rng().random_range(40..60)),
        }
        let _ = state.send(sum);
    }
}

/// Runs three clients of one machine; returns who saw what, in order.
fn history(sim: &mut Sim) -> Vec<(u64, u64)> {
    let node = sim.node("10.0.0.1:5050");
    let seen = Arc::new(Mutex::new(Vec::new()));
    let notes = seen.clone();
    let sum = sim.run_on(
        &node,
        foreign(async move {
            let (sender, commands) = mpsc::channel(2);
            let (state, watching) = watch::channel(0);
            let machine = here::spawn(foreign(machine(commands, state)));
            for client in 1..=3 {
                let (sender, mut watching, notes) = (sender.clone(), watching.clone(), notes.clone());
                here::spawn(foreign(async move {
                    for number in 0..5 {
                        here::sleep(ms(here::rng().random_range(0..9))).await;
                        sender.send(number).await.unwrap();
                        watching.changed().await.unwrap();
                        let sum = *watching.borrow();
                        notes.lock().unwrap().push((client, sum));
                    }
                }));
            }
            drop(sender);
            machine.await.unwrap()
        }),
    );
    assert_eq!(sum, 30);
    Arc::into_inner(seen).map_or_else(Vec::new, |seen| seen.into_inner().unwrap())
}

#[test]
fn a_foreign_machine_runs_on_the_clock_and_chance_of_its_node() {
    let mut orders = Vec::new();
    seeds(0..6, |sim| {
        let (first, hash) = (history(sim), sim.trace_hash());
        let mut again = Sim::new(sim.seed());
        assert_eq!((history(&mut again), again.trace_hash()), (first.clone(), hash));
        orders.push(first);
    });
    assert!(orders.iter().any(|order| *order != orders[0]) || orders.len() == 1, "chance decides something");
}

#[test]
fn tasks_end_with_their_node_and_a_join_says_so() {
    let mut sim = Sim::new(3);
    let (one, two) = (sim.node("10.0.0.1:5050"), sim.node("10.0.0.2:5050"));
    let endless = sim.on(&one, || here::spawn(std::future::pending::<()>()));
    let panicking = sim.on(&one, || here::spawn(async { panic!("as told") }));
    let aborted = sim.on(&one, || here::spawn(here::sleep(secs(1))));
    sim.on(&two, || aborted.abort());
    assert_eq!(sim.block_on(panicking), Err::<(), _>(JoinError::Panicked("as told".to_owned())));
    assert_eq!(sim.block_on(aborted), Err(JoinError::Gone));
    sim.kill(&one);
    assert_eq!(sim.block_on(endless), Err(JoinError::Gone));
    assert!(here::try_node().is_none());
}

#[test]
#[should_panic(expected = "nobody hears this")]
fn a_panic_that_nobody_joins_ends_the_test() {
    let mut sim = Sim::new(3);
    let node = sim.node("10.0.0.1:5050");
    sim.on(&node, || drop(here::spawn(async { panic!("nobody hears this") })));
    sim.settle();
}

#[test]
fn a_flush_takes_as_long_as_the_disk_is_slow_and_is_found_after_the_crash() {
    let mut sim = Sim::new(3);
    let node = sim.node("10.0.0.1:5050");
    sim.slow_disk(&node, secs(2));
    let took = sim.run_on(
        &node,
        foreign(async {
            let before = Instant::now();
            let storage = here::node().storage().clone();
            let written = here::blocking(move || {
                storage.create_dir(Path::new("/log"))?;
                storage.open(Path::new("/log/1"), Open::CreateNew)?.sync_data()?;
                storage.sync_dir(Path::new("/log"))
            });
            written.await.unwrap().unwrap();
            before.elapsed()
        }),
    );
    assert!(took >= secs(2) && took < secs(3), "{took:?}");
    let node = sim.restart(&node, Disk::Synced);
    assert!(node.storage().exists(Path::new("/log/1")));
}

#[test]
fn a_paused_node_is_late_for_its_own_deadlines() {
    let mut sim = Sim::new(3);
    let node = sim.node("10.0.0.1:5050");
    let late = sim.on(&node, || {
        here::spawn(async {
            let due = Instant::now() + ms(100);
            here::sleep_until(due).await;
            Instant::now() - due
        })
    });
    sim.step();
    sim.pause(&node);
    sim.advance(secs(5));
    sim.resume(&node);
    let late = sim.block_on(late).unwrap();
    assert!(late > Duration::from_millis(4_800), "{late:?}");
}
