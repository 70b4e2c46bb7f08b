//! Time moves when it is told to; one seed gives one run.

use libprocess::sim::{Sim, seeds};
use libprocess::{Reason, Shard, Spawn};

use super::probe::{Input, Notes, Probe, Seen, ms, probe, secs, seen};

#[test]
fn timers_fire_in_order_as_time_passes() {
    seeds(0..8, |sim| {
        let node = sim.node("10.0.0.1:5050");
        let (pid, notes) = probe(&node, "one");
        for (after, mark) in [(ms(30), 3), (ms(10), 1), (secs(3600), 4), (ms(20), 2)] {
            pid.tell(Input::After(after, mark)).unwrap();
        }
        sim.settle();
        assert_eq!(seen(&notes), []);
        sim.advance(ms(20));
        assert_eq!(seen(&notes), [Seen::Woke(1), Seen::Woke(2)]);
        sim.advance(ms(3_599_979));
        assert_eq!(seen(&notes).len(), 3);
        sim.advance(ms(1));
        assert_eq!(seen(&notes)[2..], [Seen::Woke(3), Seen::Woke(4)]);
        assert_eq!(sim.now(), secs(3600));
    });
}

#[test]
fn settling_finishes_jobs_but_wakes_no_later_timer() {
    let mut sim = Sim::new(1);
    let node = sim.node("10.0.0.1:5050");
    let (pid, notes) = probe(&node, "one");
    pid.tell(Input::After(secs(1), 1)).unwrap();
    pid.tell(Input::Blocking(7)).unwrap();
    sim.settle();
    assert_eq!(seen(&notes), [Seen::Done(7)]);
    assert!(sim.now() > ms(0) && sim.now() < ms(1), "{:?}", sim.now());
}

#[test]
fn a_slow_disk_holds_jobs_back() {
    let mut sim = Sim::new(1);
    let node = sim.node("10.0.0.1:5050");
    let (pid, notes) = probe(&node, "one");
    sim.slow_disk(&node, secs(2));
    pid.tell(Input::Blocking(7)).unwrap();
    sim.advance(secs(1));
    assert_eq!(seen(&notes), []);
    sim.settle();
    assert_eq!(seen(&notes), [Seen::Done(7)]);
}

/// A small cluster that talks, waits and works; what happened in it.
fn history(seed: u64) -> (u64, Vec<Vec<Seen>>) {
    let mut sim = Sim::new(seed);
    let mut all: Vec<(libprocess::Pid<Probe>, Notes)> = Vec::new();
    for host in 1..4 {
        let node = sim.node_with(&format!("10.0.0.{host}:5050"), 2);
        all.extend(["one", "two", "three"].map(|name| probe(&node, name)));
    }
    for (at, (pid, _)) in all.iter().enumerate() {
        let (next, _) = &all[(at * 5 + 1) % all.len()];
        pid.tell(Input::Serve(next.upid().clone(), 6)).unwrap();
        pid.tell(Input::Blocking(at as u64)).unwrap();
        pid.tell(Input::After(ms(5), 1)).unwrap();
        pid.tell(Input::Ask(next.upid().bare(), 4)).unwrap();
    }
    sim.advance(secs(60));
    (sim.trace_hash(), all.iter().map(|(_, notes)| seen(notes)).collect())
}

#[test]
fn one_seed_gives_one_trace_and_another_seed_another() {
    let first = history(11);
    assert!(first.1.iter().all(|notes| !notes.is_empty()));
    assert_eq!(first, history(11));
    assert_eq!(first, std::thread::spawn(|| history(11)).join().unwrap());
    assert_ne!(first.0, history(12).0);
}

#[test]
fn who_is_ready_together_takes_turns_in_an_order_the_seed_draws() {
    let order = |seed| {
        let mut sim = Sim::new(seed);
        let node = sim.node("10.0.0.1:5050");
        let notes = Notes::default();
        for mark in 0..5 {
            let notes = notes.clone();
            let spawn = Spawn::prefixed("probe").shard(Shard::At(0));
            node.spawn(spawn, move || Probe(notes)).unwrap().tell(Input::Woke(mark)).unwrap();
        }
        sim.settle();
        seen(&notes)
    };
    let orders: Vec<_> = (0..20).map(order).collect();
    assert!(orders.iter().any(|order| *order != orders[0]), "{:?}", orders[0]);
}

#[test]
fn a_skewed_clock_is_ahead_of_the_others_and_never_goes_back() {
    let mut sim = Sim::new(1);
    let (one, two) = (sim.node("10.0.0.1:5050"), sim.node("10.0.0.2:5050"));
    sim.skew(&one, 30.0);
    assert_eq!(one.now(), two.now() + secs(30));
    let before = one.now();
    sim.skew(&one, -30.0);
    assert_eq!(one.now(), before);
    sim.advance(secs(61));
    assert_eq!(one.now() + secs(30), two.now());
}

#[test]
fn a_node_that_shuts_down_ends_its_processes() {
    let mut sim = Sim::new(1);
    let node = sim.node("10.0.0.1:5050");
    let (pid, _) = probe(&node, "one");
    sim.settle();
    let waiting = pid.wait();
    node.shutdown();
    assert_eq!(sim.block_on(waiting), Reason::NodeDown);
    assert!(!pid.is_alive());
}

#[test]
#[should_panic(
    expected = "failed under seed 3; again: HECTARE_SEED=3 cargo test -p libprocess --test sim times::"
)]
fn a_failure_says_how_to_see_it_again() {
    seeds(3..5, |_| panic!("on purpose"));
}
