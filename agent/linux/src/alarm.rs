//! Being told by the kernel that memory ran out in a control group of v1.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::path::Path;

use nix::sys::eventfd::{EfdFlags, EventFd};

/// Becomes readable each time a process had to be killed, or would have had to be.
#[derive(Debug)]
pub struct OomAlarm(EventFd);

impl OomAlarm {
    /// Sets it for the memory group at `dir`; taken back when this is dropped.
    pub fn set(dir: &Path) -> io::Result<Self> {
        let alarm = EventFd::from_flags(EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC)?;
        let control = File::open(dir.join("memory.oom_control"))?;
        let line = format!("{} {}", alarm.as_fd().as_raw_fd(), control.as_raw_fd());
        fs::write(dir.join("cgroup.event_control"), line)?;
        Ok(Self(alarm))
    }

    /// Forgets what has rung so far.
    pub fn clear(&self) {
        let _ = self.0.read();
    }
}

impl AsFd for OomAlarm {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for OomAlarm {
    fn as_raw_fd(&self) -> std::os::fd::RawFd {
        self.0.as_fd().as_raw_fd()
    }
}
