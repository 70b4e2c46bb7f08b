//! The program `hectare-launch`, carried by this one and run from sealed memory.

use std::ffi::CStr;
use std::io;
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::sync::Arc;

use agent_linux::program::{Program, Started};

/// Built by `build.rs`.
static BYTES: &[u8] = include_bytes!(env!("HECTARE_LAUNCH"));

/// The sealed program; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Launcher(Arc<Program>);

impl Launcher {
    /// Seals the program once; `fallback` is used where memory cannot be executed.
    pub(crate) fn seal(fallback: &Path) -> io::Result<Self> {
        Ok(Self(Arc::new(Program::seal(c"hectare-launch", BYTES, fallback)?)))
    }

    /// Starts `hectare-launch supervise` in a session of its own.
    pub(crate) fn supervise(&self, handed: &[BorrowedFd<'_>]) -> io::Result<Started> {
        self.0.start(&[c"hectare-launch", c"supervise"], handed, None, true)
    }

    /// Starts a step of fetching, whose errors can be read from the other end of `errors`.
    pub(crate) fn fetch(
        &self,
        words: &[&CStr],
        handed: &[BorrowedFd<'_>],
        errors: BorrowedFd<'_>,
    ) -> io::Result<Started> {
        let mut argv = vec![c"hectare-launch"];
        argv.extend(words);
        self.0.start(&argv, handed, Some(errors), true)
    }
}
