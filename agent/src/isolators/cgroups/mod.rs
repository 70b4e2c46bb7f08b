//! Containers in control groups: one isolator that makes and removes the groups, and a [`Subsystem`] per controller that
//! says what to write into them.

mod blkio;
mod cpu;
mod cpuset;
mod devices;
mod hugetlb;
mod memory;
mod net_cls;
mod pids;
mod plain;
mod shares;
mod subsystem;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use agent_cgroups::{CgroupError, Controller, Group, Hierarchies, Root, Version};
use agent_launch::isolation::Tracking;
use agent_linux::alarm::OomAlarm;
use agent_linux::cgroup::Tree;
use model::ContainerId;

use super::IsolationError;
use super::config::IsolationConfig;
use super::gpus::Gpus;
use super::isolator::{Alarm, Isolator, Limitation, Plan, Subject};
use super::names::{Wanted, of_cgroups};
use crate::containerizer::{ContainerConfig, Usage};
use shares::Share;
use subsystem::Subsystem;

/// Puts every container into groups of its own, with limits or without: its end is then that of all who are in them.
#[derive(Debug)]
pub(crate) struct Cgroups {
    root: Root,
    subsystems: Vec<Box<dyn Subsystem>>,
    /// What containers may use, for those who report it. Only what this agent launched or updated is here.
    shares: Mutex<BTreeMap<ContainerId, Share>>,
}

impl Cgroups {
    /// `None` if no name of a controller is wanted.
    ///
    /// Errors: the machine lacks a controller, or we may not use it.
    pub(super) fn new(
        config: &IsolationConfig,
        wanted: &Wanted,
        gpus: Option<Gpus>,
    ) -> Result<Option<Self>, IsolationError> {
        let mut names: Vec<&str> = of_cgroups().filter(|name| wanted.has(name)).collect();
        if names.is_empty() && !config.linux_launcher && !wanted.has("network/ports") {
            return Ok(None);
        }
        let failed = |why: String| IsolationError(format!("cgroups: {why}"));
        let mut hierarchies = Hierarchies::find(config.cgroups_hierarchy.as_deref())
            .map_err(|error| failed(format!("cannot read the mount table: {error}")))?;
        if config.ignore_unified {
            hierarchies = hierarchies.without_unified();
        }
        if wanted.all_cgroups {
            // Where v2 has all, its not being handed down is no lack but a setting that is missing: that is refused.
            let pure = hierarchies.is_pure_v2();
            let there = |of: &Controller| match pure {
                true => hierarchies.place(*of).is_some(),
                false => hierarchies.hands_down(*of),
            };
            let has = |name: &&str| {
                controllers(name).iter().all(there)
                    && (*name != "cgroups/devices" || devices::possible(&hierarchies))
            };
            let lacking: Vec<&str> = names.iter().copied().filter(|name| !has(name)).collect();
            if !lacking.is_empty() {
                tracing::info!(
                    ?lacking,
                    mode = hierarchies.mode(),
                    "cgroups/all leaves out what is not here"
                );
            }
            names.retain(has);
        }
        if config.cgroups_limit_swap && hierarchies.is_pure_v2() {
            return Err(IsolationError("--cgroups_limit_swap: cgroup v2 has no such limit".to_owned()));
        }
        let used: BTreeSet<Controller> = names.iter().flat_map(|name| controllers(name)).copied().collect();
        for name in &names {
            if let Some(lacks) = controllers(name).iter().find(|of| hierarchies.place(**of).is_none()) {
                let error = CgroupError::Missing(lacks.name());
                return Err(IsolationError(format!("'{name}': {error}")));
            }
        }
        let mut name = PathBuf::from(config.cgroups_root.trim_matches('/'));
        name.push(&config.tag);
        let root = Root::open(&hierarchies, &name, &used).map_err(|error| failed(chain(&error)))?;
        let mut subsystems: Vec<Box<dyn Subsystem>> = Vec::new();
        for name in &names {
            let subsystem: Box<dyn Subsystem> = match *name {
                "cgroups/cpu" => Box::new(cpu::Cpu {
                    cfs: config.cgroups_enable_cfs,
                    revocable_low: config.revocable_cpu_low_priority,
                }),
                "cgroups/mem" => Box::new(memory::Memory::new(config.cgroups_limit_swap)),
                "cgroups/pids" => Box::new(pids::Pids),
                "cgroups/cpuset" => Box::new(cpuset::Cpuset),
                "cgroups/devices" => Box::new(
                    devices::Devices::new(config.allowed_devices.as_deref(), &hierarchies, gpus.clone())
                        .map_err(|why| IsolationError(format!("'cgroups/devices': {why}")))?,
                ),
                "cgroups/blkio" => Box::new(blkio::Blkio),
                "cgroups/hugetlb" => Box::new(hugetlb::Hugetlb),
                "cgroups/net_cls" => Box::new(net_cls::NetCls::new(config)),
                other => Box::new(plain::Plain(other)),
            };
            subsystems.push(subsystem);
        }
        let mode = hierarchies.mode();
        tracing::info!(root = %name.display(), mode, isolators = names.join(","), "containers are in cgroups");
        Ok(Some(Self { root, subsystems, shares: Mutex::default() }))
    }

    /// Where containers' groups are.
    pub(crate) fn root(&self) -> &Root {
        &self.root
    }

    /// The groups of a container; a nested one that shares is counted with the first of its ancestors.
    fn group(&self, id: &ContainerId, shared: bool) -> Result<Group, String> {
        let path = id.path();
        let path: Vec<&str> = path.iter().map(|part| &**part).collect();
        let group = if shared { self.root.shared_group(&path) } else { self.root.group(&path) };
        group.map_err(|error| chain(&error))
    }

    fn share_of(&self, id: &ContainerId) -> Option<Share> {
        self.shares.lock().ok()?.get(id).cloned()
    }

    fn keep(&self, id: &ContainerId, share: Share) {
        if let Ok(mut shares) = self.shares.lock() {
            shares.insert(id.clone(), share);
        }
    }
}

impl Drop for Cgroups {
    /// The agent ends: what it made and nobody is in goes. Containers that run on keep theirs.
    fn drop(&mut self) {
        self.root.remove();
    }
}

impl Isolator for Cgroups {
    fn name(&self) -> &'static str {
        "cgroups"
    }

    fn prepare(&self, subject: &Subject<'_>, plan: &mut Plan) -> Result<(), String> {
        let shared = shares_cgroups(subject.id, subject.config);
        let group = self.group(subject.id, shared)?;
        group.create().map_err(|error| chain(&error))?;
        if !shared {
            let share = Share::of(subject.config);
            for subsystem in &self.subsystems {
                for setting in subsystem.plan(subject.id, &share, &group, true)? {
                    setting.apply(&group).map_err(|error| chain(&error))?;
                }
                subsystem.equip(subject.id, &group, true)?;
            }
            self.keep(subject.id, share);
        }
        let (dir, version) = group.tracking();
        let text = |path: &Path| path.display().to_string();
        plan.isolation.supervisor_cgroup = Some(text(&self.root.supervisors()));
        plan.isolation.cgroups = group.procs().iter().map(|file| text(file)).collect();
        plan.isolation.tracking = Some(Tracking { dir: text(dir), freezer: version == Version::V1 });
        Ok(())
    }

    fn update(&self, id: &ContainerId, config: &ContainerConfig) -> Result<(), String> {
        if shares_cgroups(id, config) {
            return Ok(());
        }
        let group = self.group(id, false)?;
        if !group.exists() {
            return Err("its cgroups are gone".to_owned());
        }
        let share = Share::of(config);
        for subsystem in &self.subsystems {
            for setting in subsystem.plan(id, &share, &group, false)? {
                setting.apply(&group).map_err(|error| chain(&error))?;
            }
            subsystem.equip(id, &group, false)?;
        }
        self.keep(id, share);
        Ok(())
    }

    fn usage(&self, id: &ContainerId, usage: &mut Usage) {
        let Ok(group) = self.group(id, false) else { return };
        let share = self.share_of(id).unwrap_or_default();
        for subsystem in &self.subsystems {
            subsystem.usage(id, &group, &share, usage);
        }
    }

    fn limitation(&self, id: &ContainerId) -> Option<Limitation> {
        let group = self.group(id, false).ok()?;
        self.subsystems.iter().find_map(|subsystem| subsystem.limitation(&group))
    }

    fn alarm(&self, id: &ContainerId) -> Option<Alarm> {
        let group = self.group(id, false).ok()?;
        let (dir, version) = group.dir(Controller::Memory)?;
        alarm_in(dir, version, id.parent().is_some())
            .inspect_err(
                |error| tracing::warn!(container = %id, %error, "out of memory will be noticed late"),
            )
            .ok()
            .flatten()
    }

    fn end(&self, id: &ContainerId) {
        let Ok(group) = self.group(id, false) else { return };
        end(&group);
    }

    fn cleanup(&self, id: &ContainerId) -> Result<(), String> {
        if let Ok(mut shares) = self.shares.lock() {
            shares.remove(id);
        }
        for subsystem in &self.subsystems {
            subsystem.cleanup(id);
        }
        self.group(id, false)?.remove().map_err(|error| chain(&error))
    }

    fn recover(&self, known: &BTreeSet<ContainerId>) -> Vec<ContainerId> {
        let mine: BTreeSet<&str> = known.iter().map(top).collect();
        let mut orphans = Vec::new();
        for name in self.root.present() {
            if mine.contains(name.as_str()) {
                continue;
            }
            let id = ContainerId::new(name.as_str());
            let Ok(group) = self.group(&id, false) else { continue };
            end(&group);
            if let Err(error) = group.remove() {
                tracing::warn!(container = %id, error = chain(&error), "an orphan's cgroups stay");
            }
            orphans.push(id);
        }
        orphans
    }
}

/// What rings when a group is out of memory; nothing for a nested container that is counted with its parent, which has no
/// group of this kind.
fn alarm_in(dir: &Path, version: Version, nested: bool) -> io::Result<Option<Alarm>> {
    let set = match version {
        Version::V1 => OomAlarm::set(dir).map(Alarm::Event),
        Version::V2 => {
            OpenOptions::new().read(true).open(dir.join("memory.events")).map(|file| Alarm::File(file.into()))
        }
    };
    match set {
        Err(error) if nested && error.kind() == io::ErrorKind::NotFound => Ok(None),
        set => set.map(Some),
    }
}

/// Ends whoever is in a group.
fn end(group: &Group) {
    let (dir, version) = group.tracking();
    let tree = Tree::new(dir, version == Version::V1);
    if let Err(error) = tree.end() {
        tracing::warn!(dir = %dir.display(), %error, "a container's processes cannot be ended");
    }
}

/// The first of a container's ancestors, or itself.
fn top(id: &ContainerId) -> &str {
    id.path().first().map_or("", |name| name)
}

/// Whether a container is counted with its parent. A task of a group is, unless it says otherwise.
fn shares_cgroups(id: &ContainerId, config: &ContainerConfig) -> bool {
    let linux = config.container.as_ref().and_then(|container| container.linux.as_ref());
    id.parent().is_some() && linux.and_then(|linux| linux.share_cgroups).unwrap_or(true)
}

/// What an isolator needs of the kernel.
fn controllers(name: &str) -> &'static [Controller] {
    match name {
        "cgroups/cpu" => &[Controller::Cpu, Controller::Cpuacct],
        "cgroups/mem" => &[Controller::Memory],
        "cgroups/pids" => &[Controller::Pids],
        "cgroups/cpuset" => &[Controller::Cpuset],
        "cgroups/devices" => &[Controller::Devices],
        "cgroups/blkio" => &[Controller::Blkio],
        "cgroups/hugetlb" => &[Controller::Hugetlb],
        "cgroups/net_cls" => &[Controller::NetCls],
        "cgroups/net_prio" => &[Controller::NetPrio],
        "cgroups/perf_event" => &[Controller::PerfEvent],
        _ => &[],
    }
}

/// An error with what it came from.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text = format!("{text}: {source}");
        next = source.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nested_container_that_is_counted_with_its_parent_has_no_alarm_of_its_own() {
        let groups = tempfile::tempdir().unwrap();
        let (own, shared) = (groups.path().join("own"), groups.path().join("shared"));
        std::fs::create_dir(&own).unwrap();
        std::fs::write(own.join("memory.events"), "oom_kill 0").unwrap();
        for version in [Version::V1, Version::V2] {
            assert!(alarm_in(&shared, version, true).unwrap().is_none());
            assert_eq!(alarm_in(&shared, version, false).unwrap_err().kind(), io::ErrorKind::NotFound);
        }
        assert!(alarm_in(&own, Version::V2, true).unwrap().is_some());
    }
}
