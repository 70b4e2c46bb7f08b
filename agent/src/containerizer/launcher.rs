//! The program `hectare-launch`, carried by this one and run from sealed memory.

use std::ffi::CStr;
use std::io;
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::sync::Arc;

use agent_launch::nursery::{BirthError, Nursery};
use agent_linux::program::{Program, Started};
use parking_lot::Mutex;

/// Built by `build.rs`.
static BYTES: &[u8] = include_bytes!(env!("HECTARE_LAUNCH"));

/// The sealed program, and one of it that makes supervisors. Clones share both.
#[derive(Clone, Debug)]
pub(crate) struct Launcher(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    program: Program,
    /// Once there is something to supervise.
    nursery: Mutex<Option<Nursery>>,
}

impl Launcher {
    /// Seals the program once; `fallback` is used where memory cannot be executed.
    pub(crate) fn seal(fallback: &Path) -> io::Result<Self> {
        let program = Program::seal(c"hectare-launch", BYTES, fallback)?;
        Ok(Self(Arc::new(Inner { program, nursery: Mutex::default() })))
    }

    /// Starts a supervisor, handed its lock, its description and its channel, in the group one enters by the file `group`.
    pub(crate) fn supervise(&self, handed: &[BorrowedFd<'_>; 3], group: Option<&str>) -> io::Result<Started> {
        let mut nursery = self.0.nursery.lock();
        // What fails is not asked again: the next supervisor is another's.
        if let Some(there) = nursery.take() {
            match there.bear(handed, group) {
                Ok(started) => {
                    *nursery = Some(there);
                    return Ok(started);
                }
                Err(BirthError::Ended) => tracing::warn!("what makes supervisors was ended; it begins anew"),
                Err(BirthError::Failed(error)) => return Err(error),
            }
        }
        let fresh = Nursery::begin(&self.0.program)?;
        let started = fresh.bear(handed, group).map_err(io::Error::other)?;
        *nursery = Some(fresh);
        Ok(started)
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
        self.0.program.start(&argv, handed, Some(errors), true)
    }
}
