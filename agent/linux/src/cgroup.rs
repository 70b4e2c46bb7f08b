//! Ending everything in a control group, whoever its parents are.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::pidfd::Pidfd;

/// How often a group is looked at again before whoever is in it counts as unkillable.
const ROUNDS: u32 = 2000;

/// A group all of whose processes can be found and ended, those of groups below it included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    dir: PathBuf,
    /// It is a directory of v1's freezer, not of v2.
    freezer: bool,
}

impl Tree {
    /// The group at `dir`. `freezer`: of v1's freezer hierarchy.
    pub fn new(dir: impl Into<PathBuf>, freezer: bool) -> Self {
        Self { dir: dir.into(), freezer }
    }

    /// Sends SIGKILL to all of them, frozen or not. Nothing is left frozen, whatever happens here.
    ///
    /// A group that is gone has nobody in it.
    pub fn kill(&self) -> io::Result<()> {
        let killed = if self.freezer {
            self.kill_frozen("freezer.state", "FROZEN", "THAWED")
        } else {
            match fs::write(self.dir.join("cgroup.kill"), "1") {
                // Before Linux 5.14.
                Err(error) if error.kind() == io::ErrorKind::NotFound && self.dir.exists() => {
                    self.kill_frozen("cgroup.freeze", "1", "0")
                }
                other => other,
            }
        };
        match killed {
            Err(error) if error.kind() == io::ErrorKind::NotFound && !self.dir.exists() => Ok(()),
            other => other,
        }
    }

    /// Kills until nobody is left.
    ///
    /// Blocks. Errors: somebody is still there after many rounds (they hang in the kernel).
    pub fn end(&self) -> io::Result<()> {
        for round in 0..ROUNDS {
            if self.is_empty()? {
                return Ok(());
            }
            self.kill()?;
            // Dying takes a moment; the first looks are close together.
            thread::sleep(Duration::from_micros(if round < 20 { 200 } else { 5000 }));
        }
        Err(io::Error::new(io::ErrorKind::TimedOut, format!("{} does not become empty", self.dir.display())))
    }

    /// Whether nobody is in it, nor below it.
    pub fn is_empty(&self) -> io::Result<bool> {
        if !self.freezer {
            return match fs::read_to_string(self.dir.join("cgroup.events")) {
                Ok(events) => Ok(events.lines().any(|line| line == "populated 0")),
                Err(error) if gone(&error) => Ok(true),
                Err(error) => Err(error),
            };
        }
        Ok(self.pids()?.is_empty())
    }

    /// Whoever is in it and below it, of our own pid namespace.
    pub fn pids(&self) -> io::Result<Vec<u32>> {
        let mut found = Vec::new();
        gather(&self.dir, &mut found)?;
        Ok(found)
    }

    /// Stops all, so that nobody forks while they are killed, and lets them go again: a SIGKILL is acted on only then.
    fn kill_frozen(&self, file: &str, freeze: &str, thaw: &str) -> io::Result<()> {
        struct Thaw<'a>(PathBuf, &'a str);
        impl Drop for Thaw<'_> {
            fn drop(&mut self) {
                // A group that is gone is not frozen.
                let _ = fs::write(&self.0, self.1);
            }
        }
        let file = self.dir.join(file);
        let _thaw = Thaw(file.clone(), thaw);
        fs::write(&file, freeze)?;
        for pid in self.pids()? {
            // Frozen, they cannot end by themselves, so the number is still theirs.
            if let Ok(pidfd) = Pidfd::open(pid) {
                let _ = pidfd.signal(libc::SIGKILL);
            }
        }
        Ok(())
    }
}

fn gather(dir: &Path, found: &mut Vec<u32>) -> io::Result<()> {
    match fs::read_to_string(dir.join("cgroup.procs")) {
        Ok(text) => {
            found.extend(text.lines().filter_map(|line| line.parse::<u32>().ok()).filter(|pid| *pid > 0))
        }
        Err(error) if gone(&error) => return Ok(()),
        Err(error) => return Err(error),
    }
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            gather(&entry.path(), found)?;
        }
    }
    Ok(())
}

/// A group that was removed under our feet.
fn gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ENODEV)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_that_is_gone_is_empty_and_killing_it_is_fine() {
        let dir = tempfile::tempdir().unwrap();
        for freezer in [false, true] {
            let tree = Tree::new(dir.path().join("gone"), freezer);
            assert!(tree.is_empty().unwrap());
            tree.end().unwrap();
        }
    }
}
