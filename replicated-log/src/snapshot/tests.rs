//! Snapshots written, sent in pieces, interrupted, and kept.

use libprocess::Runtime;
use libprocess::sim::{Disk, Sim};

use super::*;
use crate::raft::codec::Place;
use crate::{NodeId, View};

fn dir() -> &'static Path {
    Path::new("/data/log")
}

fn covered(index: u64) -> Covered {
    let last = Some(Place { term: 2, node: NodeId(1), index });
    Covered { last, ..Covered::from(&Default::default()) }
}

fn content(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 7 / 3) as u8).collect()
}

fn make(node: &Runtime, index: u64, length: usize) -> Snapshot {
    let snapshots = Snapshots::open(node.environment(), dir()).unwrap();
    let bytes = content(length);
    snapshots.write(covered(index), View::new(move |to| to.write_all(&bytes))).unwrap()
}

fn latest(node: &Runtime, kept: u64) -> Result<Option<Snapshot>, crate::damage::OpenError> {
    Snapshots::open(node.environment(), dir())?.latest(kept, |snapshot| {
        snapshot.reader().read_to_end(&mut Vec::new())?;
        Ok(snapshot)
    })
}

fn names(node: &Runtime) -> Vec<String> {
    node.storage().list(&dir().join("snap")).unwrap()
}

fn whole(snapshot: &Snapshot) -> Vec<u8> {
    let mut bytes = Vec::new();
    snapshot.reader().read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
fn a_snapshot_reads_as_it_was_written_and_two_are_kept() {
    let mut sim = Sim::new(1);
    let mut node = sim.node("10.0.0.1:5050");
    for (index, length) in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 5].into_iter().enumerate() {
        let made = make(&node, index as u64, length);
        assert_eq!((made.len(), whole(&made)), (length as u64, content(length)));
        assert!(names(&node).len() <= 2);
        node = sim.restart(&node, Disk::Synced);
        let latest = latest(&node, 0).unwrap().unwrap();
        assert_eq!(latest.covered(), &covered(index as u64));
        assert_eq!(whole(&latest), content(length));
        for offset in [0, length.min(1), length / 2, length] {
            let chunk = latest.chunk(offset as u64, CHUNK + 9).unwrap();
            assert_eq!(chunk, content(length)[offset..length.min(offset + CHUNK + 9)]);
        }
    }
}

#[test]
fn a_snapshot_that_was_not_finished_is_none() {
    for seed in 0..30 {
        let mut sim = Sim::new(seed);
        let node = sim.node("10.0.0.1:5050");
        make(&node, 3, 1000);
        let mut writing = Writing::begin(node.storage(), dir().join("snap/making.new"), covered(9)).unwrap();
        writing.write_all(&content(CHUNK * 2)).unwrap();
        let node = sim.restart(&node, Disk::Torn);
        let latest = latest(&node, 0).unwrap().unwrap();
        assert_eq!((latest.covered(), whole(&latest)), (&covered(3), content(1000)));
        assert_eq!(names(&node).len(), 1);
    }
}

#[test]
fn an_arrival_goes_on_after_a_restart_where_it_proves_itself() {
    for seed in 0..30 {
        let mut sim = Sim::new(seed);
        let one = sim.node("10.0.0.1:5050");
        let other = sim.node("10.0.0.2:5050");
        let sent = make(&one, 5, 4 * CHUNK + 77);
        let mut arriving = Arriving::begin(other.environment(), dir(), sent.covered()).unwrap();
        let send = |arriving: &mut Arriving, pieces: usize| {
            for _ in 0..pieces {
                let piece = sent.chunk(arriving.arrived(), CHUNK / 2 + 3).unwrap();
                arriving.write(&piece).unwrap();
            }
        };
        send(&mut arriving, 5);
        drop(arriving);
        let other = sim.restart(&other, Disk::Torn);
        let fate = Snapshots::open(other.environment(), dir()).unwrap();
        let mut arriving = Arriving::begin(other.environment(), dir(), sent.covered()).unwrap();
        assert!(arriving.arrived() <= 5 * (CHUNK as u64 / 2 + 3));
        while arriving.arrived() < sent.len() {
            send(&mut arriving, 1);
        }
        let arrived = fate.adopt(arriving.finish().unwrap()).unwrap();
        assert_eq!(whole(&arrived), content(4 * CHUNK + 77));
        // The one of another place begins anew.
        let again = Arriving::begin(other.environment(), dir(), &covered(6)).unwrap();
        assert_eq!(again.arrived(), 0);
    }
}

#[test]
fn what_a_killed_process_had_received_is_not_sent_again() {
    let mut sim = Sim::new(1);
    let node = sim.node("10.0.0.1:5050");
    let mut arriving = Arriving::begin(node.environment(), dir(), &covered(5)).unwrap();
    arriving.write(&content(2 * CHUNK + 9)).unwrap();
    let node = sim.restart(&node, Disk::Kept);
    let arriving = Arriving::begin(node.environment(), dir(), &covered(5)).unwrap();
    assert_eq!(arriving.arrived(), 2 * CHUNK as u64);
}

#[test]
fn a_changed_byte_anywhere_is_not_read() {
    let mut sim = Sim::new(1);
    let node = sim.node("10.0.0.1:5050");
    let path = make(&node, 5, 900).path;
    let size = node.storage().open(&path, Open::Read).unwrap().len().unwrap();
    for at in 0..size {
        let mut file = node.storage().open(&path, Open::Write).unwrap();
        let mut byte = [0];
        file.read_at(&mut byte, at).unwrap();
        file.write_at(&[byte[0] ^ 0x10], at).unwrap();
        let read = Snapshot::open(&**node.storage(), &path)
            .and_then(|snapshot| snapshot.reader().read_to_end(&mut Vec::new()));
        assert!(read.is_err(), "changed at {at}");
        file.write_at(&byte, at).unwrap();
    }
}

#[test]
fn one_that_is_damaged_is_put_aside_only_if_the_log_follows_the_one_before() {
    let mut sim = Sim::new(1);
    let node = sim.node("10.0.0.1:5050");
    make(&node, 3, 1000);
    let damaged = make(&node, 9, 1000).path;
    let mut file = node.storage().open(&damaged, Open::Write).unwrap();
    file.write_at(b"x", file.len().unwrap() - 100).unwrap();

    let refused = latest(&node, 5).map(drop).unwrap_err();
    assert!(crate::error::chain(&refused).contains("damaged at byte"), "{refused}");
    assert!(node.storage().exists(&damaged), "nothing was changed");

    let before = latest(&node, 4).unwrap().unwrap();
    assert_eq!(before.covered(), &covered(3));
    assert!(node.storage().exists(&damaged.with_extension("damaged")), "it is kept");
    assert_eq!(latest(&node, 5).unwrap_or(None).map(|_| ()), Some(()), "it is not looked at again");
}

#[test]
fn a_snapshot_is_read_on_after_it_was_removed() {
    let mut sim = Sim::new(1);
    let node = sim.node("10.0.0.1:5050");
    let first = make(&node, 1, 2 * CHUNK);
    make(&node, 2, 10);
    make(&node, 3, 10);
    assert!(!node.storage().exists(&first.path));
    assert_eq!(whole(&first), content(2 * CHUNK));
}
