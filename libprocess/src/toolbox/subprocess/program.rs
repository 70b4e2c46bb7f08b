//! What to start.

use std::ffi::OsString;
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A program with what it is given.
#[derive(Debug)]
pub struct Program {
    /// Looked for on `PATH` if it names no directory.
    pub path: PathBuf,
    pub args: Vec<OsString>,
    /// Variables beside those inherited.
    pub env: Vec<(OsString, OsString)>,
    /// Inherits no variables.
    pub env_clear: bool,
    /// Where it runs; here, if nothing is said.
    pub dir: Option<PathBuf>,
    pub stdin: Io,
    pub stdout: Io,
    pub stderr: Io,
    /// When it ends, so does what it left in its process group and session.
    pub ends_group: bool,
}

/// What a standard stream is.
#[derive(Debug, Default)]
pub enum Io {
    /// Empty to read, and swallows what is written.
    #[default]
    Null,
    /// Ours.
    Inherit,
    /// A pipe, whose other end the [`Subprocess`](super::Subprocess) has.
    Pipe,
    File(File),
}

impl Program {
    /// A program without arguments, whose streams are all [`Io::Null`].
    pub fn new(path: impl Into<PathBuf>) -> Program {
        Program {
            path: path.into(),
            args: Vec::new(),
            env: Vec::new(),
            env_clear: false,
            dir: None,
            stdin: Io::Null,
            stdout: Io::Null,
            stderr: Io::Null,
            ends_group: true,
        }
    }

    pub(super) fn command(self) -> Command {
        let mut command = Command::new(self.path);
        if self.env_clear {
            command.env_clear();
        }
        command.args(self.args).envs(self.env).process_group(0);
        command.stdin(self.stdin).stdout(self.stdout).stderr(self.stderr);
        if let Some(dir) = self.dir {
            command.current_dir(dir);
        }
        command
    }
}

impl From<Io> for Stdio {
    fn from(io: Io) -> Stdio {
        match io {
            Io::Null => Stdio::null(),
            Io::Inherit => Stdio::inherit(),
            Io::Pipe => Stdio::piped(),
            Io::File(file) => file.into(),
        }
    }
}
