//! Trouble by seed, and every fault a disk or a way may have.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use libprocess::Runtime;
use libprocess::environment::{Open, read_all};
use libprocess::sim::{Disk, Fault, Faults, Sim, Trouble, seeds};

use super::probe::{Input, Seen, ms, probe, secs, seen};

fn every_fault() -> Vec<Fault> {
    let mut faults = vec![
        Fault::Partition,
        Fault::OneWay,
        Fault::Cut,
        Fault::Slow(ms(50)..=ms(400)),
        Fault::Narrow(2_000),
        Fault::Pause,
        Fault::SlowDisk(secs(1)),
        Fault::FullDisk,
        Fault::FailingSync,
        Fault::Skew(30.0),
    ];
    for disk in [Disk::Kept, Disk::Synced, Disk::Torn, Disk::Lost] {
        faults.extend([Fault::Kill(disk), Fault::PowerOff(disk)]);
    }
    faults
}

/// Nodes that write to each other and to their disks through ten minutes of trouble.
fn history(sim: &mut Sim) -> (Vec<Trouble>, u64) {
    let nodes = [1, 2, 3].map(|host| sim.node(&format!("10.0.0.{host}:5050")));
    let populate = |node: &Runtime, other: &Runtime| {
        let (pid, _) = probe(node, "one");
        pid.tell(Input::Link(libprocess::Upid::new("one", other.address()))).unwrap();
        pid.tell(Input::Ask(libprocess::Upid::new("one", other.address()), 4)).unwrap();
        pid.tell(Input::Blocking(1)).unwrap();
    };
    (0..3).for_each(|at| populate(&nodes[at], &nodes[(at + 1) % 3]));
    let faults = Faults::of(every_fault()).every(ms(500)..=secs(4)).lasting(ms(100)..=secs(6)).at_most(2);
    let mut restarts = 0;
    let troubles = sim.trouble(&faults, secs(600), |_, node| {
        restarts += 1;
        populate(node, &nodes[restarts % 3]);
    });
    let killed =
        troubles.iter().filter(|trouble| matches!(trouble.fault, Fault::Kill(_) | Fault::PowerOff(_)));
    assert_eq!(killed.count(), restarts);
    (troubles, sim.trace_hash())
}

#[test]
fn trouble_follows_from_the_seed_and_all_of_it_comes() {
    let mut came = BTreeSet::new();
    seeds(0..3, |sim| {
        let (troubles, hash) = history(sim);
        assert_eq!(history(&mut Sim::new(sim.seed())), (troubles.clone(), hash));
        came.extend(troubles.iter().map(|trouble| format!("{:?}", trouble.fault)));
    });
    let missed: Vec<_> =
        every_fault().into_iter().filter(|fault| !came.contains(&format!("{fault:?}"))).collect();
    assert!(missed.is_empty() || std::env::var_os("HECTARE_SEED").is_some(), "{missed:?} never came");
}

#[test]
fn all_is_well_again_behind_the_trouble() {
    seeds(0..6, |sim| {
        let nodes = [1, 2].map(|host| sim.node(&format!("10.0.0.{host}:5050")));
        let ways = [Fault::Partition, Fault::OneWay, Fault::Cut, Fault::Pause, Fault::Narrow(500)];
        sim.trouble(&Faults::of(ways).every(ms(100)..=secs(3)), secs(60), |_, _| {});
        sim.advance(secs(60));
        let ((asker, notes), (asked, _)) = (probe(&nodes[0], "asker"), probe(&nodes[1], "asked"));
        asker.tell(Input::Ask(asked.upid().clone(), 21)).unwrap();
        sim.settle();
        assert_eq!(seen(&notes), [Seen::Answered(Ok(42))]);
    });
}

#[test]
fn a_narrow_way_delays_what_is_large() {
    let mut sim = Sim::new(3);
    let nodes = [1, 2].map(|host| sim.node(&format!("10.0.0.{host}:5050")));
    let ((asker, notes), (asked, _)) = (probe(&nodes[0], "asker"), probe(&nodes[1], "asked"));
    let ask = |sim: &mut Sim, number| {
        let before = sim.now();
        asker.tell(Input::Ask(asked.upid().clone(), number)).unwrap();
        assert!(sim.run_until(|| seen(&notes).len() as u64 == number, secs(50)));
        sim.now() - before
    };
    let usual = ask(&mut sim, 1);
    sim.narrow(&nodes[0], &nodes[1], Some(20));
    let narrow = ask(&mut sim, 2);
    sim.narrow(&nodes[0], &nodes[1], None);
    sim.advance(secs(60));
    let again = ask(&mut sim, 3);
    assert!(usual < ms(20) && again < ms(20) && narrow > Duration::from_millis(500), "{usual:?} {narrow:?}");
}

/// A node with one file whose first bytes are safe.
fn written(sim: &mut Sim) -> Runtime {
    let node = sim.node("10.0.0.1:5050");
    let storage = node.storage().clone();
    storage.create_dir(Path::new("/d")).unwrap();
    let mut file = storage.open(Path::new("/d/f"), Open::CreateNew).unwrap();
    file.append(b"safe ").unwrap();
    file.sync_data().unwrap();
    storage.sync_dir(Path::new("/d")).unwrap();
    node
}

fn read(node: &Runtime) -> Vec<u8> {
    read_all(&**node.storage(), Path::new("/d/f")).unwrap()
}

#[test]
fn what_a_failed_flush_was_to_save_no_later_flush_saves() {
    let mut sim = Sim::new(3);
    let node = written(&mut sim);
    let mut file = node.storage().open(Path::new("/d/f"), Open::Write).unwrap();
    file.append(b"lost ").unwrap();
    sim.fail_syncs(&node, true);
    assert!(file.sync_data().is_err() && node.storage().sync_dir(Path::new("/d")).is_err());
    sim.fail_syncs(&node, false);
    assert_eq!(read(&node), b"safe lost ", "it can still be read");
    file.append(b"late").unwrap();
    file.sync_data().unwrap();
    let node = sim.restart(&node, Disk::Synced);
    assert_eq!(read(&node), b"safe \0\0\0\0\0late");
}

#[test]
fn a_disk_stops_between_any_two_operations() {
    let mut found = BTreeSet::new();
    for stop in 0..6 {
        let mut sim = Sim::new(3);
        let node = written(&mut sim);
        let before = sim.disk_operations(&node);
        sim.stop_disk_after(&node, stop);
        let write = || {
            let mut file = node.storage().open(Path::new("/d/f"), Open::Write)?;
            file.append(b"a")?;
            file.sync_data()?;
            file.append(b"b")?;
            file.sync_data()
        };
        assert_eq!(write().is_ok(), stop >= 4);
        assert_eq!(sim.disk_operations(&node) - before, stop.min(4));
        let node = sim.restart(&node, Disk::Synced);
        found.insert(String::from_utf8(read(&node)).unwrap());
        node.storage().open(Path::new("/d/f"), Open::Write).unwrap().append(b"c").unwrap();
    }
    assert_eq!(found, ["safe ", "safe a", "safe ab"].map(str::to_owned).into());
}

#[test]
fn a_bit_rots_behind_the_back_of_a_node() {
    let mut sim = Sim::new(3);
    let node = written(&mut sim);
    sim.power_off(&node);
    sim.edit_disk(&node, |path, bytes| {
        assert_eq!(path, Path::new("/d/f"));
        bytes[0] ^= 0x20;
    });
    let node = sim.restart(&node, Disk::Torn);
    assert_eq!(read(&node), b"Safe ");
}

#[test]
fn a_larger_cluster_has_one_trace_too() {
    let run = |seed| {
        let mut sim = Sim::new(seed);
        let centre = sim.node("10.0.0.1:5050");
        let (to, heard) = probe(&centre, "centre");
        for number in 0..150u64 {
            let node = sim.node(&format!("10.0.1.{number}:5050"));
            let (pid, _) = probe(&node, "edge");
            pid.tell(Input::Link(to.upid().clone())).unwrap();
            pid.tell(Input::Send(to.upid().clone(), number)).unwrap();
        }
        sim.advance(secs(20));
        (seen(&heard).len(), sim.events(), sim.trace_hash())
    };
    let (first, again, other) = (run(1), run(1), run(2));
    assert_eq!((first.0, first), (150, again));
    assert_ne!(first.2, other.2);
}
