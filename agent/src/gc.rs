//! Sandboxes nobody uses are removed when they are old, the sooner the fuller the disk.
//!
//! Source: Mesos sandbox garbage collection. What counts is when a sandbox was last changed; nothing is remembered between looks, so
//! an agent that was away forgets none.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use agent_linux::tree;

/// What decides how old a sandbox may get.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy {
    pub delay: Duration,
    pub headroom: f64,
}

impl Policy {
    /// The age at which a sandbox goes, when this part of the disk is used.
    pub(crate) fn age_max(&self, used: f64) -> Duration {
        self.delay.mul_f64((1.0 - self.headroom - used).clamp(0.0, 1.0))
    }
}

/// What one look at the sandboxes came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Swept {
    /// How old one might get.
    pub age: Duration,
    pub removed: u64,
    /// Those that are old enough and could not be removed.
    pub failed: u64,
}

/// Removes every run below `agents` that is older than `age` and not in `kept`; directories that become empty on the
/// way up go too. Blocks.
///
pub(crate) fn sweep(agents: &Path, kept: &BTreeSet<PathBuf>, age: Duration, now: SystemTime) -> Swept {
    let mut swept = Swept { age, ..Swept::default() };
    for agent in directories(agents) {
        for framework in directories(&agent.join("frameworks")) {
            for executor in directories(&framework.join("executors")) {
                let runs = executor.join("runs");
                for run in directories(&runs) {
                    if kept.contains(&run) || !is_older(&run, age, now) {
                        continue;
                    }
                    *if remove(&run) { &mut swept.removed } else { &mut swept.failed } += 1;
                }
                if directories(&runs).is_empty() {
                    // Only the link to the last run is left.
                    let _ = std::fs::remove_file(runs.join("latest"));
                    climb(&runs, agents);
                }
            }
        }
    }
    swept
}

/// Real directories only: a link is never followed.
fn directories(path: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(path) else { return Vec::new() };
    entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect()
}

fn is_older(path: &Path, age: Duration, now: SystemTime) -> bool {
    let changed = std::fs::symlink_metadata(path).and_then(|metadata| metadata.modified());
    changed.is_ok_and(|changed| now.duration_since(changed).is_ok_and(|since| since >= age))
}

fn remove(path: &Path) -> bool {
    match tree::remove(path) {
        Ok(()) => {
            tracing::info!(sandbox = %path.display(), "old sandbox removed");
            true
        }
        Err(error) => {
            tracing::warn!(sandbox = %path.display(), %error, "old sandbox not removed");
            false
        }
    }
}

/// Removes empty directories from `path` upwards, as far as they are empty.
fn climb(path: &Path, top: &Path) {
    let mut here = Some(path);
    while let Some(path) = here.filter(|path| *path != top) {
        if std::fs::remove_dir(path).is_err() {
            return;
        }
        here = path.parent();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fuller_the_disk_the_sooner_a_sandbox_goes() {
        let policy = Policy { delay: Duration::from_secs(1000), headroom: 0.1 };
        assert_eq!(policy.age_max(0.0), Duration::from_secs(900));
        assert_eq!(policy.age_max(0.4), Duration::from_secs(500));
        assert_eq!(policy.age_max(0.95), Duration::ZERO);
    }

    #[test]
    fn an_old_run_goes_with_the_directories_it_leaves_empty() {
        let dir = tempfile::tempdir().unwrap();
        let agents = dir.path().join("slaves");
        let run = |executor: &str, run: &str| {
            let path = agents.join("S0/frameworks/f/executors").join(executor).join("runs").join(run);
            std::fs::create_dir_all(&path).unwrap();
            std::fs::write(path.join("stdout"), "x").unwrap();
            path
        };
        let (kept, old, other) = (run("e1", "c1"), run("e1", "c2"), run("e2", "c3"));
        std::os::unix::fs::symlink("c3", other.with_file_name("latest")).unwrap();
        let later = std::fs::metadata(&other).unwrap().modified().unwrap() + Duration::from_secs(10);

        assert_eq!(sweep(&agents, &BTreeSet::new(), Duration::from_secs(11), later).removed, 0);
        let swept = sweep(&agents, &BTreeSet::from([kept.clone()]), Duration::from_secs(10), later);
        assert_eq!((swept.removed, swept.failed), (2, 0));

        assert!(kept.exists() && !old.exists());
        assert!(!agents.join("S0/frameworks/f/executors/e2").exists());
    }
}
