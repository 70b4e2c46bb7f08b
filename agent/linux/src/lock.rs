//! A lock that lives as long as any copy of its descriptor: held by a supervisor, it says that the supervisor lives.

#![expect(
    unsafe_code,
    reason = "the safe wrapper unlocks when dropped, which would take the lock from who inherited it"
)]

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// A file locked through one open description. Dropping it closes this descriptor only: copies handed to another
/// process keep the lock.
#[derive(Debug)]
pub struct Lock(File);

impl Lock {
    /// Takes the lock of `path`, making the file if it is missing; `None` if somebody holds it.
    pub fn take(path: &Path) -> io::Result<Option<Self>> {
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path)?;
        Self::try_lock(file)
    }

    /// Whether somebody holds the lock of `path`; a file that does not exist is held by nobody.
    pub fn is_held(path: &Path) -> io::Result<bool> {
        match OpenOptions::new().write(true).open(path) {
            Ok(file) => Ok(Self::try_lock(file)?.is_none()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn try_lock(file: File) -> io::Result<Option<Self>> {
        // SAFETY: the descriptor is open; the call takes two integers.
        if unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) } == 0 {
            return Ok(Some(Self(file)));
        }
        match io::Error::last_os_error() {
            error if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            error => Err(error),
        }
    }
}

impl AsFd for Lock {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_passes_to_whoever_keeps_a_copy() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        assert!(!Lock::is_held(&path).unwrap());

        let lock = Lock::take(&path).unwrap().unwrap();
        let copy = lock.as_fd().try_clone_to_owned().unwrap();
        assert!(Lock::take(&path).unwrap().is_none());

        drop(lock);
        assert!(Lock::is_held(&path).unwrap());
        drop(copy);
        assert!(!Lock::is_held(&path).unwrap());
    }
}
