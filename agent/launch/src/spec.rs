//! What is to be launched.

use libprocess_wire as wire;

use crate::isolation::{Isolation, Place};
use crate::sealed::Sealed;

/// Everything a supervisor needs to know; it reads no environment and no flag.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaunchSpec {
    /// Whose launch this is.
    pub container: String,
    /// Where lock, control socket and status record of this container are.
    pub runtime_dir: String,
    /// What to execute: a path, or a name to be looked for in the task's own `PATH`.
    pub program: String,
    /// Its words, the first being the name it sees as its own.
    pub argv: Vec<String>,
    /// Its whole environment; nothing is inherited.
    pub environment: Vec<(String, String)>,
    /// Where it starts.
    pub working_dir: String,
    /// Whom it runs as; unchanged if `None`.
    pub credentials: Option<Credentials>,
    /// The file its output is appended to, as whoever opens it sees it.
    pub stdout: Place,
    /// The file its errors are appended to, likewise.
    pub stderr: Place,
    /// Its supervisor keeps its input and output, so that others may attach; it writes its files itself if `None`.
    pub stdio: Option<KeptStdio>,
    /// What sets it apart.
    pub isolation: Isolation,
}

/// Input and output that pass through the supervisor.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptStdio {
    /// A terminal in place of pipes, so large.
    pub terminal: Option<Window>,
    /// Whether somebody may write to its input; it reads nothing otherwise. A terminal has one anyway.
    pub input: bool,
    /// Whether the output goes to the files too, and how long those may become.
    pub logged: Option<Rotation>,
    /// It lives for who is attached: its output waits for the first, and it is killed when the last leaves.
    pub session: bool,
}

/// How large a terminal is. Unit: characters.
#[wire::part]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// From top to bottom.
    pub rows: u16,
    /// From left to right.
    pub columns: u16,
}

/// When a file of output is set aside, and how many of those are kept.
#[wire::part]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// Unit: bytes. Zero never sets one aside.
    pub bytes_max: u64,
    /// Older ones, beside the one that is written: `stdout.1` is the last that was set aside.
    pub kept_max: u32,
}

/// Whom a task runs as. Looked up by the agent: a static binary cannot ask the name service.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The user.
    pub uid: u32,
    /// Their first group.
    pub gid: u32,
    /// All their groups.
    pub groups: Vec<u32>,
}

impl Sealed for LaunchSpec {
    const MAGIC: [u8; 4] = *b"HLsp";
    const VERSION: u16 = 4;
}
