//! What is to be launched.

use libprocess_wire as wire;

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
    /// The file its output is appended to.
    pub stdout: String,
    /// The file its errors are appended to.
    pub stderr: String,
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
    const VERSION: u16 = 1;
}
