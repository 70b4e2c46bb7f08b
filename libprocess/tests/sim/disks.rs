//! What a disk still knows after its node was killed.

use std::path::Path;

use libprocess::Runtime;
use libprocess::environment::{Open, read_all};
use libprocess::sim::{Disk, Sim, seeds};

fn path() -> &'static Path {
    Path::new("/j/log")
}

/// A node whose file says `synced`, and `lost` behind it.
fn written(sim: &mut Sim) -> Runtime {
    let node = sim.node("10.0.0.1:5050");
    let storage = node.storage().clone();
    storage.create_dir(Path::new("/j")).unwrap();
    let mut file = storage.open(path(), Open::Create).unwrap();
    file.append(b"synced ").unwrap();
    file.sync_data().unwrap();
    storage.sync_dir(Path::new("/j")).unwrap();
    file.append(b"lost").unwrap();
    storage.open(Path::new("/j/unnamed"), Open::CreateNew).unwrap().sync_data().unwrap();
    node
}

fn read(node: &Runtime) -> Vec<u8> {
    read_all(&**node.storage(), path()).unwrap()
}

#[test]
fn what_was_not_synced_is_gone_with_the_power_and_what_was_is_kept() {
    let mut sim = Sim::new(1);
    let node = written(&mut sim);
    sim.power_off(&node);
    let node = sim.restart(&node, Disk::Synced);
    assert_eq!(read(&node), b"synced ");
    assert_eq!(node.storage().list(Path::new("/j")).unwrap(), ["log"]);
}

#[test]
fn a_killed_process_loses_nothing_that_it_wrote() {
    let mut sim = Sim::new(1);
    let node = written(&mut sim);
    sim.kill(&node);
    let node = sim.restart(&node, Disk::Kept);
    assert_eq!(read(&node), b"synced lost");
    assert_eq!(node.storage().list(Path::new("/j")).unwrap(), ["log", "unnamed"]);
}

#[test]
fn a_torn_disk_has_what_was_synced_and_perhaps_a_part_of_the_rest() {
    let (mut whole, mut none) = (0, 0);
    seeds(0..60, |sim| {
        let node = written(sim);
        sim.kill(&node);
        let node = sim.restart(&node, Disk::Torn);
        let bytes = read(&node);
        assert!(bytes.starts_with(b"synced ") && bytes.len() <= 11, "{bytes:?}");
        whole += u32::from(bytes == b"synced lost");
        none += u32::from(bytes == b"synced ");
    });
    assert!(whole + none > 0 && whole + none < 60, "{whole} whole, {none} none");
}

#[test]
fn another_disk_is_empty() {
    let mut sim = Sim::new(1);
    let node = written(&mut sim);
    let node = sim.restart(&node, Disk::Lost);
    assert!(!node.storage().exists(path()));
    assert!(node.storage().list(Path::new("/j")).is_err());
}

#[test]
fn a_dead_node_writes_no_more() {
    let mut sim = Sim::new(1);
    let node = written(&mut sim);
    let mut file = node.storage().open(path(), Open::Write).unwrap();
    let again = sim.restart(&node, Disk::Synced);
    assert!(file.append(b"from the grave").is_err());
    assert!(node.storage().open(path(), Open::Read).is_err());
    assert_eq!(read(&again), b"synced ");
}

#[test]
fn a_full_disk_takes_no_more_but_can_be_read_and_emptied() {
    let mut sim = Sim::new(1);
    let node = written(&mut sim);
    sim.fill_disk(&node, true);
    let mut file = node.storage().open(path(), Open::Write).unwrap();
    assert_eq!(file.append(b"more").unwrap_err().kind(), std::io::ErrorKind::StorageFull);
    file.write_at(b"SYNCED", 0).unwrap();
    assert_eq!(read(&node), b"SYNCED lost");
    node.storage().remove(path()).unwrap();
    sim.fill_disk(&node, false);
    file.append(b"!").unwrap();
}

#[test]
fn a_broken_disk_can_be_read_and_takes_nothing() {
    let mut sim = Sim::new(1);
    let node = written(&mut sim);
    sim.break_disk(&node, true);
    let mut file = node.storage().open(path(), Open::Write).unwrap();
    assert!(file.write_at(b"S", 0).is_err() && file.sync_data().is_err());
    assert!(node.storage().remove(path()).is_err());
    assert_eq!(read(&node), b"synced lost");
    sim.break_disk(&node, false);
    file.sync_data().unwrap();
}

#[test]
fn a_lock_is_held_until_it_is_dropped_or_its_node_dies() {
    let mut sim = Sim::new(1);
    let node = written(&mut sim);
    let lock = || node.storage().lock(Path::new("/j/LOCK")).unwrap();
    let held = lock();
    assert!(held.is_some() && lock().is_none());
    drop(held);
    let held = lock().unwrap();
    let again = sim.restart(&node, Disk::Kept);
    assert!(again.storage().lock(Path::new("/j/LOCK")).unwrap().is_some());
    drop(held);
}

#[test]
fn a_rename_is_found_again_once_its_directory_was_synced() {
    let mut sim = Sim::new(1);
    let node = written(&mut sim);
    let to = Path::new("/j/renamed");
    node.storage().rename(path(), to).unwrap();
    let node = sim.restart(&node, Disk::Synced);
    assert!(node.storage().exists(path()) && !node.storage().exists(to));
    node.storage().rename(path(), to).unwrap();
    node.storage().sync_dir(Path::new("/j")).unwrap();
    let node = sim.restart(&node, Disk::Synced);
    assert!(!node.storage().exists(path()) && node.storage().exists(to));
}
