//! All isolators of an agent, in order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use agent_launch::isolation::{Join, Namespace};
use agent_linux::user;
use model::ContainerId;

use super::capabilities::{Capabilities, NoNewPrivileges};
use super::cgroups::Cgroups;
use super::config::IsolationConfig;
use super::devices::LinuxDevices;
use super::disk::Disk;
use super::docker::DockerRuntime;
use super::gpus::Gpus;
use super::isolator::{Alarm, Isolator, Limitation, Plan, Subject};
use super::names::{self, Wanted};
use super::namespaces::{Ipc, OwnNamespaces, PidNamespace};
use super::ports::Ports;
use super::projects::Projects;
use super::rlimits::{OpenFiles, Rlimits};
use super::seccomp::Seccomp;
use super::secrets::{EnvironmentSecrets, SecretVolumes};
use super::volumes::{Filesystem, HostPaths, SandboxPaths, SharedFilesystem};
use crate::containerizer::{ContainerConfig, Usage};

/// Why an agent cannot isolate as it was told.
#[derive(Debug, thiserror::Error)]
#[error("--isolation: {0}")]
pub struct IsolationError(pub(crate) String);

/// All isolators of an agent, in the order of a launch. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Isolators(Arc<Vec<Box<dyn Isolator>>>);

impl Isolators {
    /// Makes those that `config` names.
    ///
    /// Errors: a name that means nothing, something this machine or user lacks.
    pub(crate) fn new(config: &IsolationConfig) -> Result<Self, IsolationError> {
        let wanted = names::parse(&config.isolation).map_err(IsolationError)?;
        if user::effective() != 0
            && let Some(name) = wanted.iter().find(|name| names::needs_root(name))
        {
            return Err(IsolationError(format!("'{name}' needs an agent that runs as root")));
        }
        for name in ["filesystem/linux", "docker/runtime"] {
            if config.images && !wanted.has(name) {
                return Err(IsolationError(format!("images (--image_providers) need '{name}'")));
            }
        }
        let mut chain: Vec<Box<dyn Isolator>> = Vec::new();
        // First, so that what a container asks for comes after it.
        if let Some((soft, hard)) = config.open_files {
            chain.push(Box::new(OpenFiles { soft, hard }));
        }
        let mut add = |name: &str, make: &dyn Fn() -> Result<Box<dyn Isolator>, String>| {
            if wanted.has(name) {
                chain.push(make().map_err(|why| IsolationError(format!("'{name}': {why}")))?);
            }
            Ok::<(), IsolationError>(())
        };
        add("filesystem/linux", &|| Ok(Box::new(Filesystem::linux())))?;
        add("filesystem/shared", &|| Ok(Box::new(SharedFilesystem)))?;
        add("volume/host_path", &|| Ok(Box::new(HostPaths::new(config.force_creation.clone()))))?;
        let mounts = wanted.has("filesystem/linux");
        add("volume/sandbox_path", &|| Ok(Box::new(SandboxPaths::new(mounts))))?;
        add("volume/secret", &|| Ok(Box::new(SecretVolumes)))?;
        add("linux/devices", &|| Ok(Box::new(LinuxDevices::new(config)?)))?;
        add("docker/runtime", &|| Ok(Box::new(DockerRuntime::new(config.ignore_image_runtime))))?;
        add("environment_secret", &|| Ok(Box::new(EnvironmentSecrets)))?;
        add("posix/rlimits", &|| Ok(Box::new(Rlimits)))?;
        add("linux/capabilities", &|| Ok(Box::new(Capabilities::new(config)?)))?;
        add("linux/nnp", &|| Ok(Box::new(NoNewPrivileges)))?;
        add("linux/seccomp", &|| Ok(Box::new(Seccomp::new(config)?)))?;
        add("namespaces/ipc", &|| Ok(Box::new(Ipc::new(config))))?;
        add("namespaces/pid", &|| Ok(Box::new(PidNamespace::new(config))))?;
        for name in ["namespaces/uts", "namespaces/cgroup", "namespaces/net"] {
            add(name, &|| Ok(Box::new(OwnNamespaces::new(name))))?;
        }
        // Before groups are told which devices may be used.
        let gpus = wanted.has("gpu/nvidia").then(|| Gpus::new(config)).transpose();
        let gpus = gpus.map_err(|why| IsolationError(format!("'gpu/nvidia': {why}")))?;
        chain.extend(gpus.clone().map(|gpus| Box::new(gpus) as Box<dyn Isolator>));
        if let Some(cgroups) = Cgroups::new(config, &wanted, gpus)? {
            let ports = wanted.has("network/ports").then(|| Ports::new(config, cgroups.root().clone()));
            chain.push(Box::new(cgroups));
            chain.extend(ports.map(|ports| Box::new(ports) as Box<dyn Isolator>));
        }
        let mut add = |name: &str, make: &dyn Fn() -> Result<Box<dyn Isolator>, String>| {
            if wanted.has(name) {
                chain.push(make().map_err(|why| IsolationError(format!("'{name}': {why}")))?);
            }
            Ok::<(), IsolationError>(())
        };
        add("disk/du", &|| Ok(Box::new(Disk::new(config))))?;
        add("disk/xfs", &|| Ok(Box::new(Projects::new(config)?)))?;
        unheard(&wanted);
        Ok(Self(Arc::new(chain)))
    }

    /// Whether there is anything to look at when a container has ended.
    pub(crate) fn look_after(&self) -> bool {
        self.0.iter().any(|isolator| isolator.name() == "cgroups")
    }

    /// What a launch needs. What was made for it by then is cleaned up if one of them refuses.
    pub(crate) fn prepare(&self, subject: &Subject<'_>) -> Result<Plan, String> {
        let mut plan = Plan::default();
        let session = subject.config.session;
        for isolator in self.0.iter().filter(|isolator| !(session && isolator.namespaces())) {
            if let Err(why) = isolator.prepare(subject, &mut plan) {
                self.cleanup(subject.id);
                return Err(format!("{}: {why}", isolator.name()));
            }
        }
        let apart = self.0.iter().any(|isolator| isolator.namespaces());
        if let (Some(around), true) = (subject.around, apart) {
            let linux = subject.config.container.as_ref().and_then(|container| container.linux.as_ref());
            let shared = linux.and_then(|linux| linux.share_pid_namespace).unwrap_or(false);
            let numbers = session || (shared && !plan.isolation.has(Namespace::Pid));
            let (pid, started) = (around.task, around.task_started);
            plan.isolation.join = Some(Join { pid, started, numbers });
        }
        Ok(plan)
    }

    /// Gives a running container more or less. All are asked, whatever one says.
    pub(crate) fn update(&self, id: &ContainerId, config: &ContainerConfig) -> Result<(), String> {
        let results = self.0.iter().map(|isolator| (isolator.name(), isolator.update(id, config)));
        let failed: Vec<String> =
            results.filter_map(|(name, result)| Some(format!("{name}: {}", result.err()?))).collect();
        if failed.is_empty() { Ok(()) } else { Err(failed.join("; ")) }
    }

    pub(crate) fn usage(&self, id: &ContainerId, usage: &mut Usage) {
        self.0.iter().for_each(|isolator| isolator.usage(id, usage));
    }

    /// The first thing the container broke, if any. Those that look from time to time are not asked: a look of theirs may
    /// take long.
    pub(crate) fn limitation(&self, id: &ContainerId) -> Option<Limitation> {
        let mut prompt = self.0.iter().filter(|isolator| isolator.period().is_none());
        prompt.find_map(|isolator| isolator.limitation(id))
    }

    /// What one that looks from time to time found broken. Shape: container → what.
    pub(crate) fn patrol(&self, who: &str, ids: &[ContainerId]) -> BTreeMap<ContainerId, Limitation> {
        let Some(isolator) = self.0.iter().find(|isolator| isolator.name() == who) else {
            return BTreeMap::new();
        };
        isolator.begin_round();
        ids.iter().filter_map(|id| Some((id.clone(), isolator.limitation(id)?))).collect()
    }

    /// Who wants a [`patrol`](Self::patrol), and how often.
    pub(crate) fn patrols(&self) -> Vec<(&'static str, Duration)> {
        self.0.iter().filter_map(|isolator| Some((isolator.name(), isolator.period()?))).collect()
    }

    pub(crate) fn alarm(&self, id: &ContainerId) -> Option<Alarm> {
        self.0.iter().find_map(|isolator| isolator.alarm(id))
    }

    pub(crate) fn end(&self, id: &ContainerId) {
        self.0.iter().for_each(|isolator| isolator.end(id));
    }

    /// Takes away what was made for a container, last first.
    pub(crate) fn cleanup(&self, id: &ContainerId) {
        for isolator in self.0.iter().rev() {
            if let Err(why) = isolator.cleanup(id) {
                // What stays is found when the agent begins anew.
                tracing::warn!(container = %id, isolator = isolator.name(), why, "not cleaned up");
            }
        }
    }

    /// Ends and takes away what belongs to none of `known`; returns whose that was.
    pub(crate) fn recover(&self, known: &BTreeSet<ContainerId>) -> BTreeSet<ContainerId> {
        self.0.iter().flat_map(|isolator| isolator.recover(known)).collect()
    }
}

/// Names that need nothing of ours: what they promise is done anyway.
fn unheard(wanted: &Wanted) {
    for name in wanted.iter().filter(|name| name.starts_with("posix/") && *name != "posix/rlimits") {
        tracing::debug!(name, "its figures are read from the process table");
    }
}
