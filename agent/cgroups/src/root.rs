//! The one directory that is ours in every hierarchy.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::CgroupError;
use crate::controller::{Controller, Version};
use crate::group::{self, Group};
use crate::hierarchy::Hierarchies;

/// Where supervisors are kept; no container bears this name.
const SUPERVISOR: &str = "supervisor";

/// Names a container may not have directly below the root.
const TAKEN: [&str; 3] = [SUPERVISOR, "agent", "leaf"];

/// How often our directory is made, as long as another agent's end comes between.
const ATTEMPTS: usize = 10;

/// Our directory in every hierarchy that is used; containers are below it, and nothing of anybody else.
#[derive(Clone, Debug)]
pub struct Root {
    /// Relative to every mount, as in `mesos/1f2e3d4c`.
    name: PathBuf,
    /// What containers are put into, and where that is.
    places: BTreeMap<Controller, (PathBuf, Version)>,
    /// Where a container's processes are found and killed: the unified mount, or the freezer's.
    tracking: (PathBuf, Version),
    /// What was not there before, the outer before the inner.
    made: Vec<PathBuf>,
}

impl Root {
    /// Opens `name` for containers that need these controllers: makes what is missing, and on v2 turns them on below it.
    ///
    /// Errors: a controller the host does not have, or v2 does not hand down to `name`; we may not write.
    pub fn open(
        hierarchies: &Hierarchies,
        name: &Path,
        wanted: &BTreeSet<Controller>,
    ) -> Result<Self, CgroupError> {
        let mut places = BTreeMap::new();
        for controller in wanted {
            let (place, version) =
                hierarchies.place(*controller).ok_or(CgroupError::Missing(controller.name()))?;
            places.insert(*controller, (place.to_owned(), version));
        }
        let tracking = match hierarchies.unified() {
            Some(unified) => (unified.to_owned(), Version::V2),
            None => {
                let (place, version) =
                    hierarchies.place(Controller::Freezer).ok_or(CgroupError::NoTracking)?;
                (place.to_owned(), version)
            }
        };
        let mut root = Self { name: name.to_owned(), places, tracking, made: Vec::new() };
        let mut left = ATTEMPTS;
        while let Err(error) = root.make() {
            // What was made until it failed is of no use to anybody.
            root.remove();
            root.made.clear();
            left -= 1;
            // Else another agent that ended took a directory we share while there was nothing in it.
            if left == 0 || !error.says_gone() {
                return Err(error);
            }
        }
        Ok(root)
    }

    fn make(&mut self) -> Result<(), CgroupError> {
        let mounts: Vec<PathBuf> = self.mounts().into_iter().map(Path::to_owned).collect();
        for mount in &mounts {
            let mut dir = mount.to_owned();
            for part in self.name.components() {
                dir.push(part);
                if make(&dir)? {
                    self.made.push(dir.clone());
                }
                if self.has(mount, Controller::Cpuset, Version::V1) {
                    group::inherit_cpuset(&dir)?;
                }
            }
        }
        self.hand_down()?;
        let supervisors = self.tracking.0.join(&self.name).join(SUPERVISOR);
        make(&supervisors).map(drop)
    }

    /// v2 offers a controller below a directory only where each one above said so. From our topmost one on that is us;
    /// above it, whoever runs the machine.
    fn hand_down(&self) -> Result<(), CgroupError> {
        let names: BTreeSet<&str> = self
            .places
            .iter()
            .filter(|(_, (_, version))| *version == Version::V2)
            .filter_map(|(controller, _)| controller.v2_name())
            .collect();
        if names.is_empty() {
            return Ok(());
        }
        let mount = &self.tracking.0;
        let mut dir = mount.clone();
        for part in self.name.components() {
            let above = dir.clone();
            dir.push(part);
            let file = dir.join("cgroup.controllers");
            let offered = fs::read_to_string(&file).map_err(|error| CgroupError::io("read", &file, error))?;
            let lacking: Vec<&str> = names
                .iter()
                .copied()
                .filter(|name| !offered.split_whitespace().any(|offered| offered == *name))
                .collect();
            if !lacking.is_empty() {
                return Err(CgroupError::NotEnabled {
                    controllers: lacking.join(", "),
                    dir,
                    fix: above.join("cgroup.subtree_control"),
                });
            }
            group::enable(&dir, &names)?;
        }
        Ok(())
    }

    /// The group of the container at `path`: its own name, or its ancestors' and its own.
    ///
    /// Errors: a name that is none.
    pub fn group(&self, path: &[&str]) -> Result<Group, CgroupError> {
        let Some((first, below)) = path.split_first() else { return Err(CgroupError::Name(String::new())) };
        let bad = |name: &&str| name.is_empty() || name.starts_with('.') || name.contains(['/', '\0']);
        if let Some(name) = path.iter().find(|name| bad(name)).or(TAKEN.contains(first).then_some(first)) {
            return Err(CgroupError::Name((*name).to_owned()));
        }
        let mut relative = self.name.join(first);
        for part in below {
            relative.push("mesos");
            relative.push(part);
        }
        let places = self
            .places
            .iter()
            .map(|(controller, (mount, version))| (*controller, (mount.join(&relative), *version)))
            .collect();
        Ok(Group::new(places, (self.tracking.0.join(&relative), self.tracking.1)))
    }

    /// The group of a nested container that is counted with the first of its ancestors, and found and ended by itself.
    ///
    /// Errors: a name that is none.
    pub fn shared_group(&self, path: &[&str]) -> Result<Group, CgroupError> {
        let (own, top) = (self.group(path)?, self.group(&path[..1])?);
        Ok(own.counted_with(&top))
    }

    /// The file a supervisor writes `0` to, so that neither our end nor a restart of our service is its end.
    pub fn supervisors(&self) -> PathBuf {
        self.tracking.0.join(&self.name).join(SUPERVISOR).join("cgroup.procs")
    }

    /// Names of the containers that have a directory in any hierarchy, whoever made them.
    pub fn present(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for mount in self.mounts() {
            for entry in fs::read_dir(mount.join(&self.name)).into_iter().flatten().flatten() {
                let directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
                match entry.file_name().into_string() {
                    Ok(name) if directory && !TAKEN.contains(&name.as_str()) => drop(found.insert(name)),
                    _ => {}
                }
            }
        }
        found
    }

    /// Removes our own directory where nothing is in it, and those above it that were made for it.
    pub fn remove(&self) {
        let _ = fs::remove_dir(self.tracking.0.join(&self.name).join(SUPERVISOR));
        for mount in self.mounts() {
            // Somebody else's containers keep theirs: only what is empty can be removed.
            let _ = fs::remove_dir(mount.join(&self.name));
        }
        for dir in self.made.iter().rev() {
            let _ = fs::remove_dir(dir);
        }
    }

    /// Each mount once: controllers may share one.
    fn mounts(&self) -> BTreeSet<&Path> {
        let places = self.places.values().map(|(mount, _)| mount.as_path());
        places.chain([self.tracking.0.as_path()]).collect()
    }

    fn has(&self, mount: &Path, controller: Controller, version: Version) -> bool {
        self.places.get(&controller).is_some_and(|(place, speaks)| place == mount && *speaks == version)
    }
}

/// Whether it was not there before.
fn make(dir: &Path) -> Result<bool, CgroupError> {
    match fs::create_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(CgroupError::io("make the cgroup", dir, error)),
        Ok(()) => Ok(true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_ends_takes_nothing_from_who_begins() {
        let dir = tempfile::tempdir().unwrap();
        let table = ["freezer", "memory"].map(|controller| {
            let place = dir.path().join(controller);
            fs::create_dir(&place).unwrap();
            format!("30 20 0:26 / {} rw - cgroup cgroup rw,{controller}", place.display())
        });
        let hierarchies = Hierarchies::parse(&table.join("\n"), None, |_| String::new());
        let come_and_go = |name: &str| {
            let name = Path::new("mesos").join(name);
            for _ in 0..500 {
                let root = Root::open(&hierarchies, &name, &[Controller::Memory].into()).unwrap();
                assert!(dir.path().join("memory").join(&name).is_dir());
                root.remove();
            }
        };
        std::thread::scope(|scope| {
            scope.spawn(|| come_and_go("one"));
            scope.spawn(|| come_and_go("two"));
        });
    }
}
