//! What operators do to masters while they work, with `hectare log`.

use crate::masters::{Masters, agent, known, log, metric, registered, text};
use crate::support::{request, wait_for};

/// `--work_dir=…` of a master.
fn work_dir(masters: &Masters, number: usize) -> String {
    format!("--work_dir={}", masters.dir(number).display())
}

#[test]
fn one_master_grows_to_three_and_shrinks_again_while_it_works() {
    let mut masters = Masters::none();
    (0..3).for_each(|_| masters.put());
    let list = masters.list();
    masters.start_with(0, &[]);
    let agent = agent(&list, masters.scratch.path());
    let first = masters.addresses[0].clone();
    let id = known(&agent, &first);

    // The first was never told of the others; each of the others is told of it.
    for number in 1..3 {
        let told = masters.addresses[..=number].join(",");
        masters.start_with(number, &[&format!("--masters={told}")]);
        let added = masters.log(&["add", &masters.addresses[number]]).expect("it is taken in");
        assert_eq!(added["members"].as_array().map(Vec::len), Some(number + 1), "{added}");
    }
    assert_eq!(masters.voters(3).len(), 3);
    assert_eq!(metric(&first, "registrar/log/recovered"), 1.0);
    assert_eq!(metric(&first, "registrar/log/ensemble_size"), 3.0);

    let status = masters.log(&["status"]).expect("they say how they do");
    assert_eq!((status["leader"].as_str(), status["changing"].as_bool()), (Some(&*first), Some(false)));
    let replicas = status["replicas"].as_array().expect("a list");
    assert_eq!(replicas.len(), 3);
    for replica in replicas {
        assert_eq!(replica["phase"], "voting", "{replica}");
        assert!(replica["flushes"]["count"].as_u64() > Some(0), "{replica}");
        assert!(replica["flushes"]["p50_ms"].as_f64() <= replica["flushes"]["max_ms"].as_f64(), "{replica}");
        assert!(replica["disk"]["free_bytes"].as_u64() > Some(0), "{replica}");
    }

    let handed = masters.log(&["transfer", "--to", &masters.addresses[2]]).expect("it leads then");
    assert_eq!(handed["leader"].as_str(), Some(&*masters.addresses[2]));
    assert_eq!(masters.leader(), 2);
    let again = masters.log(&["transfer", "--to", &masters.addresses[2]]).expect("it leads already");
    assert_eq!(again["leader"], handed["leader"]);
    let back = wait_for("the agent to be back", || registered(&masters.addresses[2]));
    assert_eq!(back, id, "the registry came along");

    // The one that leads is taken out: another leads before it goes.
    masters.log(&["remove", &masters.addresses[2]]).expect("it is taken out");
    assert_eq!(masters.voters(2).len(), 2);
    masters.running[2].take();
    masters.log(&["remove", &masters.addresses[1]]).expect("it is taken out");
    assert_eq!(masters.voters(1), [(first.clone(), text(&replicas_node(&status, &first)))]);
    masters.running[1].take();
    assert_eq!(wait_for("the agent to be back", || registered(&first)), id);

    // Nobody else is left.
    let refused = masters.log(&["remove", &first, "--force"]).expect_err("it is the last");
    assert!(refused.contains("voters left"), "{refused}");
    let refused = masters.log(&["add", &masters.addresses[1]]).expect_err("nobody is there");
    assert!(refused.contains("is that master running?"), "{refused}");
    drop(agent);
}

fn replicas_node(status: &serde_json::Value, address: &str) -> serde_json::Value {
    let replicas = status["replicas"].as_array().expect("a list");
    replicas.iter().find(|replica| replica["address"] == address).expect("it answered")["node"].clone()
}

#[test]
fn a_master_whose_disk_is_gone_comes_back_as_another() {
    let mut masters = Masters::start();
    let leader = masters.leader();
    let before = masters.voters(3);
    let lost = (leader + 1) % 3;

    masters.kill(lost);
    std::fs::remove_dir_all(masters.dir(lost)).expect("it is lost");
    let status = masters.log(&["status"]).expect("two are left");
    let silent = replicas_of(&status, &masters.addresses[lost]);
    assert_eq!(silent["phase"], "no answer");
    masters.start_one(lost);

    wait_for("it to vote in the place of the one it was", || {
        let now = masters.voters(3);
        (now != before).then_some(())
    });
    assert_eq!(masters.leader(), leader, "nobody else was disturbed");
}

fn replicas_of(status: &serde_json::Value, address: &str) -> serde_json::Value {
    let replicas = status["replicas"].as_array().expect("a list");
    replicas.iter().find(|replica| replica["address"] == address).expect("it is listed").clone()
}

#[test]
fn one_survivor_begins_a_cluster_anew() {
    let mut masters = Masters::start();
    let list = masters.list();
    let agent = agent(&list, masters.scratch.path());
    let leader = masters.leader();
    let id = known(&agent, &masters.addresses[leader]);
    let survivor = (leader + 1) % 3;
    wait_for("the survivor to have all", || {
        let status = masters.log(&["status"]).ok()?;
        let (one, other) = (
            replicas_of(&status, &masters.addresses[leader]),
            replicas_of(&status, &masters.addresses[survivor]),
        );
        (one["applied"] == other["applied"]).then_some(())
    });
    for lost in (0..3).filter(|number| *number != survivor) {
        masters.kill(lost);
        std::fs::remove_dir_all(masters.dir(lost)).expect("it is lost");
    }

    // What can be known without a majority is said, with what to do.
    let status = masters.log(&["status"]).expect("one answers");
    assert_eq!(status["leader"], serde_json::Value::Null);
    let work = work_dir(&masters, survivor);
    let refused = log(&["force-new", &work, "--others-are-lost"]).expect_err("its master runs");
    assert!(refused.contains("in use by another process"), "{refused}");
    masters.kill(survivor);
    let refused = log(&["force-new", &work]).expect_err("it was not said that the others are lost");
    assert!(refused.contains("nothing was changed") && refused.contains("one of 3 voters"), "{refused}");

    let began = log(&["force-new", &work, "--others-are-lost"]).expect("it begins anew");

    let kept = std::path::PathBuf::from(text(&began["before"]));
    assert!(kept.join("identity").exists(), "what was there is kept");
    masters.start_with(survivor, &[]);
    let address = masters.addresses[survivor].clone();
    assert_eq!(wait_for("the agent to be back", || registered(&address)), id, "its epoch is the latest");
    // The old list is good again: the others are new, and join.
    for lost in (0..3).filter(|number| *number != survivor) {
        masters.start_one(lost);
    }
    assert_eq!(masters.voters(3).len(), 3);
    drop(agent);
}

#[test]
fn what_was_backed_up_is_restored_elsewhere() {
    let mut masters = Masters::none();
    (0..3).for_each(|_| masters.put());
    masters.start_with(0, &[]);
    let agent = agent(&masters.list(), masters.scratch.path());
    let id = known(&agent, &masters.addresses[0]);
    let file = |name: &str| masters.scratch.path().join(name).display().to_string();
    let (online, offline, damaged) = (file("online.backup"), file("offline.backup"), file("damaged.backup"));

    masters.log(&["backup", &online]).expect("a master that runs is asked");
    let refused = log(&["backup", &offline, &work_dir(&masters, 0)]).expect_err("its master runs");
    assert!(refused.contains("in use by another process"), "{refused}");
    let read = masters.log(&["read"]).expect("it can be read");
    assert!(text(&read).contains(&format!("admit agent {id}")), "{read}");
    masters.kill(0);
    let taken = log(&["backup", &offline, &work_dir(&masters, 0)]).expect("nobody uses it");
    assert!(taken["bytes"].as_u64() > Some(0));
    let read = log(&["read", &work_dir(&masters, 0)]).expect("it can be read");
    assert!(text(&read).contains(&format!("admit agent {id}")), "{read}");

    let mut bytes = std::fs::read(&online).expect("it is there");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&damaged, bytes).expect("it can be written");
    let refused = log(&["restore", &damaged, &work_dir(&masters, 1)]).expect_err("a bit is wrong");
    assert!(refused.contains("checksum"), "{refused}");
    let refused = log(&["restore", &online, &work_dir(&masters, 0)]).expect_err("that directory is used");
    assert!(refused.contains("in use already"), "{refused}");
    log(&["restore", &online, &work_dir(&masters, 1)]).expect("it is whole");
    log(&["restore", &offline, &work_dir(&masters, 2)]).expect("it is whole");

    // It was not said where the restored one will be reached; it says so by itself.
    for number in [1, 2] {
        masters.start_with(number, &[]);
        let address = masters.addresses[number].clone();
        let back = wait_for("the agent to be back", || registered(&address));
        assert_eq!(back, id, "the registry knew it");
        wait_for("the members to say where it is", || {
            let members = log(&["members", &format!("--master={address}")]).ok()?;
            (members["members"][0]["address"] == *address).then_some(())
        });
        masters.kill(number);
    }
    drop(agent);
}

#[test]
fn a_cluster_that_was_made_before_its_first_start_is_joined() {
    let mut masters = Masters::none();
    (0..2).for_each(|_| masters.put());
    let made = log(&["init", &work_dir(&masters, 0), "--address", &masters.addresses[0]]).expect("it is new");
    let refused = log(&["init", &work_dir(&masters, 0)]).expect_err("it is used");
    assert!(refused.contains("in use already"), "{refused}");

    masters.start_one(0);
    masters.start_one(1);

    assert_eq!(masters.voters(2).len(), 2);
    let status = masters.log(&["status"]).expect("they answer");
    assert_eq!(status["cluster"], made["cluster"]);
}

#[test]
fn a_master_that_moved_is_found_at_its_new_address() {
    let mut masters = Masters::start();
    let leader = masters.leader();
    masters.voters(3);
    let moved = (leader + 1) % 3;
    masters.running[moved].take();
    masters.put();
    std::fs::rename(masters.dir(moved), masters.dir(3)).expect("its disk is carried elsewhere");

    masters.start_one(3);

    let address = masters.addresses[3].clone();
    wait_for("the members to say where it is", || {
        masters.voters(3).iter().any(|(at, _)| *at == address).then_some(())
    });
    wait_for("it to know the leader", || (request(&address, "GET", "/state", "").0 == 307).then_some(()));
}
