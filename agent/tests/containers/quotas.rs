//! Sandboxes on an XFS file system, each held to its quota by the kernel.
//!
//! Few machines have one: the tests in a virtual machine do.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use agent::containerizer::{Cause, Input, LaunchStep, LimitationKind, Usage};
use agent::isolators::IsolationConfig;
use agent_linux::quota;
use model::{ContainerId, Uri};

use crate::isolated::Isolated;
use crate::machine::{open_to_all, wait_until};

/// Names a directory on such a file system.
pub(crate) const PLACE: &str = "HECTARE_XFS";

/// Writes until nothing more can be written, and stays.
const FILLER: &str = "cat /dev/zero > filler; echo full; sleep 300";

struct Disk {
    isolated: Isolated,
    work: tempfile::TempDir,
}

impl Disk {
    /// `None`, with a word on why, where there is none.
    fn new(change: impl Fn(&mut IsolationConfig) + 'static) -> Option<Self> {
        let Some(place) = std::env::var_os(PLACE) else {
            eprintln!("skipped: {PLACE} names no XFS file system; the tests in a virtual machine have one");
            return None;
        };
        let work = tempfile::tempdir_in(place).unwrap();
        open_to_all(work.path());
        let dir = work.path().to_owned();
        let isolated = Isolated::with("disk/xfs,cgroups/cpu", move |config| {
            config.work_dir = dir.clone();
            config.enforce_disk_quota = true;
            config.disk_watch_interval = Duration::from_millis(100);
            change(config);
        })?;
        Some(Self { isolated, work })
    }

    fn sandbox(&self, id: &str) -> PathBuf {
        self.work.path().join("containers").join(id)
    }

    fn run(&self, id: &str, resources: &str, line: &str) {
        self.isolated.run_with(id, line, |config| {
            config.sandbox = self.sandbox(id);
            config.resources = resources.parse().unwrap();
        });
    }

    fn usage(&self, id: &str) -> Usage {
        crate::cgroups::usage(&self.isolated, id).unwrap()
    }

    fn size(&self, id: &str, file: &str) -> u64 {
        fs::metadata(self.sandbox(id).join(file)).map_or(0, |found| found.len())
    }

    fn end(&self, id: &str) {
        self.isolated.machine.say(Input::Destroy { id: ContainerId::new(id) });
        assert_eq!(self.isolated.machine.terminated().cause, Cause::Destroyed);
        self.isolated.forget(id);
    }
}

#[test]
fn a_full_sandbox_takes_no_more_and_the_next_one_is_empty() {
    let Some(mut disk) = Disk::new(|_| {}) else { return };
    // What was fetched before counts too.
    let fetched = disk.work.path().join("fetched");
    fs::write(&fetched, vec![1; 4 << 20]).unwrap();
    disk.isolated.run_with("c", FILLER, |config| {
        config.sandbox = disk.sandbox("c");
        config.resources = "disk:10".parse().unwrap();
        config.uris = vec![Uri::new(fetched.to_str().unwrap())];
    });
    wait_until("it is full", || disk.size("c", "stdout") > 0 || disk.size("c", "stderr") > 0);
    let usage = disk.usage("c");
    assert_eq!(usage.disk_limit_bytes, Some(10 << 20));
    let used = usage.disk_used_bytes.unwrap();
    assert!((9 << 20..=10 << 20).contains(&used), "{used}");
    assert!(disk.size("c", "filler") <= 6 << 20);
    let number = quota::project(&disk.sandbox("c")).unwrap();
    assert_eq!([number, quota::project(&disk.sandbox("c").join("filler")).unwrap()], [5000, 5000]);

    // Another one has a number and a quota of its own.
    disk.run("other", "disk:5", "head -c 3000000 /dev/zero > some; echo done; sleep 300");
    wait_until("it has written", || disk.size("other", "stdout") > 0);
    assert_eq!(disk.size("other", "some"), 3_000_000);

    // A later agent gives nobody a number that a sandbox bears.
    disk.end("other");
    disk.end("c");
    disk.isolated.machine.start();
    disk.isolated.machine.recover(&[]);
    disk.isolated.machine.hear();
    disk.run("later", "disk:5", "sleep 300");
    assert_eq!(quota::project(&disk.sandbox("later")).unwrap(), 5002);
    disk.end("later");
    let Disk { isolated, .. } = disk;
    isolated.leave_nothing();
}

#[test]
fn who_writes_too_much_ends_if_that_is_what_is_to_happen() {
    let Some(disk) = Disk::new(|config| config.xfs_kill_containers = true) else { return };
    disk.run("c", "disk:10", FILLER);
    let broke = disk.isolated.machine.terminated().limitation.expect("it has written too much");
    assert_eq!(broke.kind, LimitationKind::Disk);
    assert!(broke.message.ends_with("exceeds quota (10MB)"), "{}", broke.message);
    assert!(disk.size("c", "filler") <= 20 << 20);
    disk.isolated.forget("c");
    disk.isolated.leave_nothing();
}

#[test]
fn a_quota_can_grow_and_without_enforcement_there_is_none() {
    for enforce in [true, false] {
        let Some(disk) = Disk::new(move |config| config.enforce_disk_quota = enforce) else { return };
        let line =
            "while [ ! -e go ]; do sleep 0.01; done; head -c 6000000 /dev/zero > some; echo done; sleep 300";
        disk.run("c", "disk:2", line);
        if enforce {
            let mut more = agent::containerizer::ContainerConfig::shell(disk.sandbox("c"), "");
            more.resources = "disk:8".parse().unwrap();
            let id = ContainerId::new("c");
            disk.isolated.machine.say(Input::Update { id, config: Box::new(more) });
            wait_until("it has more", || disk.usage("c").disk_limit_bytes == Some(8 << 20));
        } else {
            assert_eq!(disk.usage("c").disk_limit_bytes, None);
        }
        fs::write(disk.sandbox("c").join("go"), "").unwrap();
        wait_until("it has written", || disk.size("c", "stdout") > 0);
        assert_eq!(disk.size("c", "some"), 6_000_000);
        disk.end("c");
        disk.isolated.leave_nothing();
    }
}

#[test]
fn a_pool_of_numbers_that_is_empty_is_said_to_be() {
    let Some(disk) = Disk::new(|config| config.xfs_project_range = "[7-7]".parse().unwrap()) else { return };
    disk.run("c", "disk:2", "sleep 300");
    disk.isolated.machine.launch_with("more", "true", |config| config.sandbox = disk.sandbox("more"));
    let failure = disk.isolated.machine.failed();
    assert_eq!(failure.step, LaunchStep::Prepare);
    assert!(failure.message.ends_with("all 1 projects of --xfs_project_range are taken"), "{failure}");
    disk.isolated.forget("more");
    // Once a sandbox is gone, so is its claim.
    disk.end("c");
    fs::remove_dir_all(disk.sandbox("c")).unwrap();
    disk.run("more", "disk:2", "sleep 300");
    assert_eq!(quota::project(&disk.sandbox("more")).unwrap(), 7);
    disk.end("more");
    disk.isolated.leave_nothing();
}

#[test]
fn a_work_directory_elsewhere_is_refused_when_the_agent_starts() {
    let dir = tempfile::tempdir().unwrap();
    let mut containers = agent::containerizer::Config::new(dir.path());
    containers.isolation = IsolationConfig {
        isolation: "disk/xfs".to_owned(),
        work_dir: "/proc".into(),
        ..IsolationConfig::default()
    };
    let refused =
        agent::containerizer::Containerizer::new(containers, Box::new(drop)).err().unwrap().to_string();
    let needs = if agent_linux::user::effective() == 0 { "it is proc, not xfs" } else { "runs as root" };
    assert!(refused.starts_with("--isolation: 'disk/xfs'") && refused.ends_with(needs), "{refused}");
}
