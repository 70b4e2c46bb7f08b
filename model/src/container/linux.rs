//! What only Linux knows: rights, namespaces, limits.

use libprocess_wire as wire;

/// Settings of a container on Linux.
#[wire::part]
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinuxInfo {
    /// The older spelling of `effective_capabilities`.
    pub capabilities: Option<Vec<LinuxCapability>>,
    pub bounding_capabilities: Option<Vec<LinuxCapability>>,
    pub effective_capabilities: Option<Vec<LinuxCapability>>,
    pub share_pid_namespace: Option<bool>,
    pub seccomp: Option<SeccompInfo>,
    pub ipc_mode: Option<IpcMode>,
    /// Unit: mebibytes of `/dev/shm`.
    pub shm_size: Option<u32>,
    /// Whether a task of a group shares its executor's cgroups; yes if not said.
    pub share_cgroups: Option<bool>,
}

/// A right of the superuser, by the kernel's number (`CAP_CHOWN` is 0).
#[wire::part]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinuxCapability(u8);

impl LinuxCapability {
    /// `CAP_CHECKPOINT_RESTORE`, the last one the API names.
    pub const LAST: u8 = 40;

    /// `None` beyond [`Self::LAST`].
    pub const fn new(number: u8) -> Option<Self> {
        if number <= Self::LAST { Some(Self(number)) } else { None }
    }

    pub const fn number(self) -> u8 {
        self.0
    }
}

/// Which system calls are allowed.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeccompInfo {
    pub profile_name: Option<String>,
    pub unconfined: Option<bool>,
}

/// Whose shared memory a container sees.
#[wire::part]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IpcMode {
    Private,
    ShareParent,
}

/// A POSIX resource limit; unlimited when neither figure is given.
#[wire::part]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RLimit {
    pub kind: RLimitKind,
    pub hard: Option<u64>,
    pub soft: Option<u64>,
}

/// The limits there are, as `setrlimit` names them.
#[wire::part]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RLimitKind {
    As,
    Core,
    Cpu,
    Data,
    Fsize,
    Locks,
    Memlock,
    Msgqueue,
    Nice,
    Nofile,
    Nproc,
    Rss,
    Rtprio,
    Rttime,
    Sigpending,
    Stack,
}
