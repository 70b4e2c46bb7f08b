//! How hard it is for the kernel to find memory for a control group of v1.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use nix::sys::eventfd::{EfdFlags, EventFd};

/// The kernel's names of how hard it is.
const LEVELS: [&str; 3] = ["low", "medium", "critical"];

/// Counts from its beginning: each level by itself.
#[derive(Debug)]
pub struct Pressure([(EventFd, AtomicU64); 3]);

impl Pressure {
    /// Begins to count for the memory group at `dir`; the kernel stops when this is dropped.
    pub fn watch(dir: &Path) -> io::Result<Self> {
        let levels = File::open(dir.join("memory.pressure_level"))?;
        let [low, medium, critical] = LEVELS.map(|level| listener(dir, &levels, level));
        Ok(Self([(low?, AtomicU64::new(0)), (medium?, AtomicU64::new(0)), (critical?, AtomicU64::new(0))]))
    }

    /// How often there was low, medium and critical pressure.
    pub fn counts(&self) -> [u64; 3] {
        let [low, medium, critical] = &self.0;
        [low, medium, critical].map(|(events, counted)| {
            // What is read is gone from the kernel's counter; there is nothing to read while it is zero.
            let new = events.read().unwrap_or(0);
            counted.fetch_add(new, Ordering::Relaxed) + new
        })
    }
}

fn listener(dir: &Path, levels: &File, level: &str) -> io::Result<EventFd> {
    let events = EventFd::from_flags(EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC)?;
    let line = format!("{} {} {level}", events.as_fd().as_raw_fd(), levels.as_raw_fd());
    fs::write(dir.join("cgroup.event_control"), line)?;
    Ok(events)
}
