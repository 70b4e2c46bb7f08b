//! A replica's disk that is full, broken, cut, changed, mixed up or of another version: it says so, and promises nothing.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use libprocess::Runtime;
use libprocess::environment::{Open, read_all};
use libprocess::sim::{Disk, Sim};
use openraft::EntryPayload;
use openraft::storage::{IOFlushed, RaftLogStorage};
use openraft::{RaftLogReader, RaftSnapshotBuilder};

use super::log_store::{LogStore, Settings};
use super::runtime::within;
use super::state_machine::StateMachine;
use super::types::{Entry, LeaderId, LogId, Vote};
use crate::applied::Applied;
use crate::command::Command;
use crate::damage::OpenError;
use crate::identity::Identity;
use crate::{ClusterId, NodeId};

const DIR: &str = "/data/log";

fn dir() -> &'static Path {
    Path::new(DIR)
}

fn open(node: &Runtime) -> Result<(Identity, LogStore), OpenError> {
    let identity = Identity::open(node.environment(), dir())?;
    let settings = Settings { segment: 600, prepare: true };
    let log = LogStore::open_with(node.environment(), dir(), settings)?;
    Ok((identity, log))
}

/// What a replica says of its directory when it cannot use it.
fn refusal(node: &Runtime) -> String {
    let opened = open(node).map(|(_, log)| log.kept()).and_then(|kept| {
        StateMachine::<()>::open(node.environment(), dir(), Arc::new(Applied::default()), kept).map(|_| ())
    });
    let Err(error) = opened else { panic!("it was opened") };
    crate::error::chain(&error)
}

fn vote(term: u64) -> Vote {
    Vote { leader_id: LeaderId { term, node_id: NodeId(1) }, committed: false }
}

fn entries(indices: std::ops::Range<u64>) -> Vec<Entry> {
    let leader_id = LeaderId { term: 1, node_id: NodeId(1) };
    let data = |index: u64| Command::Delta { version: 1, bytes: vec![index as u8; 40].into() };
    let entry =
        |index| Entry { log_id: LogId { leader_id, index }, payload: EntryPayload::Normal(data(index)) };
    indices.map(entry).collect()
}

fn run<T>(sim: &mut Sim, node: &Runtime, future: impl Future<Output = T>) -> T {
    sim.block_on(within(node.environment().clone(), future))
}

/// A replica that has voted and kept entries; one after the other, so in a few segments.
fn written(sim: &mut Sim) -> Runtime {
    let node = sim.node("10.0.0.1:5050");
    let (_identity, mut log) = open(&node).unwrap();
    run(sim, &node, async {
        for index in 0..20 {
            log.append(entries(index..index + 1), IOFlushed::noop()).await.unwrap();
            log.save_vote(&vote(index)).await.unwrap();
        }
    });
    node
}

fn segments(node: &Runtime) -> Vec<PathBuf> {
    let wal = dir().join("wal");
    let names = node.storage().list(&wal).unwrap();
    names.iter().filter(|name| name.ends_with(".log")).map(|name| wal.join(name)).collect()
}

fn change(node: &Runtime, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let storage = node.storage();
    let mut bytes = read_all(&**storage, path).unwrap();
    change(&mut bytes);
    let mut file = storage.open(path, Open::Write).unwrap();
    file.set_len(bytes.len() as u64).unwrap();
    file.write_at(&bytes, 0).unwrap();
    file.sync_data().unwrap();
}

fn contents(node: &Runtime) -> Vec<Vec<u8>> {
    segments(node).iter().map(|path| read_all(&**node.storage(), path).unwrap()).collect()
}

#[test]
fn what_was_kept_is_there_after_a_loss_of_power() {
    let mut sim = Sim::new(1);
    let node = written(&mut sim);
    let node = sim.restart(&node, Disk::Torn);
    let (identity, mut log) = open(&node).unwrap();
    assert_eq!(identity.incarnation, 2);
    run(&mut sim, &node, async {
        assert_eq!(log.read_vote().await.unwrap(), Some(vote(19)));
        assert_eq!(log.try_get_log_entries(0..99).await.unwrap(), entries(0..20));
        let state = log.get_log_state().await.unwrap();
        assert_eq!(state.last_log_id.map(|last| last.index), Some(19));
    });
}

#[test]
fn how_far_the_log_is_committed_goes_along_with_the_next_write() {
    let mut sim = Sim::new(1);
    let node = written(&mut sim);
    let node = sim.restart(&node, Disk::Synced);
    let (_identity, mut log) = open(&node).unwrap();
    let committed = entries(12..13).pop().map(|entry| entry.log_id);
    let groups = log.flushes().groups;
    run(&mut sim, &node, async {
        log.save_committed(committed).await.unwrap();
        assert_eq!(log.read_committed().await.unwrap(), committed);
        log.save_vote(&vote(30)).await.unwrap();
    });
    assert_eq!(log.flushes().groups, groups + 1);
    let node = sim.restart(&node, Disk::Synced);
    let (_identity, mut log) = open(&node).unwrap();
    assert_eq!(run(&mut sim, &node, async { log.read_committed().await.unwrap() }), committed);
}

#[test]
fn a_purged_log_is_found_so() {
    let mut sim = Sim::new(1);
    let node = written(&mut sim);
    let node = sim.restart(&node, Disk::Synced);
    let (_identity, mut log) = open(&node).unwrap();
    let before = segments(&node).len();
    let upto = entries(14..15).pop().unwrap().log_id;
    run(&mut sim, &node, async {
        log.purge(upto).await.unwrap();
        log.save_vote(&vote(40)).await.unwrap();
    });
    assert!(segments(&node).len() < before);
    let node = sim.restart(&node, Disk::Synced);
    let (_identity, mut log) = open(&node).unwrap();
    run(&mut sim, &node, async {
        assert_eq!(log.get_log_state().await.unwrap().last_purged_log_id, Some(upto));
        assert_eq!(log.try_get_log_entries(..).await.unwrap(), entries(15..20));
    });
}

#[test]
fn a_bit_changed_in_the_middle_is_named_and_nothing_is_thrown_away() {
    let mut sim = Sim::new(1);
    let node = written(&mut sim);
    let node = sim.restart(&node, Disk::Synced);
    let first = segments(&node).remove(0);
    change(&node, &first, |bytes| bytes[300] ^= 1);
    let before = contents(&node);
    let refusal = refusal(&node);
    assert!(refusal.contains("/data/log/wal/0000000000000000.log at byte "), "{refusal}");
    assert!(refusal.contains("join as a new replica"), "{refusal}");
    assert_eq!(contents(&node), before);
}

#[test]
fn a_tail_that_was_cut_is_an_end_in_the_last_segment_and_damage_in_another() {
    let mut sim = Sim::new(1);
    let node = written(&mut sim);
    let node = sim.restart(&node, Disk::Synced);
    let last = segments(&node).pop().unwrap();
    change(&node, &last, |bytes| {
        let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
        bytes.truncate(end - 1);
    });
    assert!(open(&node).is_ok());
    let first = segments(&node).remove(0);
    change(&node, &first, |bytes| bytes.truncate(200));
    assert!(refusal(&node).contains("0000000000000000.log at byte "));
}

#[test]
fn a_log_or_an_identity_that_is_gone_makes_no_new_replica() {
    let mut sim = Sim::new(1);
    let node = written(&mut sim);
    let node = sim.restart(&node, Disk::Synced);
    segments(&node).iter().for_each(|path| node.storage().remove(path).unwrap());
    let why = refusal(&node);
    assert!(why.contains("/data/log has no log, though it has held a replica"), "{why}");
    node.storage().remove(&dir().join("identity")).unwrap();
    assert!(refusal(&node).contains("/data/log has no file named identity"));
}

#[test]
fn files_of_another_replica_are_refused() {
    let mut sim = Sim::new(1);
    let one = written(&mut sim);
    let other = sim.node("10.0.0.2:5050");
    drop(open(&other).unwrap());
    for path in segments(&other) {
        other.storage().remove(&path).unwrap();
    }
    for path in segments(&one) {
        let bytes = read_all(&**one.storage(), &path).unwrap();
        other.storage().open(&path, Open::Create).unwrap().write_at(&bytes, 0).unwrap();
    }
    let why = refusal(&other);
    assert!(why.contains("was written by another owner") && why.contains("it was copied here"), "{why}");
}

#[test]
fn a_directory_serves_one_process() {
    let mut sim = Sim::new(1);
    let node = written(&mut sim);
    let node = sim.restart(&node, Disk::Synced);
    let held = open(&node).unwrap();
    assert!(refusal(&node).contains("/data/log is in use by another process"));
    drop(held);
    assert!(open(&node).is_ok());
}

#[test]
fn what_a_later_version_wrote_is_left_to_it() {
    let mut sim = Sim::new(1);
    let node = written(&mut sim);
    let node = sim.restart(&node, Disk::Synced);
    let later = |path: PathBuf, at: usize| {
        let before = read_all(&**node.storage(), &path).unwrap();
        change(&node, &path, |bytes| bytes[at] = b'7');
        let why = refusal(&node);
        assert!(why.contains("start the version that wrote it"), "{why}");
        change(&node, &path, |bytes| *bytes = before);
    };
    later(dir().join("VERSION"), 0);
    later(dir().join("identity"), 4);
    later(segments(&node).pop().unwrap(), 7);
    assert!(open(&node).is_ok());
}

#[test]
fn a_full_disk_keeps_what_was_answered_and_ends_the_log() {
    let mut sim = Sim::new(1);
    let node = written(&mut sim);
    let node = sim.restart(&node, Disk::Synced);
    let (_identity, mut log) = open(&node).unwrap();
    sim.fill_disk(&node, true);
    let refused = run(&mut sim, &node, async {
        // A spare file may have room for a little more.
        for term in 50.. {
            if let Err(error) = log.save_vote(&vote(term)).await {
                return (term, error);
            }
        }
        unreachable!("the disk is full")
    });
    assert_eq!(refused.1.kind(), std::io::ErrorKind::StorageFull);
    sim.fill_disk(&node, false);
    // Room has come again, but what has failed once is not tried again.
    assert!(run(&mut sim, &node, async { log.save_vote(&vote(90)).await }).is_err());
    assert!(log.flushes().failed);
    let node = sim.restart(&node, Disk::Synced);
    let (_identity, mut log) = open(&node).unwrap();
    let kept = run(&mut sim, &node, async { log.read_vote().await.unwrap() }).unwrap();
    assert!(kept.leader_id.term + 1 == refused.0 || refused.0 == 50 && kept == vote(19));
}

#[test]
fn a_disk_that_can_only_be_read_is_refused_before_any_vote() {
    let mut sim = Sim::new(1);
    let node = written(&mut sim);
    let node = sim.restart(&node, Disk::Synced);
    sim.break_disk(&node, true);
    let why = refusal(&node);
    assert!(why.contains("failed to write /data/log/identity: input/output error"), "{why}");
    sim.break_disk(&node, false);
    assert!(open(&node).is_ok());
}

#[test]
fn a_flush_that_does_not_return_is_seen_and_an_error_is_the_last_word() {
    let mut sim = Sim::new(1);
    let node = written(&mut sim);
    let node = sim.restart(&node, Disk::Synced);
    let (_identity, mut log) = open(&node).unwrap();
    assert_eq!(log.flushes().present, None);
    sim.slow_disk(&node, std::time::Duration::from_secs(3));
    let waiting = log.clone();
    let seen = run(&mut sim, &node, async {
        let late = vote(60);
        let slow = log.save_vote(&late);
        let look = async {
            super::runtime::sleep(std::time::Duration::from_secs(2)).await;
            waiting.flushes().present
        };
        futures_util::future::join(slow, look).await.1
    });
    assert!(seen >= Some(std::time::Duration::from_millis(1900)), "{seen:?}");
    assert_eq!(waiting.flushes().present, None);
    sim.break_disk(&node, true);
    assert!(run(&mut sim, &node, async { log.save_vote(&vote(61)).await }).is_err());
}

#[test]
fn an_identity_is_drawn_once_and_belongs_to_its_cluster_for_good() {
    let mut sim = Sim::new(1);
    let node = sim.node("10.0.0.1:5050");
    let (mut identity, log) = open(&node).unwrap();
    let first = identity.node;
    assert_eq!((identity.cluster, identity.incarnation), (None, 1));
    identity.join(node.environment(), dir(), ClusterId(7)).unwrap();
    drop((identity, log));
    let node = sim.restart(&node, Disk::Synced);
    let (identity, _log) = open(&node).unwrap();
    assert_eq!((identity.node, identity.cluster, identity.incarnation), (first, Some(ClusterId(7)), 2));
    let other = sim.node("10.0.0.2:5050");
    assert_ne!(open(&other).unwrap().0.node, first);
}

#[test]
fn a_first_start_that_was_interrupted_is_begun_again() {
    for at in 0..60 {
        let mut sim = Sim::new(at);
        let node = sim.node("10.0.0.1:5050");
        let (_identity, mut log) = open(&node).unwrap();
        // The vote is on its way: what is left of all of it, only chance knows.
        let mut voting =
            Box::pin(within(node.environment().clone(), async move { log.save_vote(&vote(1)).await }));
        let _ = sim
            .run_until(|| futures_util::FutureExt::now_or_never(&mut voting).is_some(), Default::default());
        let node = sim.restart(&node, Disk::Torn);
        let opened = open(&node);
        assert!(opened.is_ok(), "{:?}", opened.err());
    }
}

#[test]
fn a_snapshot_that_is_damaged_is_named() {
    let mut sim = Sim::new(1);
    let node = written(&mut sim);
    let environment = node.environment().clone();
    let applied = Arc::new(Applied::<()>::default());
    run(&mut sim, &node, async {
        let (_identity, mut log) = open(&node).unwrap();
        log.purge(entries(0..1)[0].log_id).await.unwrap();
        log.save_vote(&vote(3)).await.unwrap();
        let mut machine = StateMachine::open(&environment, dir(), applied, 0).unwrap();
        use openraft::storage::RaftStateMachine;
        machine.get_snapshot_builder().await.build_snapshot().await.unwrap();
    });
    let node = sim.restart(&node, Disk::Synced);
    let name = node.storage().list(&dir().join("snap")).unwrap().pop().unwrap();
    let path = dir().join("snap").join(name);
    change(&node, &path, |bytes| {
        let at = bytes.len() - 20;
        bytes[at] ^= 1;
    });
    let why = refusal(&node);
    assert!(why.contains("/data/log/snap/0000000000000000-0000000000000000.snap"), "{why}");
    assert!(why.contains("damaged at byte"), "{why}");
}
