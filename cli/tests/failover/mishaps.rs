//! What goes wrong with masters: copies, other clusters' disks, processes that stand still.

use std::path::Path;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::masters::{Masters, log};
use crate::support::{request, wait_for};

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory");
    for entry in std::fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a type").is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("it can be copied");
        }
    }
}

#[test]
fn a_copy_of_a_masters_disk_takes_no_part() {
    let mut masters = Masters::start();
    let leader = masters.leader();
    masters.voters(3);
    let copied = (leader + 1) % 3;
    masters.put();
    masters.kill(copied);
    copy(&masters.dir(copied), &masters.dir(3));
    masters.start_one(copied);
    wait_for("it to follow", || {
        (request(&masters.addresses[copied], "GET", "/state", "").0 == 307).then_some(())
    });

    let said = masters.fails(3, &[&format!("--masters={}", masters.list())]);

    assert!(said.contains("one of the directories is a copy"), "{said}");
    assert_eq!(masters.voters(3).len(), 3);
    assert_eq!(masters.leader(), leader);
}

#[test]
fn a_directory_that_another_master_uses_is_refused() {
    let mut masters = Masters::none();
    masters.put();
    masters.start_with(0, &[]);
    masters.put();
    std::os::unix::fs::symlink(masters.dir(0), masters.dir(1)).expect("a link");
    let said = masters.fails(1, &[]);
    assert!(said.contains("in use by another process"), "{said}");
}

#[test]
fn a_disk_of_another_cluster_does_not_vote() {
    let mut masters = Masters::start();
    masters.leader();
    masters.voters(3);
    masters.put();
    let foreign = format!("--work_dir={}", masters.dir(3).display());
    log(&["init", &foreign, "--address", &masters.addresses[3]]).expect("it is new");

    masters.start_one(3);

    let refused = masters.log(&["add", &masters.addresses[3]]).expect_err("it belongs to another");
    assert!(
        refused.contains("belongs to another cluster") && refused.contains("empty --work_dir"),
        "{refused}"
    );
    assert_eq!(masters.voters(3).len(), 3);
}

#[test]
fn a_leader_that_stands_still_is_followed_and_knows_it_when_it_goes_on() {
    let masters = Masters::start();
    let leader = masters.leader();
    let pid = Pid::from_raw(masters.running[leader].as_ref().expect("it runs").pid() as i32);

    kill(pid, Signal::SIGSTOP).expect("it is our child");
    let others: Vec<usize> = (0..3).filter(|number| *number != leader).collect();
    let next = wait_for("another to lead", || {
        others
            .iter()
            .copied()
            .find(|number| request(&masters.addresses[*number], "GET", "/state", "").0 == 200)
    });
    kill(pid, Signal::SIGCONT).expect("it is our child");

    wait_for("it to send people on", || {
        (request(&masters.addresses[leader], "GET", "/state", "").0 == 307).then_some(())
    });
    assert_eq!(masters.leader(), next);
}

#[test]
fn a_damaged_directory_is_named_and_left_as_it_is() {
    let mut masters = Masters::none();
    masters.put();
    masters.start_with(0, &[]);
    masters.kill(0);
    let wal = masters.dir(0).join("replicated_log/wal");
    let mut segments: Vec<_> =
        std::fs::read_dir(&wal).expect("a log").map(|entry| entry.expect("an entry").path()).collect();
    segments.sort();
    let segment = segments.first().expect("a segment");
    let mut bytes = std::fs::read(segment).expect("it can be read");
    // The first frame behind the header: whole ones follow it.
    bytes[64 + 20] ^= 1;
    std::fs::write(segment, &bytes).expect("it can be written");

    let said = masters.fails(0, &[]);
    assert!(said.contains("damaged") && said.contains("keep the directory for inspection"), "{said}");
    assert_eq!(std::fs::read(segment).expect("it can be read"), bytes, "nothing was thrown away");
    let said =
        log(&["read", &format!("--work_dir={}", masters.dir(0).display())]).expect_err("it is damaged");
    assert!(said.contains("damaged"), "{said}");
}

#[test]
fn files_of_a_later_version_are_left_alone() {
    let mut masters = Masters::none();
    masters.put();
    masters.start_with(0, &[]);
    masters.kill(0);
    std::fs::write(masters.dir(0).join("replicated_log/VERSION"), "9\n").expect("it can be written");
    let said = masters.fails(0, &[]);
    assert!(
        said.contains("written by a later version") && said.contains("start the version that wrote it"),
        "{said}"
    );
}
