//! Flags of what sets containers apart.

use std::path::PathBuf;
use std::time::Duration;

use model::{Ranges, format_duration, parse_bytes};

use super::{FlagError, contents, duration, invalid};
use crate::isolators::{CapabilitySet, IsolationConfig};

/// The flags that isolators read.
#[derive(Clone, Debug, clap::Args)]
pub struct IsolationFlags {
    /// What sets containers apart: names of isolators, separated by commas; see docs/isolation.md.
    #[arg(long = "isolation", env = "HECTARE_ISOLATION", default_value = "posix/cpu,posix/mem")]
    pub isolation: String,

    /// How a container's processes are found and ended: by their parents (posix), or by a cgroup of their own as well
    /// (linux), which needs root. Any isolator of cgroups brings the latter.
    #[arg(long = "launcher", env = "HECTARE_LAUNCHER", default_value = "posix", value_parser = ["posix", "linux"])]
    pub launcher: String,

    /// Where v1 hierarchies are mounted. Unset: wherever they are.
    #[arg(long = "cgroups_hierarchy", env = "HECTARE_CGROUPS_HIERARCHY")]
    pub cgroups_hierarchy: Option<PathBuf>,

    /// The cgroup below which those of containers are; each agent has one of its own in it, named after its --work_dir.
    #[arg(long = "cgroups_root", env = "HECTARE_CGROUPS_ROOT", default_value = "mesos")]
    pub cgroups_root: String,

    /// Whether what a container was given of processors is also the most it gets.
    #[arg(long = "cgroups_enable_cfs", env = "HECTARE_CGROUPS_ENABLE_CFS", default_value = "false",
          num_args = 0..=1, require_equals = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub cgroups_enable_cfs: bool,

    /// Whether swap counts as memory; cgroup v1 alone can.
    #[arg(long = "cgroups_limit_swap", env = "HECTARE_CGROUPS_LIMIT_SWAP", default_value = "false",
          num_args = 0..=1, require_equals = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub cgroups_limit_swap: bool,

    /// Whether statistics count processes and threads. They always do here.
    #[arg(long = "cgroups_cpu_enable_pids_and_tids_count", env = "HECTARE_CGROUPS_CPU_ENABLE_PIDS_AND_TIDS_COUNT",
          default_value = "false", hide = true,
          num_args = 0..=1, require_equals = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub cgroups_cpu_enable_pids_and_tids_count: bool,

    /// The upper half of the class of containers' packets, as in `0x0012`.
    #[arg(long = "cgroups_net_cls_primary_handle", env = "HECTARE_CGROUPS_NET_CLS_PRIMARY_HANDLE")]
    pub cgroups_net_cls_primary_handle: Option<String>,

    /// What the lower half is taken from, as in `0x0001,0xffff`.
    #[arg(long = "cgroups_net_cls_secondary_handles", env = "HECTARE_CGROUPS_NET_CLS_SECONDARY_HANDLES")]
    pub cgroups_net_cls_secondary_handles: Option<String>,

    /// Devices containers may use beside the usual ones, as JSON.
    #[arg(long = "allowed_devices", env = "HECTARE_ALLOWED_DEVICES", value_parser = contents)]
    pub allowed_devices: Option<String>,

    /// Whether containers given processors that may be taken back get little while others want more.
    #[arg(long = "revocable_cpu_low_priority", env = "HECTARE_REVOCABLE_CPU_LOW_PRIORITY", default_value = "true",
          num_args = 0..=1, require_equals = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub revocable_cpu_low_priority: bool,

    /// Capabilities of containers that ask for none, as in `{"capabilities": ["NET_RAW"]}`.
    #[arg(long = "effective_capabilities", alias = "allowed_capabilities", env = "HECTARE_EFFECTIVE_CAPABILITIES",
          value_parser = contents)]
    pub effective_capabilities: Option<String>,

    /// The most any container may ask for, likewise.
    #[arg(long = "bounding_capabilities", env = "HECTARE_BOUNDING_CAPABILITIES", value_parser = contents)]
    pub bounding_capabilities: Option<String>,

    /// How large `/dev/shm` is in a container that has its own, as in `64MB`. Unset: half the memory.
    #[arg(long = "default_container_shm_size", env = "HECTARE_DEFAULT_CONTAINER_SHM_SIZE")]
    pub default_container_shm_size: Option<String>,

    /// Whether a container may not ask to share the agent's IPC namespace.
    #[arg(long = "disallow_sharing_agent_ipc_namespace", env = "HECTARE_DISALLOW_SHARING_AGENT_IPC_NAMESPACE",
          default_value = "false",
          num_args = 0..=1, require_equals = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub disallow_sharing_agent_ipc_namespace: bool,

    /// Whether a container may not ask to share the agent's pid namespace.
    #[arg(long = "disallow_sharing_agent_pid_namespace", env = "HECTARE_DISALLOW_SHARING_AGENT_PID_NAMESPACE",
          default_value = "false",
          num_args = 0..=1, require_equals = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub disallow_sharing_agent_pid_namespace: bool,

    /// Directories, separated by colons, below which a volume's missing host path is made.
    #[arg(long = "host_path_volume_force_creation", env = "HECTARE_HOST_PATH_VOLUME_FORCE_CREATION")]
    pub host_path_volume_force_creation: Option<String>,

    /// Where profiles of system calls lie.
    #[arg(long = "seccomp_config_dir", env = "HECTARE_SECCOMP_CONFIG_DIR")]
    pub seccomp_config_dir: Option<PathBuf>,

    /// The profile of containers that name none, relative to --seccomp_config_dir.
    #[arg(long = "seccomp_profile_name", env = "HECTARE_SECCOMP_PROFILE_NAME")]
    pub seccomp_profile_name: Option<String>,

    /// How often it is looked at which ports containers listen on.
    #[arg(long = "container_ports_watch_interval", env = "HECTARE_CONTAINER_PORTS_WATCH_INTERVAL",
          default_value = "30secs", value_parser = duration)]
    pub container_ports_watch_interval: Duration,

    /// Whether a container that listens on a port it was not given is ended, rather than named in the log.
    #[arg(long = "enforce_container_ports", env = "HECTARE_ENFORCE_CONTAINER_PORTS", default_value = "false",
          num_args = 0..=1, require_equals = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub enforce_container_ports: bool,

    /// Whether only the ports this agent offers must have been given to who listens on them.
    #[arg(long = "check_agent_port_range_only", env = "HECTARE_CHECK_AGENT_PORT_RANGE_ONLY", default_value = "false",
          num_args = 0..=1, require_equals = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub check_agent_port_range_only: bool,

    /// The ports that must have been given to who listens on them, as in `[31000-32000]`. Unset: all.
    #[arg(long = "container_ports_isolated_range", env = "HECTARE_CONTAINER_PORTS_ISOLATED_RANGE")]
    pub container_ports_isolated_range: Option<String>,

    /// How often it is looked at what containers have written.
    #[arg(long = "container_disk_watch_interval", env = "HECTARE_CONTAINER_DISK_WATCH_INTERVAL",
          default_value = "15secs", value_parser = duration)]
    pub container_disk_watch_interval: Duration,

    /// Whether a container that has written more than it was given of disk is ended.
    #[arg(long = "enforce_container_disk_quota", env = "HECTARE_ENFORCE_CONTAINER_DISK_QUOTA", default_value = "false",
          num_args = 0..=1, require_equals = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub enforce_container_disk_quota: bool,

    /// Which graphics processors are given to containers, by their numbers, as in `0,2`; --resources must say as many gpus.
    /// Unset: all.
    #[arg(long = "nvidia_gpu_devices", env = "HECTARE_NVIDIA_GPU_DEVICES", value_delimiter = ',')]
    pub nvidia_gpu_devices: Option<Vec<usize>>,

    /// The numbers disk/xfs tells sandboxes apart by.
    #[arg(long = "xfs_project_range", env = "HECTARE_XFS_PROJECT_RANGE", default_value = "[5000-10000]")]
    pub xfs_project_range: String,

    /// Whether disk/xfs ends who has written more than they were given, rather than letting writes fail.
    #[arg(long = "xfs_kill_containers", env = "HECTARE_XFS_KILL_CONTAINERS", default_value = "false",
          num_args = 0..=1, require_equals = true, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub xfs_kill_containers: bool,

    /// How much more can be written until disk/xfs has ended who has written too much.
    #[arg(long = "xfs_quota_headroom", env = "HECTARE_XFS_QUOTA_HEADROOM", default_value = "10MB")]
    pub xfs_quota_headroom: String,
}

impl IsolationFlags {
    /// Errors: a value is malformed. Whether the machine has what is asked for is found out when the agent starts.
    pub(super) fn config(&self) -> Result<IsolationConfig, FlagError> {
        let set = |flag, text: &Option<String>| match text {
            Some(text) => capabilities(text).map(Some).map_err(|why| invalid(flag, why)),
            None => Ok(None),
        };
        let root = self.cgroups_root.trim_matches('/');
        let plain = |part: &str| !part.is_empty() && !part.starts_with('.');
        if !root.split('/').all(plain) {
            return Err(invalid("cgroups_root", "must be a relative path without '.' and '..'"));
        }
        let primary = self.cgroups_net_cls_primary_handle.as_deref().map(handle).transpose();
        let secondary = self.cgroups_net_cls_secondary_handles.as_deref().map(handles).transpose();
        if self.check_agent_port_range_only && self.container_ports_isolated_range.is_some() {
            let why = "only one of it and --check_agent_port_range_only can be";
            return Err(invalid("container_ports_isolated_range", why));
        }
        let policed = self.container_ports_isolated_range.as_deref().map(str::parse::<Ranges>).transpose();
        let shm = self.default_container_shm_size.as_deref().map(parse_bytes).transpose();
        Ok(IsolationConfig {
            isolation: self.isolation.clone(),
            cgroups_hierarchy: self.cgroups_hierarchy.clone(),
            cgroups_root: root.to_owned(),
            linux_launcher: self.launcher == "linux",
            cgroups_enable_cfs: self.cgroups_enable_cfs,
            cgroups_limit_swap: self.cgroups_limit_swap,
            revocable_cpu_low_priority: self.revocable_cpu_low_priority,
            allowed_devices: self.allowed_devices.clone(),
            net_cls_primary: primary.map_err(|why| invalid("cgroups_net_cls_primary_handle", why))?,
            net_cls_secondary: secondary.map_err(|why| invalid("cgroups_net_cls_secondary_handles", why))?,
            effective_capabilities: set("effective_capabilities", &self.effective_capabilities)?,
            bounding_capabilities: set("bounding_capabilities", &self.bounding_capabilities)?,
            default_shm_bytes: shm.map_err(|why| invalid("default_container_shm_size", why))?,
            refuse_shared_ipc: self.disallow_sharing_agent_ipc_namespace,
            refuse_shared_pid: self.disallow_sharing_agent_pid_namespace,
            force_creation: self
                .host_path_volume_force_creation
                .iter()
                .flat_map(|list| list.split(':'))
                .filter(|path| !path.is_empty())
                .map(PathBuf::from)
                .collect(),
            seccomp_config_dir: self.seccomp_config_dir.clone(),
            seccomp_profile_name: self.seccomp_profile_name.clone(),
            ports_watch_interval: self.container_ports_watch_interval,
            enforce_ports: self.enforce_container_ports,
            policed_ports: policed.map_err(|why| invalid("container_ports_isolated_range", why))?,
            police_offered_ports: self.check_agent_port_range_only,
            disk_watch_interval: self.container_disk_watch_interval,
            enforce_disk_quota: self.enforce_container_disk_quota,
            nvidia_gpu_devices: self.nvidia_gpu_devices.as_ref().map(|list| list.iter().copied().collect()),
            xfs_project_range: self
                .xfs_project_range
                .parse::<Ranges>()
                .map_err(|why| invalid("xfs_project_range", why))?,
            xfs_kill_containers: self.xfs_kill_containers,
            xfs_quota_headroom: parse_bytes(&self.xfs_quota_headroom)
                .map_err(|why| invalid("xfs_quota_headroom", why))?,
            ..IsolationConfig::default()
        })
    }

    /// What `/flags` shows.
    pub(super) fn listed(&self) -> Vec<(&'static str, String)> {
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        let always = [
            ("isolation", self.isolation.clone()),
            ("launcher", self.launcher.clone()),
            (
                "cgroups_hierarchy",
                path(&self.cgroups_hierarchy).unwrap_or_else(|| "/sys/fs/cgroup".to_owned()),
            ),
            ("cgroups_root", self.cgroups_root.clone()),
            ("cgroups_enable_cfs", self.cgroups_enable_cfs.to_string()),
            ("cgroups_limit_swap", self.cgroups_limit_swap.to_string()),
            (
                "cgroups_cpu_enable_pids_and_tids_count",
                self.cgroups_cpu_enable_pids_and_tids_count.to_string(),
            ),
            ("revocable_cpu_low_priority", self.revocable_cpu_low_priority.to_string()),
            ("disallow_sharing_agent_ipc_namespace", self.disallow_sharing_agent_ipc_namespace.to_string()),
            ("disallow_sharing_agent_pid_namespace", self.disallow_sharing_agent_pid_namespace.to_string()),
            ("container_ports_watch_interval", format_duration(self.container_ports_watch_interval)),
            ("enforce_container_ports", self.enforce_container_ports.to_string()),
            ("check_agent_port_range_only", self.check_agent_port_range_only.to_string()),
            ("container_disk_watch_interval", format_duration(self.container_disk_watch_interval)),
            ("enforce_container_disk_quota", self.enforce_container_disk_quota.to_string()),
            ("xfs_project_range", self.xfs_project_range.clone()),
            ("xfs_kill_containers", self.xfs_kill_containers.to_string()),
            ("xfs_quota_headroom", self.xfs_quota_headroom.clone()),
        ];
        let given = [
            ("cgroups_net_cls_primary_handle", self.cgroups_net_cls_primary_handle.clone()),
            ("cgroups_net_cls_secondary_handles", self.cgroups_net_cls_secondary_handles.clone()),
            ("allowed_devices", self.allowed_devices.clone()),
            ("effective_capabilities", self.effective_capabilities.clone()),
            ("bounding_capabilities", self.bounding_capabilities.clone()),
            ("default_container_shm_size", self.default_container_shm_size.clone()),
            ("host_path_volume_force_creation", self.host_path_volume_force_creation.clone()),
            ("container_ports_isolated_range", self.container_ports_isolated_range.clone()),
            ("seccomp_config_dir", path(&self.seccomp_config_dir)),
            ("seccomp_profile_name", self.seccomp_profile_name.clone()),
            ("nvidia_gpu_devices", self.nvidia_gpu_devices.as_ref().map(|list| numbers(list))),
        ];
        let given = given.into_iter().filter_map(|(name, value)| Some((name, value?)));
        always.into_iter().chain(given).collect()
    }
}

fn numbers(list: &[usize]) -> String {
    list.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// Shape: `{"capabilities": ["NET_RAW", …]}`. Source: Mesos' `CapabilityInfo`.
fn capabilities(text: &str) -> Result<CapabilitySet, String> {
    let value: serde_json::Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let list =
        value.get("capabilities").and_then(|list| list.as_array()).ok_or("`capabilities` is missing")?;
    list.iter().try_fold(0, |set, name| {
        let name = name.as_str().ok_or("a capability is a name")?;
        let number = agent_linux::rights::capability_number(&format!("CAP_{name}"))
            .ok_or_else(|| format!("there is no capability '{name}'"))?;
        Ok(set | (1 << number))
    })
}

/// `0xAAAA`.
fn handle(text: &str) -> Result<u16, String> {
    let digits = text.trim().strip_prefix("0x").ok_or_else(|| format!("'{text}' does not begin with 0x"))?;
    u16::from_str_radix(digits, 16).map_err(|error| format!("'{text}': {error}"))
}

/// `0xAAAA,0xBBBB`, both included.
fn handles(text: &str) -> Result<(u16, u16), String> {
    let (first, last) = text.split_once(',').ok_or("two handles with a comma between them")?;
    match (handle(first)?, handle(last)?) {
        (first, last) if first <= last && first > 0 => Ok((first, last)),
        _ => Err("the first is zero, or above the last".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_and_handles_are_read_or_refused() {
        assert_eq!(capabilities(r#"{"capabilities": ["CHOWN", "NET_RAW"]}"#), Ok(1 | (1 << 13)));
        assert_eq!(capabilities(r#"{"capabilities": ["FLY"]}"#).unwrap_err(), "there is no capability 'FLY'");
        assert_eq!(handles("0x1,0xff"), Ok((1, 255)));
        assert!(handles("0x2,0x1").is_err());
        assert!(handle("12").is_err());
    }
}
