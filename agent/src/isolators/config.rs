//! What isolators are told by flags.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use model::Ranges;

use super::names;
use super::nvidia::NvidiaPlaces;

/// A set of capabilities, a bit each.
pub type CapabilitySet = u64;

/// Everything isolators are told at an agent's start.
#[derive(Clone, Debug, PartialEq)]
pub struct IsolationConfig {
    /// Names, separated by commas.
    pub isolation: String,
    /// Where v1 hierarchies are mounted; wherever they are if `None`.
    pub cgroups_hierarchy: Option<PathBuf>,
    pub cgroups_root: String,
    /// Every container gets a group by which it is found and ended, whether an isolator wants one or not.
    pub linux_launcher: bool,
    /// What tells this agent's groups from those of another on this machine, usually its work directory.
    pub tag: String,
    pub cgroups_enable_cfs: bool,
    pub cgroups_limit_swap: bool,
    pub revocable_cpu_low_priority: bool,
    /// JSON of more devices, beside the usual ones.
    pub allowed_devices: Option<String>,
    pub net_cls_primary: Option<u16>,
    pub net_cls_secondary: Option<(u16, u16)>,
    pub effective_capabilities: Option<CapabilitySet>,
    pub bounding_capabilities: Option<CapabilitySet>,
    pub default_shm_bytes: Option<u64>,
    pub refuse_shared_ipc: bool,
    pub refuse_shared_pid: bool,
    /// Directories below which a volume's host path is made if it is missing.
    pub force_creation: Vec<PathBuf>,
    /// There are images.
    pub images: bool,
    /// What an image says of how it is run does not count.
    pub ignore_image_runtime: bool,
    pub seccomp_config_dir: Option<PathBuf>,
    pub seccomp_profile_name: Option<String>,
    pub ports_watch_interval: Duration,
    pub enforce_ports: bool,
    /// Ports that must have been given to who listens on them; all if `None`.
    pub policed_ports: Option<Ranges>,
    /// Those are the ones the agent offers.
    pub police_offered_ports: bool,
    pub disk_watch_interval: Duration,
    pub enforce_disk_quota: bool,
    /// Below which sandboxes lie.
    pub work_dir: PathBuf,
    /// Numbers of projects that sandboxes may bear.
    pub xfs_project_range: Ranges,
    /// Who exceeds a quota of a project is ended.
    pub xfs_kill_containers: bool,
    /// How far beyond it they may come until that is noticed. Unit: bytes.
    pub xfs_quota_headroom: u64,
    /// Which graphics processors are given; all if `None`.
    pub nvidia_gpu_devices: Option<BTreeSet<usize>>,
    /// Where the machine shows them.
    pub nvidia: NvidiaPlaces,
    /// Where it is written down which is whose.
    pub gpu_dir: PathBuf,
    /// How many files a container's processes may have open, soft and hard, unless it says so itself; as many as the agent
    /// if `None`.
    pub open_files: Option<(u64, u64)>,
    /// Looks at v1 alone on a machine that has both; for tests.
    pub ignore_unified: bool,
}

impl IsolationConfig {
    /// Whether it names this isolator, in one way or another.
    pub(crate) fn has(&self, name: &str) -> bool {
        names::parse(&self.isolation).is_ok_and(|wanted| wanted.has(name))
    }

    /// Resources whose limits the isolators named here hold containers to.
    pub(crate) fn enforced_limits(&self) -> Vec<&'static str> {
        let by = [("cpus", "cgroups/cpu"), ("mem", "cgroups/mem")];
        by.into_iter().filter(|(_, isolator)| self.has(isolator)).map(|(name, _)| name).collect()
    }
}

impl Default for IsolationConfig {
    /// Mesos' defaults.
    fn default() -> Self {
        Self {
            isolation: "posix/cpu,posix/mem".to_owned(),
            cgroups_hierarchy: None,
            cgroups_root: "mesos".to_owned(),
            linux_launcher: false,
            tag: "agent".to_owned(),
            cgroups_enable_cfs: false,
            cgroups_limit_swap: false,
            revocable_cpu_low_priority: true,
            allowed_devices: None,
            net_cls_primary: None,
            net_cls_secondary: None,
            effective_capabilities: None,
            bounding_capabilities: None,
            default_shm_bytes: None,
            refuse_shared_ipc: false,
            refuse_shared_pid: false,
            force_creation: Vec::new(),
            images: false,
            ignore_image_runtime: false,
            seccomp_config_dir: None,
            seccomp_profile_name: None,
            ports_watch_interval: Duration::from_secs(30),
            enforce_ports: false,
            policed_ports: None,
            police_offered_ports: false,
            disk_watch_interval: Duration::from_secs(15),
            enforce_disk_quota: false,
            work_dir: PathBuf::from("/tmp/mesos"),
            xfs_project_range: "[5000-10000]".parse().expect("a range that is written like one"),
            xfs_kill_containers: false,
            xfs_quota_headroom: 10 << 20,
            nvidia_gpu_devices: None,
            nvidia: NvidiaPlaces::default(),
            gpu_dir: PathBuf::from("/var/run/mesos/gpus"),
            open_files: None,
            ignore_unified: false,
        }
    }
}

/// What tells the groups of the agent that works in `work_dir` from those of another agent on the same machine: the path,
/// spelled as one name.
pub(crate) fn tag(work_dir: &Path) -> String {
    let whole = std::fs::canonicalize(work_dir).unwrap_or_else(|_| work_dir.to_owned());
    spelled(whole.as_os_str().as_bytes())
}

fn spelled(path: &[u8]) -> String {
    let mut name = String::new();
    for byte in path.strip_prefix(b"/").unwrap_or(path) {
        match byte {
            b'/' => name.push('-'),
            b'.' if name.is_empty() => name.push_str("%2e"),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' => name.push(char::from(*byte)),
            // Nothing else is spelled as itself, so that two paths are never one name.
            other => drop(write!(name, "%{other:02x}")),
        }
    }
    const LONGEST: usize = 200;
    if name.len() > LONGEST {
        // The end tells more than the beginning; two that share it differ in the sum.
        let sum = path.iter().fold(0xcbf2_9ce4_8422_2325u64, |sum, byte| {
            (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
        });
        name = format!("{sum:016x}-{}", &name[name.len() - LONGEST..]);
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_control_groups_hold_containers_to_limits() {
        let enforced = |isolation: &str| {
            IsolationConfig { isolation: isolation.to_owned(), ..IsolationConfig::default() }
                .enforced_limits()
        };
        assert!(enforced("posix/cpu,posix/mem").is_empty());
        assert_eq!(enforced("cgroups/cpu"), ["cpus"]);
        assert_eq!(enforced("cgroups/mem,posix/cpu"), ["mem"]);
        assert_eq!(enforced("cgroups"), ["cpus", "mem"]);
    }

    #[test]
    fn different_directories_have_different_names() {
        assert_eq!(spelled(b"/var/lib/hectare/agent"), "var-lib-hectare-agent");
        assert_ne!(spelled(b"/a-b"), spelled(b"/a/b"));
        assert_eq!(spelled(b"/.x"), "%2ex");
        let long = |last: u8| [vec![b'x'; 4000], vec![last]].concat();
        assert_ne!(spelled(&long(b'a')), spelled(&long(b'b')));
        assert!(spelled(&long(b'a')).len() < 255);
    }
}
