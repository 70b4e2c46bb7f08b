//! A machine whose containers are in groups of the test's own, and nothing of which is left when the test is over.

#![allow(dead_code, reason = "benches use a part of this module")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use agent::containerizer::{Config, ContainerConfig, Input, Termination};
use agent::isolators::IsolationConfig;
use model::{ContainerId, ContainerInfo, ContainerKind};

use crate::machine::{Machine, open_to_all, wait_until};

/// Below which groups all tests have theirs.
const ROOT: &str = "hectare-test";

static NUMBER: AtomicU32 = AtomicU32::new(0);

pub(crate) struct Isolated {
    pub(crate) machine: Machine,
    pub(crate) tag: String,
}

impl Isolated {
    /// One with these isolators; `None`, with a word on why, where they cannot be had.
    pub(crate) fn new(names: &str) -> Option<Self> {
        Self::with(names, |_| {})
    }

    pub(crate) fn with(names: &str, change: impl Fn(&mut IsolationConfig) + 'static) -> Option<Self> {
        Self::run_by(names, move |config| change(&mut config.isolation))
    }

    /// One that is run differently in any respect.
    pub(crate) fn run_by(names: &str, change: impl Fn(&mut Config) + 'static) -> Option<Self> {
        if let Err(why) = possible() {
            assert!(std::env::var_os("CI").is_none(), "a test is skipped in CI: {why}");
            eprintln!("skipped: {why}");
            return None;
        }
        let tag = format!("{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let (names, same) = (names.to_owned(), tag.clone());
        let machine = Machine::with(move |config| {
            config.isolation.isolation = names.clone();
            config.isolation.cgroups_root = ROOT.to_owned();
            config.isolation.tag = same.clone();
            change(config);
        });
        open_to_all(machine.dir.path());
        Some(Self { machine, tag })
    }

    /// Launches a line with what it may use, and lets it go.
    pub(crate) fn run(&self, id: &str, resources: &str, line: &str) {
        self.run_with(id, line, |config| config.resources = resources.parse().unwrap());
    }

    pub(crate) fn run_with(&self, id: &str, line: &str, change: impl FnOnce(&mut ContainerConfig)) {
        self.machine.launch_with(id, line, change);
        self.machine.held();
        self.machine.say(Input::Go { id: ContainerId::new(id) });
        match self.machine.hear() {
            agent::containerizer::ContainerEvent::Launched { .. } => {}
            other => panic!("{other:?}"),
        }
    }

    /// Runs a line to its end: what it said, and how it ended. Nothing of it is left.
    pub(crate) fn output(
        &self,
        id: &str,
        line: &str,
        change: impl FnOnce(&mut ContainerConfig),
    ) -> (String, Termination) {
        self.run_with(id, line, change);
        let end = self.machine.terminated();
        let read = |name: &str| fs::read_to_string(self.machine.sandbox(id).join(name)).unwrap_or_default();
        let said = read("stdout");
        self.forget(id);
        (said, end)
    }

    /// The agent has written the end down: nothing of the container stays.
    pub(crate) fn forget(&self, id: &str) {
        self.machine.say(Input::Forget { id: ContainerId::new(id) });
        wait_until("its runtime directory is gone", || !self.machine.runtime_dir(id).exists());
        wait_until("its groups are gone", || self.groups(id).is_empty());
    }

    /// Every directory of a container's groups.
    pub(crate) fn groups(&self, id: &str) -> Vec<PathBuf> {
        mounts()
            .into_iter()
            .map(|mount| mount.join(ROOT).join(&self.tag).join(id))
            .filter(|dir| dir.exists())
            .collect()
    }

    /// The group of one hierarchy, by the last part of its mount point.
    pub(crate) fn group(&self, hierarchy: &str, id: &str) -> Option<PathBuf> {
        self.groups(id).into_iter().find(|dir| dir.iter().any(|part| part == hierarchy))
    }

    /// The directory of this machine's containers in one hierarchy.
    pub(crate) fn root(&self, hierarchy: &str) -> Option<PathBuf> {
        let mount = mounts().into_iter().find(|mount| mount.ends_with(hierarchy))?;
        Some(mount.join(ROOT).join(&self.tag)).filter(|dir| dir.exists())
    }

    /// Looks for anything that was left, and takes the empty directories away.
    pub(crate) fn leave_nothing(mut self) {
        if let Some(agent) = self.machine.agent.take() {
            agent.runtime.shutdown();
        }
        let mut left = Vec::new();
        for mount in mounts() {
            let ours = mount.join(ROOT).join(&self.tag);
            let supervisors = ours.join("supervisor");
            wait_until("supervisors are gone", || {
                !supervisors.exists() || fs::remove_dir(&supervisors).is_ok()
            });
            for entry in fs::read_dir(&ours).into_iter().flatten().flatten() {
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    left.push(entry.path());
                }
            }
            let _ = fs::remove_dir(&ours);
            // Other tests may be at work in it.
            let _ = fs::remove_dir(mount.join(ROOT));
        }
        assert_eq!(left, Vec::<PathBuf>::new(), "groups are left");
        let table = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let dir = self.machine.dir.path().display().to_string();
        assert!(!table.contains(&dir), "mounts are left: {table}");
    }
}

/// A container that asks for something.
pub(crate) fn asks(change: impl FnOnce(&mut ContainerInfo)) -> Option<ContainerInfo> {
    let mut container = ContainerInfo::new(ContainerKind::Mesos);
    change(&mut container);
    Some(container)
}

/// Whether this process may make groups and namespaces.
fn possible() -> Result<(), String> {
    if agent_linux::user::effective() != 0 {
        return Err("only root may make cgroups and namespaces".to_owned());
    }
    let mounts = mounts();
    let Some(mount) = mounts.first() else { return Err("this machine has no cgroups".to_owned()) };
    let probe = mount.join(format!("{ROOT}-probe-{}-{:?}", std::process::id(), std::thread::current().id()));
    fs::create_dir(&probe)
        .map_err(|error| format!("a cgroup cannot be made in {}: {error}", mount.display()))?;
    fs::remove_dir(&probe).map_err(|error| error.to_string())
}

/// Where cgroups are mounted.
pub(crate) fn mounts() -> Vec<PathBuf> {
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let mount = |line: &str| {
        let (head, tail) = line.split_once(" - ")?;
        tail.starts_with("cgroup").then(|| Path::new(head.split(' ').nth(4).unwrap_or_default()).to_owned())
    };
    table.lines().filter_map(mount).collect()
}
