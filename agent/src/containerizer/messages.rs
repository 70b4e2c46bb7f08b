//! What a containerizer may be asked, and what it tells.
//!
//! ```text
//! agent                                   containerizer
//!   intent is on disk ── Launch ────────────► fetch, start a supervisor
//!   identity is on disk ◄─ Held{identity} ──  the task waits at the gate
//!                     ── Go ────────────────► exec
//!                     ◄─ Launched ──────────
//!                     ◄─ Terminated ────────  nothing of the container is left running
//!   the end is on disk ── Forget ───────────► the runtime directory goes
//! ```
//!
//! Every `Launch` is answered by exactly one `LaunchFailed` or `Terminated`, whatever crosses it on the way; so is
//! every container of a `Recover`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

pub use agent_cgroups::{CpuFigures, MemoryFigures};
pub use agent_launch::{Identity, KeptStdio};
use libprocess::Reply;
use model::container::Image;
use model::{ContainerId, ContainerInfo, Limit, Resources, Secret};

pub use crate::isolators::{Limitation, LimitationKind};
use crate::provisioner::Reference;

/// All that can arrive.
#[derive(Debug)]
pub enum Input {
    /// Starts a container: fetches, starts its supervisor, and holds the task at the gate until [`Input::Go`].
    ///
    /// The agent has written its intent down before.
    Launch {
        /// A name of its own; it becomes the name of a directory.
        id: ContainerId,
        /// What to run.
        config: Box<ContainerConfig>,
    },
    /// The agent has written the identity down: the task may leave the gate.
    Go {
        /// A container that was told as [`ContainerEvent::Held`].
        id: ContainerId,
    },
    /// Sends a signal to the first process of the container.
    Kill {
        /// Unknown ones are skipped.
        id: ContainerId,
        /// A number of signal(7).
        signal: i32,
    },
    /// Ends the container, at whatever point it is: every process of it is killed.
    Destroy {
        /// Unknown ones are skipped.
        id: ContainerId,
    },
    /// Finds the containers of an earlier agent; answered by [`ContainerEvent::Recovered`].
    Recover {
        /// Those the journal holds and no end of. Whatever else is found is an orphan, and destroyed.
        known: Vec<KnownContainer>,
    },
    /// The agent has written the end down: what is left in the runtime directory is no longer needed.
    Forget {
        /// A container whose end was told.
        id: ContainerId,
    },
    /// Gives a running container more or less: what it may use is read from `config`, the rest of which stays as it is.
    Update {
        /// Unknown ones are skipped, and those whose program does not run.
        id: ContainerId,
        /// What it may use from now on.
        config: Box<ContainerConfig>,
    },
    /// Asks what a container broke, from the kernel's own counters; one that broke something is destroyed for it.
    Limitation {
        /// An unknown one broke nothing.
        id: ContainerId,
        /// Where to answer.
        reply: Reply<Option<Limitation>>,
    },
    /// Asks what every running container uses.
    Usage {
        /// Where to answer.
        reply: Reply<BTreeMap<ContainerId, Usage>>,
    },
    /// Removes images no container uses, but those of these names.
    PruneImages {
        excluded: Vec<Reference>,
        /// Where to answer. Errors: in words.
        reply: Reply<Result<(), String>>,
    },
    /// What comes back from the containerizer's own work.
    Work(Work),
}

/// What comes back from the containerizer's own work; nobody else can make one.
#[derive(Debug)]
pub struct Work(pub(crate) super::native::Done);

/// What to run, and where.
#[derive(Clone, Debug)]
pub struct ContainerConfig {
    /// Its directory. Made if missing: 0750, owned by `user`.
    pub sandbox: PathBuf,
    /// What to execute: a path, or a name to be looked for in the environment's `PATH`.
    pub program: String,
    /// Its words, the first being the name it sees as its own.
    pub argv: Vec<String>,
    /// What it finds in its environment; nothing is inherited. A later value of a name wins.
    pub environment: Vec<(String, String)>,
    /// What its command asks for beside that: these win over its image's, which win over `environment`.
    pub variables: Vec<(String, String)>,
    /// Whom it runs as; the agent's own user if `None`.
    pub user: Option<String>,
    /// Where it starts; the sandbox if `None`.
    pub working_dir: Option<PathBuf>,
    /// What is fetched into the sandbox first.
    pub uris: Vec<model::Uri>,
    /// What its output is appended to; `stdout` in the sandbox if `None`.
    pub stdout: Option<PathBuf>,
    /// What its errors are appended to; `stderr` in the sandbox if `None`.
    pub stderr: Option<PathBuf>,
    /// How its supervisor keeps its input and output, so that others may attach; it writes its files itself if `None`.
    pub stdio: Option<KeptStdio>,
    /// What it may use.
    pub resources: Resources,
    /// What it may use for a while beyond that, by resource name.
    pub limits: BTreeMap<Arc<str>, Limit>,
    /// How it is to be set apart.
    pub container: Option<ContainerInfo>,
    /// Variables whose values must not be seen.
    pub secrets: Vec<(String, Secret)>,
    /// It is a look into the container around it, and shares all that one has.
    pub session: bool,
    /// Which container a session looks into, if not its parent.
    pub inside: Option<ContainerId>,
    /// Persistent volumes that it holds, wherever they are shown.
    pub held: Vec<Held>,
    /// Persistent volumes that are shown in its sandbox.
    pub shown: Vec<Shown>,
    /// Those shown in the sandbox of the container around it.
    pub above: Vec<Shown>,
}

/// A persistent volume, and how much may be in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// What it is called.
    pub id: Arc<str>,
    /// The volume itself.
    pub directory: PathBuf,
    /// Unit: bytes.
    pub size: u64,
}

/// A persistent volume in a sandbox: a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Relative to the sandbox.
    pub at: PathBuf,
    /// The volume itself.
    pub to: PathBuf,
}

impl ContainerConfig {
    /// A shell line in `sandbox`, with no environment, as the agent's own user.
    pub fn shell(sandbox: impl Into<PathBuf>, line: impl Into<String>) -> Self {
        Self {
            sandbox: sandbox.into(),
            program: "/bin/sh".into(),
            argv: vec!["sh".into(), "-c".into(), line.into()],
            environment: Vec::new(),
            variables: Vec::new(),
            user: None,
            working_dir: None,
            uris: Vec::new(),
            stdout: None,
            stderr: None,
            stdio: None,
            resources: Resources::default(),
            limits: BTreeMap::new(),
            container: None,
            secrets: Vec::new(),
            session: false,
            inside: None,
            held: Vec::new(),
            shown: Vec::new(),
            above: Vec::new(),
        }
    }

    /// What its root file system is to be made from.
    pub(crate) fn image(&self) -> Option<&Image> {
        self.container.as_ref()?.image()
    }
}

/// What an agent's journal says of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownContainer {
    /// Its name.
    pub id: ContainerId,
    /// Who it was; `None` if only the intent was written down.
    pub identity: Option<Identity>,
}

/// All that is told. Comes in the order in which it happened, per container.
#[derive(Clone, Debug, PartialEq)]
pub enum ContainerEvent {
    /// The task exists and waits at the gate for [`Input::Go`].
    Held {
        /// Whose.
        id: ContainerId,
        /// What to write down.
        identity: Identity,
    },
    /// The program runs.
    Launched {
        /// Whose.
        id: ContainerId,
        /// The number of its first process, for people to look at; nothing is signalled by it.
        pid: u32,
    },
    /// The program never ran and will not.
    LaunchFailed {
        /// Whose.
        id: ContainerId,
        /// Why.
        failure: LaunchFailure,
    },
    /// The program ran, and no process of the container is left.
    Terminated {
        /// Whose.
        id: ContainerId,
        /// How.
        termination: Termination,
    },
    /// A running container could not be given more or less.
    UpdateFailed {
        /// Whose.
        id: ContainerId,
        /// Why.
        message: String,
    },
    /// All that an earlier agent left was found; comes after the ends among it.
    Recovered {
        /// Those that run on, each to be told as `Terminated` one day.
        running: Vec<(ContainerId, Identity)>,
        /// Those nobody knew; they are being destroyed and nothing more is told of them.
        orphans: Vec<ContainerId>,
    },
}

/// Why a program never ran.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct LaunchFailure {
    /// How far it came.
    pub step: LaunchStep,
    /// One line for the user.
    pub message: String,
}

/// The steps of a launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaunchStep {
    /// Making the sandbox, looking up the user.
    Prepare,
    /// Having its image, and a root file system of it.
    Provision,
    /// Fetching URIs into the sandbox.
    Fetch,
    /// Starting the supervisor and the task's process.
    Start,
    /// Executing the program: it does not exist, may not be executed, …
    Exec,
    /// It was destroyed before it ran.
    Destroyed,
    /// The agent stopped before it ran.
    Interrupted,
}

/// How a container ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Termination {
    /// The raw wait status of the first process; `None` if it will never be known.
    pub status: Option<i32>,
    /// What the end came from.
    pub cause: Cause,
    /// One line for the user, as in `Command exited with status 1`.
    pub message: String,
    /// Unit: microseconds of processor time, in user mode and in the kernel; zero if not known.
    pub spent_micros: [u64; 2],
    /// Unit: bytes, the most that was resident in one process; zero if not known.
    pub peak_bytes: u64,
    /// What it broke, if it ended for that.
    pub limitation: Option<Limitation>,
}

/// What an end came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The first process ended by itself, or by a signal from wherever.
    Exited,
    /// [`Input::Destroy`] came first.
    Destroyed,
    /// The supervisor disappeared without leaving a record; whatever was left of the container is killed.
    SupervisorLost,
    /// The machine was started anew.
    Rebooted,
}

/// What a running container uses.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Usage {
    /// How many processes.
    pub processes: u64,
    /// How many threads.
    pub threads: u64,
    /// Unit: seconds of processor time in user mode, of those still alive.
    pub user_seconds: f64,
    /// Unit: seconds of processor time in the kernel, of those still alive.
    pub system_seconds: f64,
    /// Unit: bytes; shared pages are counted once per process, unless the kernel counts for us.
    pub resident_bytes: u64,
    /// The kernel's own count, which includes those that have ended.
    pub cpu: Option<CpuFigures>,
    /// Unit: cores; `None` is no limit.
    pub cpus_limit: Option<f64>,
    /// The kernel's own count.
    pub memory: Option<MemoryFigures>,
    /// How often there was low, medium and critical pressure on memory, where the kernel says so.
    pub memory_pressure: Option<[u64; 3]>,
    /// By disk.
    pub block_io: Vec<BlockIo>,
    /// Unit: bytes.
    pub disk_limit_bytes: Option<u64>,
    /// Unit: bytes, when it was last looked.
    pub disk_used_bytes: Option<u64>,
}

/// What a container reads from and writes to one disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BlockIo {
    /// Its major and minor number.
    pub device: (u32, u32),
    pub read_bytes: u64,
    pub written_bytes: u64,
    pub reads: u64,
    pub writes: u64,
}
