//! What sets a task apart: which groups it is counted in, what it sees, what it may do. Planned by the agent's isolators;
//! carried out between the gate and the exec.

use libprocess_wire as wire;

/// All of it; the default sets nothing apart.
#[wire::part]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Isolation {
    /// The file the supervisor writes itself into, so that it lives outside of what it supervises and of its agent.
    pub supervisor_cgroup: Option<String>,
    /// The files by which the task enters its groups before it does anything: `tasks` on v1, `cgroup.procs` on v2.
    pub cgroups: Vec<String>,
    /// Where everything of the container is found when it is to end.
    pub tracking: Option<Tracking>,
    /// What it has of its own.
    pub namespaces: Vec<Namespace>,
    /// The container around it, whose namespaces it shares where it has none of its own.
    pub join: Option<Join>,
    /// Its name of the machine; needs [`Namespace::Uts`].
    pub hostname: Option<String>,
    /// What it sees, in this order; needs [`Namespace::Mount`].
    pub mounts: Vec<Mount>,
    /// What it sees as `/`; the host's if `None`. Needs [`Namespace::Mount`]. With it, mounts appear in there.
    pub root: Option<Root>,
    pub rlimits: Vec<Rlimit>,
    /// Those of its user if `None`.
    pub capabilities: Option<Capabilities>,
    /// Whether no program it executes gives it more rights.
    pub no_new_privileges: bool,
    /// Programs of the kernel's that judge its system calls, in the order in which they are loaded.
    pub filters: Vec<Vec<u8>>,
}

/// A file system of its own, with the kernel's own ones, devices and terminals in it.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// The directory where it is put together.
    pub dir: String,
    pub content: Content,
    /// Its sandbox, and where that is seen inside.
    pub sandbox: Place,
    pub seen: String,
}

/// What a root file system holds.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// What lies in its directory.
    Whole,
    /// Another directory, which nobody writes to.
    ReadOnly { layer: String },
    /// Directories on top of each other, the first being the lowest; what is written goes to `upper`.
    Overlay { layers: Vec<String>, upper: String, work: String },
}

/// A control group whose processes are the container's.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tracking {
    pub dir: String,
    /// It is one of v1's freezer rather than of v2.
    pub freezer: bool,
}

/// A container that another one is inside of.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Join {
    /// Its first process.
    pub pid: u32,
    /// Unit: clock ticks since boot.
    pub started: u64,
    /// Whether its numbers of processes are shared too.
    pub numbers: bool,
}

/// What can be a task's own.
#[wire::part]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Namespace {
    Pid,
    Mount,
    Ipc,
    Uts,
    Network,
    Cgroup,
}

/// Something to be seen at some place.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mount {
    /// A file or directory that is elsewhere too.
    Bind { source: Place, target: Place, read_only: bool, propagation: Propagation },
    /// A file system of the kernel's: `proc`, `sysfs`, `tmpfs`, `mqueue`, `devpts`.
    Special { kind: String, target: Place, options: String },
    /// A file that is nowhere on a disk, read-only, the task user's alone.
    Secret { target: Place, content: Vec<u8> },
}

/// A place in a tree of files.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// An absolute path nobody but us could have changed; of a mount's target, one in the task's own root if it has one.
    Trusted(String),
    /// A relative path in a tree a task may have filled with links: it never leads out of `within`.
    Beneath { within: String, path: String },
}

/// Whether later mounts on one side of a bind appear on the other.
#[wire::part]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagation {
    Private,
    HostToContainer,
    Both,
}

/// A limit of setrlimit(2).
#[wire::part]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rlimit {
    /// The kernel's number.
    pub resource: u32,
    /// `None` is no limit.
    pub soft: Option<u64>,
    pub hard: Option<u64>,
}

/// Sets of capabilities, a bit each.
#[wire::part]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    pub effective: u64,
    pub bounding: u64,
}

impl Isolation {
    /// Whether something is its own.
    pub fn has(&self, namespace: Namespace) -> bool {
        self.namespaces.contains(&namespace)
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Trusted(path) => f.write_str(path),
            Self::Beneath { within, path } => write!(f, "{within}/{path}"),
        }
    }
}
