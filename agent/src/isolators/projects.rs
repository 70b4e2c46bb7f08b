//! `disk/xfs`: what a container writes is counted by the kernel, and held to what it was given.
//!
//! Every sandbox bears a number of its own, its project's, and so does all that is made in it; the file system counts by
//! number. A number is free again once the sandbox that bore it is removed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use agent_launch::isolation::Content;
use agent_linux::quota::{self, ProjectQuotas};
use model::{ContainerId, Ranges};

use super::config::IsolationConfig;
use super::disk::{exceeded, quota};
use super::isolator::{Isolator, Limitation, Plan, Subject};
use crate::containerizer::{ContainerConfig, Usage};

/// Holds containers to their quotas by the numbers of projects.
#[derive(Debug)]
pub(super) struct Projects {
    quotas: ProjectQuotas,
    /// Numbers that may be given.
    range: Ranges,
    enforce: bool,
    /// Who exceeds a quota ends, rather than being told that the disk is full; how far beyond it they come until that is
    /// noticed. Unit: bytes.
    headroom: Option<u64>,
    interval: Duration,
    given: Mutex<Given>,
}

/// Which numbers are whose.
#[derive(Debug, Default)]
struct Given {
    /// By container; the outermost one, since those within it write to its sandbox.
    of: BTreeMap<ContainerId, u32>,
    /// What bears each number: it is taken for as long as this is there.
    sandboxes: BTreeMap<u32, PathBuf>,
}

impl Projects {
    /// Errors: the work directory does not lie on an XFS file system that holds projects to quotas.
    pub(super) fn new(config: &IsolationConfig) -> Result<Self, String> {
        let quotas = ProjectQuotas::of(&config.work_dir).map_err(|why| {
            format!("the work directory {} cannot be had: {why}", config.work_dir.display())
        })?;
        let range = config.xfs_project_range.clone();
        if range.is_empty() || range.numbers().next() == Some(0) {
            return Err(
                "--xfs_project_range is empty, or holds 0, which is the number of no project".to_owned()
            );
        }
        let given = Given::found(&config.work_dir, &range);
        Ok(Self {
            quotas,
            range,
            enforce: config.enforce_disk_quota,
            headroom: config.xfs_kill_containers.then_some(config.xfs_quota_headroom),
            interval: config.disk_watch_interval,
            given: Mutex::new(given),
        })
    }

    fn number_of(&self, id: &ContainerId) -> Option<u32> {
        self.given.lock().ok()?.of.get(&id.root()).copied()
    }

    fn limit(&self, number: u32, config: &ContainerConfig) -> Result<(), String> {
        let soft = quota(config).filter(|_| self.enforce);
        let hard = soft.map(|soft| soft.saturating_add(self.headroom.unwrap_or(0)));
        self.quotas.limit(number, soft, hard).map_err(|error| format!("failed to set its quota: {error}"))
    }
}

impl Isolator for Projects {
    fn name(&self) -> &'static str {
        "disk/xfs"
    }

    fn prepare(&self, subject: &Subject<'_>, _: &mut Plan) -> Result<(), String> {
        let failed = |error| format!("failed to give it its project's number: {error}");
        let number = if subject.id.parent().is_none() {
            let sandbox = &subject.config.sandbox;
            let mut given = self.given.lock().map_err(|_| "its numbers are lost".to_owned())?;
            let number = given.take(&self.range, subject.id, sandbox).ok_or_else(|| {
                format!("all {} projects of --xfs_project_range are taken", self.range.count())
            })?;
            drop(given);
            // The limit first: what was fetched counts too.
            self.limit(number, subject.config)?;
            quota::set_project(sandbox, number).map_err(failed)?;
            Some(number)
        } else {
            self.number_of(subject.id)
        };
        // What is written over an image counts for the outermost one. Both bear the number, or nothing could be moved from
        // one to the other.
        let image = subject.image.filter(|image| !image.shared).map(|image| &image.root.content);
        if let (Some(Content::Overlay { upper, work, .. }), Some(number)) = (image, number) {
            for dir in [upper, work] {
                quota::set_project(Path::new(dir), number).map_err(failed)?;
            }
        }
        Ok(())
    }

    fn update(&self, id: &ContainerId, config: &ContainerConfig) -> Result<(), String> {
        match self.number_of(id) {
            Some(number) if id.parent().is_none() => self.limit(number, config),
            _ => Ok(()),
        }
    }

    fn usage(&self, id: &ContainerId, usage: &mut Usage) {
        let number = self.number_of(id).filter(|_| id.parent().is_none());
        let Some(found) = number.and_then(|number| self.quotas.usage(number).ok()) else { return };
        usage.disk_limit_bytes = found.soft;
        usage.disk_used_bytes = Some(found.used);
    }

    fn limitation(&self, id: &ContainerId) -> Option<Limitation> {
        self.headroom?;
        let number = self.number_of(id).filter(|_| id.parent().is_none())?;
        let found = self.quotas.usage(number).ok()?;
        let quota = found.soft.filter(|soft| found.used > *soft)?;
        Some(exceeded(found.used, quota))
    }

    fn period(&self) -> Option<Duration> {
        // Who is only told that the disk is full needs no looking after.
        self.headroom.map(|_| self.interval.max(Duration::from_millis(10)))
    }

    fn cleanup(&self, id: &ContainerId) -> Result<(), String> {
        if let Ok(mut given) = self.given.lock() {
            given.of.remove(id);
        }
        Ok(())
    }
}

impl Given {
    /// What sandboxes of an earlier agent bear.
    fn found(work_dir: &Path, range: &Ranges) -> Self {
        let mut given = Self::default();
        let runs = ["slaves", "*", "frameworks", "*", "executors", "*", "runs", "*"];
        for sandbox in matching(work_dir, &runs).into_iter().chain(matching(work_dir, &["containers", "*"])) {
            let Ok(number) = quota::project(&sandbox) else { continue };
            let Some(name) = sandbox.file_name().and_then(|name| name.to_str()) else { continue };
            if number == 0 || !range.iter().any(|range| (range.begin..=range.end).contains(&number.into())) {
                continue;
            }
            given.of.insert(ContainerId::new(name), number);
            given.sandboxes.insert(number, sandbox);
        }
        given
    }

    /// A number nobody has, for a sandbox; that of a removed one if there is no other.
    fn take(&mut self, range: &Ranges, id: &ContainerId, sandbox: &Path) -> Option<u32> {
        let free = |taken: &BTreeMap<u32, PathBuf>| {
            range
                .numbers()
                .map_while(|number| u32::try_from(number).ok())
                .find(|number| !taken.contains_key(number))
        };
        let number = free(&self.sandboxes).or_else(|| {
            self.sandboxes.retain(|_, sandbox| sandbox.exists());
            free(&self.sandboxes)
        })?;
        self.sandboxes.insert(number, sandbox.to_owned());
        self.of.insert(id.clone(), number);
        Some(number)
    }
}

/// Directories below `root` whose names are these, `*` being any. Links are not followed.
fn matching(root: &Path, names: &[&str]) -> Vec<PathBuf> {
    names.iter().fold(vec![root.to_owned()], |dirs, name| {
        let below = |dir: PathBuf| -> Vec<PathBuf> {
            match *name {
                "*" => fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).collect(),
                name => vec![dir.join(name)],
            }
        };
        let plain = |dir: &PathBuf| fs::symlink_metadata(dir).is_ok_and(|found| found.is_dir());
        dirs.into_iter().flat_map(below).filter(plain).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_free_again_when_what_bore_it_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let range: Ranges = "[7-8]".parse().unwrap();
        let mut given = Given::default();
        let mut take = |name: &str| {
            let sandbox = dir.path().join(name);
            fs::create_dir(&sandbox).unwrap();
            given.take(&range, &ContainerId::new(name), &sandbox)
        };
        assert_eq!([take("a"), take("b"), take("c")], [Some(7), Some(8), None]);
        fs::remove_dir(dir.path().join("a")).unwrap();
        assert_eq!(take("d"), Some(7));
    }

    #[test]
    fn sandboxes_are_where_names_lead_and_no_link_is_followed() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("containers/one")).unwrap();
        fs::write(dir.path().join("containers/file"), "").unwrap();
        std::os::unix::fs::symlink("one", dir.path().join("containers/latest")).unwrap();
        assert_eq!(matching(dir.path(), &["containers", "*"]), [dir.path().join("containers/one")]);
        assert_eq!(matching(dir.path(), &["slaves", "*"]), Vec::<PathBuf>::new());
    }
}
