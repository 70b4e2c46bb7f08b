//! A container's own directories.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::CgroupError;
use crate::controller::{Controller, Version};

/// How often a directory that is still busy is tried again: a process that was just killed may not be gone yet.
const ATTEMPTS: u32 = 200;

/// The directories of one container. Making this value touches nothing.
#[derive(Clone, Debug)]
pub struct Group {
    places: BTreeMap<Controller, (PathBuf, Version)>,
    tracking: (PathBuf, Version),
    /// `tasks` of directories that are another's.
    joined: Vec<PathBuf>,
}

impl Group {
    pub(crate) fn new(
        places: BTreeMap<Controller, (PathBuf, Version)>,
        tracking: (PathBuf, Version),
    ) -> Self {
        Self { places, tracking, joined: Vec::new() }
    }

    /// The same container, counted in the directories of `other` instead of its own.
    pub(crate) fn counted_with(mut self, other: &Self) -> Self {
        // On v2 it stays below `other`, and is counted there by that.
        let others = other
            .dirs()
            .into_iter()
            .filter(|(dir, version)| *version == Version::V1 && *dir != other.tracking.0.as_path());
        self.joined = others.map(|(dir, _)| dir.join("tasks")).collect();
        self.places.clear();
        self
    }

    /// Makes every directory. Those that are there already stay as they are.
    ///
    /// Errors: we may not; a parent that is not there.
    pub fn create(&self) -> Result<(), CgroupError> {
        for (dir, version) in self.dirs() {
            // Children lie in a directory of their own within their parent's.
            if let Some(above) = dir.parent().filter(|above| above.ends_with("mesos")) {
                create(above)?;
                if version == Version::V2 {
                    self.hand_down(above)?;
                }
            }
            create(dir)?;
            if version == Version::V2 {
                create(&dir.join("leaf"))?;
            }
        }
        match self.places.get(&Controller::Cpuset) {
            Some((dir, Version::V1)) => inherit_cpuset(dir),
            _ => Ok(()),
        }
    }

    /// On v2 what is counted in a child must be counted in its own right below the parent too: in `above`, which holds the
    /// parent's children, and in the parent itself.
    fn hand_down(&self, above: &Path) -> Result<(), CgroupError> {
        let v2 = self.places.iter().filter(|(_, (_, version))| *version == Version::V2);
        let names: BTreeSet<&str> = v2.filter_map(|(controller, _)| controller.v2_name()).collect();
        for dir in [above.parent(), Some(above)].into_iter().flatten() {
            enable(dir, &names)?;
        }
        Ok(())
    }

    /// The files a process of one thread writes `0` to to be in the container. On v1 one by which a thread enters is cheaper: the
    /// kernel need not keep all others from starting processes meanwhile.
    pub fn procs(&self) -> Vec<PathBuf> {
        self.dirs()
            .into_iter()
            .map(|(dir, version)| match version {
                Version::V1 => dir.join("tasks"),
                Version::V2 => dir.join("leaf/cgroup.procs"),
            })
            .chain(self.joined.iter().cloned())
            .collect()
    }

    /// Where all of the container's processes are found, those of its children included, and how that directory speaks.
    pub fn tracking(&self) -> (&Path, Version) {
        (&self.tracking.0, self.tracking.1)
    }

    /// The directory of one controller, if the container is in it.
    pub fn dir(&self, controller: Controller) -> Option<(&Path, Version)> {
        self.places.get(&controller).map(|(dir, version)| (dir.as_path(), *version))
    }

    /// Whether any of the directories is there.
    pub fn exists(&self) -> bool {
        self.dirs().into_keys().any(Path::exists)
    }

    /// Removes the directories, those of children first. Nothing must be alive in them; who is just dying is waited for.
    ///
    /// Blocks up to a second. Errors: something is alive in one.
    pub fn remove(&self) -> Result<(), CgroupError> {
        let mut failed = None;
        for dir in self.dirs().into_keys() {
            if let Err(error) = remove_tree(dir) {
                failed = Some(CgroupError::io("remove the cgroup", dir, error));
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Each directory once.
    fn dirs(&self) -> BTreeMap<&Path, Version> {
        let places = self.places.values().chain([&self.tracking]);
        places.map(|(dir, version)| (dir.as_path(), *version)).collect()
    }
}

/// Turns controllers on for what is below a directory of v2.
pub(crate) fn enable(dir: &Path, names: &BTreeSet<&str>) -> Result<(), CgroupError> {
    if names.is_empty() {
        return Ok(());
    }
    let file = dir.join("cgroup.subtree_control");
    let line: String = names.iter().map(|name| format!("+{name} ")).collect();
    fs::write(&file, line.trim_end()).map_err(|error| CgroupError::io("write", &file, error))
}

fn create(dir: &Path) -> Result<(), CgroupError> {
    match fs::create_dir(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(CgroupError::io("make the cgroup", dir, error))
        }
        _ => Ok(()),
    }
}

/// Files cannot be removed from a control group and vanish with it, so only directories are looked at.
fn remove_tree(dir: &Path) -> io::Result<()> {
    // Most have nothing but the one directory of v2, and the kernel refuses what it must not: looking costs more than trying.
    let gone = |dir: &Path| match fs::remove_dir(dir) {
        Err(error) => error.kind() == io::ErrorKind::NotFound,
        Ok(()) => true,
    };
    if gone(&dir.join("leaf")) && gone(dir) {
        return Ok(());
    }
    let mut below: BTreeSet<PathBuf> = BTreeSet::new();
    match fs::read_dir(dir) {
        Ok(entries) => {
            for entry in entries.flatten() {
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    below.insert(entry.path());
                }
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    }
    for dir in below {
        remove_tree(&dir)?;
    }
    for attempt in 0.. {
        match fs::remove_dir(dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy && attempt < ATTEMPTS => {
                thread::sleep(Duration::from_millis(5));
            }
            other => return other,
        }
    }
    Ok(())
}

/// A v1 cpuset is born empty, and nobody may enter an empty one: it gets what its parent has.
pub(crate) fn inherit_cpuset(dir: &Path) -> Result<(), CgroupError> {
    let Some(above) = dir.parent() else { return Ok(()) };
    for name in ["cpuset.cpus", "cpuset.mems"] {
        let (from, to) = (above.join(name), dir.join(name));
        let ours = fs::read_to_string(&to).map_err(|error| CgroupError::io("read", &to, error))?;
        if !ours.trim().is_empty() {
            continue;
        }
        let theirs = fs::read_to_string(&from).map_err(|error| CgroupError::io("read", &from, error))?;
        fs::write(&to, theirs.trim()).map_err(|error| CgroupError::io("write", &to, error))?;
    }
    Ok(())
}
