//! What a container has of its own of the machine: process numbers, shared memory, names, a network.

use agent_launch::isolation::{Mount, Namespace, Place};
use model::container::IpcMode;

use super::config::IsolationConfig;
use super::isolator::{Isolator, Plan, Subject};

/// Adds a namespace once.
pub(super) fn own(plan: &mut Plan, namespace: Namespace) {
    if !plan.isolation.has(namespace) {
        plan.isolation.namespaces.push(namespace);
    }
}

/// `namespaces/pid`: the container's processes see each other and nobody else; their first one waits for all.
#[derive(Debug)]
pub(super) struct PidNamespace {
    refuse_shared: bool,
}

impl PidNamespace {
    pub(super) fn new(config: &IsolationConfig) -> Self {
        Self { refuse_shared: config.refuse_shared_pid }
    }
}

impl Isolator for PidNamespace {
    fn name(&self) -> &'static str {
        "namespaces/pid"
    }

    fn namespaces(&self) -> bool {
        true
    }

    fn prepare(&self, subject: &Subject<'_>, plan: &mut Plan) -> Result<(), String> {
        let linux = subject.config.container.as_ref().and_then(|container| container.linux.as_ref());
        if linux.and_then(|linux| linux.share_pid_namespace).unwrap_or(false) {
            if self.refuse_shared && subject.id.parent().is_none() {
                let flag = "--disallow_sharing_agent_pid_namespace";
                return Err(format!("the container may not share the agent's pid namespace: {flag} is set"));
            }
            return Ok(());
        }
        own(plan, Namespace::Pid);
        own(plan, Namespace::Mount);
        if subject.image.is_some_and(|image| !image.shared) {
            // A root of its own comes with one.
            return Ok(());
        }
        // The host's would name processes by numbers that mean others inside, and that of a container around it does not
        // know them: what is mounted by descriptor finds itself there, so it comes before any volume.
        let proc = Mount::Special {
            kind: "proc".to_owned(),
            target: Place::Trusted("/proc".to_owned()),
            options: String::new(),
        };
        plan.isolation.mounts.insert(0, proc);
        Ok(())
    }
}

/// `namespaces/ipc`: semaphores, message queues and `/dev/shm` of the container's own.
///
/// Source: Mesos, namespaces/ipc.
#[derive(Debug)]
pub(super) struct Ipc {
    default_shm_bytes: Option<u64>,
    refuse_shared: bool,
}

impl Ipc {
    pub(super) fn new(config: &IsolationConfig) -> Self {
        Self { default_shm_bytes: config.default_shm_bytes, refuse_shared: config.refuse_shared_ipc }
    }
}

impl Isolator for Ipc {
    fn name(&self) -> &'static str {
        "namespaces/ipc"
    }

    fn namespaces(&self) -> bool {
        true
    }

    fn prepare(&self, subject: &Subject<'_>, plan: &mut Plan) -> Result<(), String> {
        let linux = subject.config.container.as_ref().and_then(|container| container.linux.as_ref());
        let mode = linux.and_then(|linux| linux.ipc_mode);
        let size = linux.and_then(|linux| linux.shm_size).map(|mebibytes| u64::from(mebibytes) << 20);
        if mode != Some(IpcMode::Private) && size.is_some() {
            return Err("shm_size is for ipc_mode PRIVATE".to_owned());
        }
        match mode {
            Some(IpcMode::ShareParent) if self.refuse_shared && subject.id.parent().is_none() => {
                let flag = "--disallow_sharing_agent_ipc_namespace";
                Err(format!("the container may not share the agent's IPC namespace: {flag} is set"))
            }
            Some(IpcMode::ShareParent) => Ok(()),
            // Without a word on it, queues are its own, and `/dev/shm` stays the host's as it was before there was a choice.
            None => {
                own(plan, Namespace::Ipc);
                Ok(())
            }
            Some(IpcMode::Private) => {
                own(plan, Namespace::Ipc);
                own(plan, Namespace::Mount);
                let size = size.or(self.default_shm_bytes);
                let size = size.map_or_else(String::new, |bytes| format!(",size={bytes}"));
                let shm = Mount::Special {
                    kind: "tmpfs".to_owned(),
                    target: Place::Trusted("/dev/shm".to_owned()),
                    options: format!("mode=1777{size}"),
                };
                plan.isolation.mounts.push(shm);
                Ok(())
            }
        }
    }
}

/// `namespaces/uts`, `namespaces/cgroup`, `namespaces/net`: the kernel's namespace and no more. These names are ours.
#[derive(Debug)]
pub(super) struct OwnNamespaces(&'static str);

impl OwnNamespaces {
    pub(super) fn new(name: &'static str) -> Self {
        Self(name)
    }
}

impl Isolator for OwnNamespaces {
    fn name(&self) -> &'static str {
        self.0
    }

    fn namespaces(&self) -> bool {
        true
    }

    fn prepare(&self, subject: &Subject<'_>, plan: &mut Plan) -> Result<(), String> {
        match self.0 {
            "namespaces/uts" => {
                own(plan, Namespace::Uts);
                let asked =
                    subject.config.container.as_ref().and_then(|container| container.hostname.clone());
                let name = asked.unwrap_or_else(|| subject.id.value().to_owned());
                if name.is_empty() || name.len() > 64 {
                    return Err(format!("the host name '{name}' is not one of 1 to 64 bytes"));
                }
                plan.isolation.hostname = Some(name);
            }
            "namespaces/cgroup" => own(plan, Namespace::Cgroup),
            // An executor must reach its agent, which it could not from a network with loopback alone.
            _ if subject.id.parent().is_some() => own(plan, Namespace::Network),
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use model::ContainerInfo;
    use model::container::LinuxInfo;

    use super::super::testing::{config, plan_of};
    use super::*;

    fn with(linux: LinuxInfo) -> crate::containerizer::ContainerConfig {
        let mut container = ContainerInfo::new(model::ContainerKind::Mesos);
        container.linux = Some(linux);
        let mut config = config();
        config.container = Some(container);
        config
    }

    #[test]
    fn a_pid_namespace_brings_its_own_proc_unless_it_is_shared() {
        let isolator = PidNamespace { refuse_shared: true };
        let plan = plan_of(&isolator, &config()).unwrap();
        assert_eq!(plan.isolation.namespaces, [Namespace::Pid, Namespace::Mount]);
        let shared = with(LinuxInfo { share_pid_namespace: Some(true), ..LinuxInfo::default() });
        assert!(plan_of(&isolator, &shared).unwrap_err().contains("--disallow_sharing_agent_pid_namespace"));
        let isolator = PidNamespace { refuse_shared: false };
        assert!(plan_of(&isolator, &shared).unwrap().isolation.namespaces.is_empty());
    }

    #[test]
    fn private_memory_has_the_size_that_was_asked_for() {
        let isolator = Ipc { default_shm_bytes: Some(4096), refuse_shared: false };
        let private =
            |shm_size| with(LinuxInfo { ipc_mode: Some(IpcMode::Private), shm_size, ..LinuxInfo::default() });
        let options = |config| match &plan_of(&isolator, &config).unwrap().isolation.mounts[0] {
            Mount::Special { options, .. } => options.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(options(private(Some(2))), "mode=1777,size=2097152");
        assert_eq!(options(private(None)), "mode=1777,size=4096");
        let shared = with(LinuxInfo { shm_size: Some(1), ..LinuxInfo::default() });
        assert_eq!(plan_of(&isolator, &shared).unwrap_err(), "shm_size is for ipc_mode PRIVATE");
    }
}
