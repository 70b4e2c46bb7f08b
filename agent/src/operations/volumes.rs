//! Where persistent volumes are on disk, and where tasks see them.
//!
//! ```text
//! <work_dir>/volumes/roles/<role>/<id>     the volume
//! <sandbox>/<container_path> -> the volume
//! ```

use std::io;
use std::os::unix::fs::chown;
use std::path::{Component, Path, PathBuf};

use agent_linux::beneath::Directory;
use model::{DiskKind, Resource, Resources};

use crate::layout::Layout;

/// A volume as tasks see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    /// Relative to the sandbox.
    pub at: PathBuf,
    /// The volume itself.
    pub to: PathBuf,
    /// Several users may be in it: it stays its maker's.
    pub shared: bool,
}

/// Where a volume is; `None` for what is no volume.
///
/// A disk that is a file system of its own is the volume as a whole.
pub(crate) fn place(layout: &Layout, resource: &Resource) -> Option<PathBuf> {
    let disk = resource.disk.as_deref()?;
    let persistence = disk.persistence.as_ref()?;
    let role = resource.reserved_to()?;
    let root =
        disk.source.as_ref().and_then(|source| Some((source.kind, PathBuf::from(source.root.as_ref()?))));
    match root {
        Some((DiskKind::Mount, root)) => Some(root),
        Some((_, root)) => Some(layout.volume(&root, role, &persistence.id)),
        None => Some(layout.volume(layout.work_dir(), role, &persistence.id)),
    }
}

/// The volumes among these resources, and where in a sandbox they belong. One whose place would lie outside is left out.
pub(crate) fn links(layout: &Layout, resources: &Resources) -> Vec<Link> {
    let link = |resource: &Resource| {
        let at = PathBuf::from(&resource.disk.as_deref()?.volume.as_ref()?.container_path);
        let inside = at.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        let to = place(layout, resource)?;
        (inside && at.file_name().is_some()).then_some(Link { at, to, shared: resource.shared })
    };
    resources.iter().filter_map(link).collect()
}

/// Makes a volume's directory. A fresh one is empty, whatever an earlier one of its name left.
pub(crate) fn make(place: &Path, fresh: bool) -> io::Result<()> {
    std::fs::create_dir_all(place)?;
    if fresh && std::fs::read_dir(place)?.next().is_some() {
        remove(&set_aside(place)?)?;
    }
    std::fs::create_dir_all(place)
}

/// Takes what is in a volume out of the way at once, so that removing it can take its time; tells where it is now.
///
/// What is a file system of its own cannot be moved, so its content is.
pub(crate) fn set_aside(place: &Path) -> io::Result<PathBuf> {
    let aside = place.with_file_name(format!(".destroyed-{}", uuid::Uuid::new_v4()));
    match std::fs::rename(place, &aside) {
        Ok(()) => return Ok(aside),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(aside),
        Err(_) => {}
    }
    let aside = place.join(aside.file_name().unwrap_or_default());
    std::fs::create_dir(&aside)?;
    for entry in std::fs::read_dir(place)? {
        let entry = entry?;
        if entry.path() != aside {
            std::fs::rename(entry.path(), aside.join(entry.file_name()))?;
        }
    }
    Ok(aside)
}

/// Removes what was set aside.
pub(crate) fn remove(aside: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Shows volumes in a sandbox, to a user who may then write to them.
pub(crate) fn show(sandbox: &Path, links: &[Link], user: Option<&str>) -> io::Result<()> {
    let owner = match user {
        Some(user) if agent_linux::user::effective() == 0 => agent_linux::user::find(user)?,
        _ => None,
    };
    // The sandbox is the task's, who may have led any name in it anywhere.
    let sandbox = Directory::open(sandbox)?;
    for Link { at, to, shared } in links {
        std::fs::create_dir_all(to)?;
        if let (Some(owner), false) = (&owner, shared) {
            chown(to, Some(owner.uid), Some(owner.gid))?;
        }
        sandbox.create_link(at, to)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::volume;

    #[test]
    fn a_volume_outlives_its_links_until_it_is_removed() {
        let dir = std::env::temp_dir().join(format!("volumes-{}", uuid::Uuid::new_v4()));
        let layout = Layout::new(dir.clone());
        let links = links(&layout, &volume("v", 64));
        let place = dir.join("volumes/roles/web/v");
        assert_eq!(links, [Link { at: "data".into(), to: place.clone(), shared: false }]);

        make(&place, true).unwrap();
        for sandbox in ["one", "two"] {
            let sandbox = dir.join(sandbox);
            std::fs::create_dir_all(&sandbox).unwrap();
            show(&sandbox, &links, None).unwrap();
            show(&sandbox, &links, None).unwrap();
        }
        std::fs::write(dir.join("one/data/file"), "x").unwrap();
        assert_eq!(std::fs::read_to_string(dir.join("two/data/file")).unwrap(), "x");
        make(&place, false).unwrap();
        assert!(place.join("file").exists());
        make(&place, true).unwrap();
        assert!(!place.join("file").exists());
        remove(&set_aside(&place).unwrap()).unwrap();
        assert!(!place.exists());
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn a_volume_does_not_appear_outside_a_sandbox() {
        let layout = Layout::new("/w".into());
        for path in ["/etc", "../x", "a/../../x", ""] {
            let escaping = volume("v", 64).map(|resource| {
                let mut disk = model::Disk::clone(resource.disk.as_ref().unwrap());
                disk.volume.as_mut().unwrap().container_path = path.to_owned();
                resource.disk = Some(disk.into());
            });
            assert_eq!(links(&layout, &escaping), [], "{path}");
        }
    }
}
