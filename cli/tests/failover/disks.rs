//! Masters whose disks are full, or take no writes. Each disk is a small file system in memory, which only the thread of
//! its test and the masters it starts see, and which goes with them.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use serde_json::Value;

use crate::masters::{Masters, text};
use crate::support::{request, skip, try_request, wait_for};

const NONE: Option<&str> = None;

/// Whether this thread may not have mounts of its own. From here on it has, if it may.
fn lacking(test: &str) -> bool {
    let private = MsFlags::MS_PRIVATE | MsFlags::MS_REC;
    let apart = unshare(CloneFlags::CLONE_NEWNS);
    match apart.and_then(|()| mount(NONE, "/", NONE, private, NONE)) {
        Ok(()) => false,
        Err(why) => {
            skip(test, &format!("this machine grants no mount namespaces: {why}"));
            true
        }
    }
}

/// A disk of 8 MiB where a master keeps its data.
fn disk(at: &Path) {
    std::fs::create_dir_all(at).expect("a directory");
    mount(NONE, at, Some("tmpfs"), MsFlags::empty(), Some("size=8m")).expect("root may mount");
}

/// Writes until nothing more fits.
fn fill(dir: &Path) {
    let mut file = File::create(dir.join("filler")).expect("a file");
    let mut piece = vec![7; 64 << 10];
    while !piece.is_empty() {
        if file.write_all(&piece).is_err() {
            piece.truncate(piece.len() / 2);
        }
    }
}

/// Gives a role a weight; whether that was answered with success by some master.
fn weigh(masters: &Masters, role: &str) -> bool {
    let call = format!(
        r#"{{"type":"UPDATE_WEIGHTS","update_weights":{{"weight_infos":[{{"role":"{role}","weight":2.5}}]}}}}"#
    );
    let mut running = masters.addresses.iter().zip(&masters.running).filter(|(_, running)| running.is_some());
    running.any(|(address, _)| {
        try_request(address, "POST", "/api/v1", &call).is_ok_and(|(status, _)| status == 200)
    })
}

fn weighed(masters: &Masters) -> Vec<String> {
    let leader = &masters.addresses[masters.leader()];
    let answer = request(leader, "POST", "/api/v1", r#"{"type":"GET_WEIGHTS"}"#).1;
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    let weights = answer["get_weights"]["weight_infos"].as_array().cloned().unwrap_or_default();
    weights.iter().map(|weight| text(&weight["role"])).collect()
}

#[test]
fn a_leader_whose_disk_is_full_ends_and_nothing_acknowledged_is_lost() {
    if lacking("a full disk") {
        return;
    }
    let mut masters = Masters::none();
    for number in 0..3 {
        masters.put();
        disk(&masters.dir(number));
    }
    (0..3).for_each(|number| masters.start_one(number));
    let leader = masters.leader();
    masters.voters(3);
    assert!(weigh(&masters, "before"));

    fill(&masters.dir(leader));
    let mut kept = vec!["before".to_owned()];
    // What is left of its last page is used up first.
    let code = wait_for("it to end", || {
        let role = format!("r{}", kept.len());
        let ended = masters.running[leader].as_mut().expect("it was started").ended();
        if ended.is_none() && weigh(&masters, &role) {
            kept.push(role);
        }
        ended
    });
    assert_ne!(code, 0);
    masters.running[leader] = None;

    assert_ne!(masters.leader(), leader);
    assert!(weigh(&masters, "after"), "two of three decide");
    kept.push("after".to_owned());
    kept.sort();
    let mut there = weighed(&masters);
    there.retain(|role| kept.contains(role));
    there.sort();
    assert_eq!(there, kept);

    // While it is full it says so; with room it is one of them again.
    let said = masters.fails(leader, &[]);
    assert!(said.contains("No space left on device"), "{said}");
    std::fs::remove_file(masters.dir(leader).join("filler")).expect("it is there");
    masters.start_one(leader);
    wait_for("it to follow", || {
        (request(&masters.addresses[leader], "GET", "/state", "").0 == 307).then_some(())
    });
    assert_eq!(masters.voters(3).len(), 3);
}

#[test]
fn a_disk_that_takes_no_writes_is_named_and_left_as_it_is() {
    if lacking("a read-only disk") {
        return;
    }
    let mut masters = Masters::none();
    masters.put();
    let dir = masters.dir(0);
    disk(&dir);
    masters.start_with(0, &[]);
    masters.leader();
    assert!(weigh(&masters, "before"));
    masters.kill(0);

    let remount = |more| mount(NONE, &dir, NONE, MsFlags::MS_REMOUNT | more, NONE);
    remount(MsFlags::MS_RDONLY).expect("nothing writes to it");
    let said = masters.fails(0, &[]);
    assert!(said.contains("Read-only file system") && said.contains("replicated_log"), "{said}");

    remount(MsFlags::empty()).expect("it was so before");
    masters.start_with(0, &[]);
    assert_eq!(weighed(&masters), ["before"]);
}
