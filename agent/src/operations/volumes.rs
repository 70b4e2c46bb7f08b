//! Where persistent volumes are on disk, and where tasks see them.
//!
//! ```text
//! <work_dir>/volumes/roles/<role>/<id>     the volume
//! <work_dir>/volumes/.destroyed/           what is left of those that were destroyed
//! <sandbox>/<container_path> -> the volume
//! ```

use std::collections::BTreeSet;
use std::io;
use std::os::unix::fs::chown;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use agent_linux::beneath::Directory;
use model::{DiskKind, Resource, Resources};

use crate::containerizer::{Held, Shown};
use crate::layout::Layout;

/// Where what a task says is kept.
const LOGS: [&str; 2] = ["stdout", "stderr"];

/// The longest name a file may have. Unit: bytes.
const NAME_MAX: usize = 255;

/// The name of the directory in which what was destroyed waits for its removal.
pub(super) const BIN: &str = ".destroyed";

/// A volume on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// What the volume is called.
    pub id: Arc<str>,
    pub directory: PathBuf,
    /// Where what was in it is moved when it is destroyed: on the same file system.
    pub bin: PathBuf,
}

/// A volume as tasks see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    /// What the volume is called.
    pub id: Arc<str>,
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
fn place(layout: &Layout, resource: &Resource) -> Option<Place> {
    let disk = resource.disk.as_deref()?;
    let id = Arc::clone(&disk.persistence.as_ref()?.id);
    let role = resource.reserved_to()?;
    let root = disk.source.as_ref().and_then(|source| Some((source.kind, Path::new(source.root.as_ref()?))));
    let (directory, within) = match root {
        Some((DiskKind::Mount, root)) => (root.to_owned(), root.to_owned()),
        _ => {
            let root = root.map_or(layout.work_dir(), |(_, root)| root);
            (layout.volume(root, role, &id), layout.volumes(root))
        }
    };
    Some(Place { id, directory, bin: within.join(BIN) })
}

/// Where the volumes among these resources are.
pub(crate) fn places(layout: &Layout, resources: &Resources) -> Vec<Place> {
    resources.iter().filter_map(|resource| place(layout, resource)).collect()
}

/// Wherever there may be something left of volumes that were destroyed.
pub(crate) fn bins(layout: &Layout, resources: &Resources) -> BTreeSet<PathBuf> {
    let disks = resources.iter().filter_map(|resource| resource.disk.as_deref()?.source.as_ref());
    let of_disks = disks.filter_map(|disk| {
        let root = Path::new(disk.root.as_ref()?);
        Some(if disk.kind == DiskKind::Mount { root.to_owned() } else { layout.volumes(root) })
    });
    let within = of_disks.chain([layout.volumes(layout.work_dir())]);
    within.map(|within| within.join(BIN)).collect()
}

/// The volumes among these resources, and where in a sandbox they are asked for; [`check`] tells whether that can be had.
pub(crate) fn links(layout: &Layout, resources: &Resources) -> Vec<Link> {
    let link = |resource: &Resource| {
        let disk = resource.disk.as_deref()?;
        let path = Path::new(&disk.volume.as_ref()?.container_path);
        let at = path.components().filter(|part| *part != Component::CurDir).collect();
        let id = Arc::clone(&disk.persistence.as_ref()?.id);
        Some(Link { id, at, to: place(layout, resource)?.directory, shared: resource.shared })
    };
    resources.iter().filter_map(link).collect()
}

/// The same, as the containerizer knows it.
pub(crate) fn shown(layout: &Layout, resources: &Resources) -> Vec<Shown> {
    links(layout, resources).into_iter().map(|Link { at, to, .. }| Shown { at, to }).collect()
}

/// The volumes among these resources, as the containerizer measures them.
pub(crate) fn held(layout: &Layout, resources: &Resources) -> Vec<Held> {
    let one = |resource: &Resource| {
        let Place { id, directory, .. } = place(layout, resource)?;
        let thousandths = resource.value.quantity().thousandths().max(0);
        Some(Held { id, directory, size: (thousandths as u128 * (1 << 20) / 1000) as u64 })
    };
    resources.iter().filter_map(one).collect()
}

/// Whether each of these can have its place in one sandbox.
///
/// Errors: one cannot, since it would lie outside, is no name of a file, or another is in its way; for the user.
pub(crate) fn check(links: &[Link]) -> Result<(), String> {
    for (n, link) in links.iter().enumerate() {
        nameable(&link.at).map_err(|why| link.hidden(why))?;
        let overlaps = |other: &&Link| {
            let same = other.at == link.at && other.to == link.to;
            !same && (other.at.starts_with(&link.at) || link.at.starts_with(&other.at))
        };
        if let Some(other) = links[..n].iter().find(overlaps) {
            return Err(link.hidden(format!("volume '{}' is to be at '{}'", other.id, spelled(&other.at))));
        }
    }
    Ok(())
}

impl Link {
    /// Why it cannot be seen, for the user.
    fn hidden(&self, why: impl std::fmt::Display) -> String {
        format!("Volume '{}' cannot be shown at '{}': {why}", self.id, spelled(&self.at))
    }
}

fn nameable(at: &Path) -> Result<(), &'static str> {
    if at.as_os_str().is_empty() {
        return Err("this is the sandbox itself");
    }
    if LOGS.iter().any(|log| at.starts_with(log)) {
        return Err("this is where the task's output is kept");
    }
    for part in at.components() {
        let Component::Normal(name) = part else { return Err("this is not inside the sandbox") };
        if name.len() > NAME_MAX {
            return Err("the name is too long");
        }
        if name.as_encoded_bytes().contains(&0) {
            return Err("the name holds a zero byte");
        }
    }
    Ok(())
}

/// Fit for a message of one line.
fn spelled(at: &Path) -> String {
    at.to_string_lossy().escape_debug().to_string()
}

/// Shows volumes in a sandbox, to a user who may then write to them.
///
/// Errors: one of them is not shown, and why; for the user.
pub(crate) fn show(sandbox: &Path, links: &[Link], user: Option<&str>) -> Result<(), String> {
    check(links)?;
    links.iter().try_for_each(|link| show_one(sandbox, link, user).map_err(|error| link.hidden(error)))
}

fn show_one(sandbox: &Path, Link { at, to, shared, .. }: &Link, user: Option<&str>) -> io::Result<()> {
    let owner = match user {
        Some(user) if !shared && agent_linux::user::effective() == 0 => agent_linux::user::find(user)?,
        _ => None,
    };
    std::fs::create_dir_all(to)?;
    if let Some(owner) = owner {
        chown(to, Some(owner.uid), Some(owner.gid))?;
    }
    // The sandbox is the task's, who may have led any name in it anywhere.
    Directory::open(sandbox)?.create_link(at, to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{volume, volumes_at};

    #[test]
    fn a_volume_is_one_in_all_sandboxes() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path().to_owned());
        let links = links(&layout, &volume("v", 64));
        let to = dir.path().join("volumes/roles/web/v");
        assert_eq!(links, [Link { id: "v".into(), at: "data".into(), to, shared: false }]);
        for sandbox in ["one", "two"] {
            let sandbox = dir.path().join(sandbox);
            std::fs::create_dir_all(&sandbox).unwrap();
            show(&sandbox, &links, None).unwrap();
            show(&sandbox, &links, None).unwrap();
        }
        std::fs::write(dir.path().join("one/data/file"), "x").unwrap();
        assert_eq!(std::fs::read_to_string(dir.path().join("two/data/file")).unwrap(), "x");
    }

    #[test]
    fn a_volume_does_not_appear_outside_a_sandbox() {
        let layout = Layout::new("/w".into());
        for path in ["/etc", "../x", "a/../../x", "", ".", "./.", "a\0b", &"x".repeat(256)] {
            let why = check(&links(&layout, &volumes_at(&[("v", path)]))).unwrap_err();
            assert!(why.starts_with("Volume 'v' cannot be shown at '"), "{path}: {why}");
        }
        assert_eq!(
            check(&links(&layout, &volumes_at(&[("v", &format!("./a/{}", "x".repeat(255)))]))),
            Ok(())
        );
    }

    #[test]
    fn a_volume_does_not_take_the_place_of_what_its_task_says() {
        let layout = Layout::new("/w".into());
        for path in ["stdout", "./stderr", "stdout/x"] {
            let why = check(&links(&layout, &volumes_at(&[("v", path)]))).unwrap_err();
            assert!(why.ends_with("this is where the task's output is kept"), "{path}: {why}");
        }
        assert_eq!(check(&links(&layout, &volumes_at(&[("v", "logs/stdout")]))), Ok(()));
    }

    #[test]
    fn two_volumes_do_not_have_one_place() {
        let layout = Layout::new("/w".into());
        let together = |one, other| check(&links(&layout, &volumes_at(&[("v1", one), ("v2", other)])));
        for (one, other) in [("f", "f"), ("f/x", "f"), ("f", "f/x/y"), ("./f", "f/.")] {
            let why = together(one, other).unwrap_err();
            assert!(why.contains("Volume 'v") && why.contains("is to be at 'f"), "{why}");
        }
        assert_eq!(together("f/x", "f/y"), Ok(()));
        assert_eq!(together("f", "fx"), Ok(()));
    }

    #[test]
    fn what_is_in_a_volume_s_way_is_told() {
        let dir = std::env::temp_dir().join(format!("volumes-{}", uuid::Uuid::new_v4()));
        let sandbox = dir.join("sandbox");
        std::fs::create_dir_all(sandbox.join("data")).unwrap();
        let links = links(&Layout::new(dir.clone()), &volume("v", 64));
        let why = show(&sandbox, &links, None).unwrap_err();
        assert!(why.starts_with("Volume 'v' cannot be shown at 'data': "), "{why}");
        std::fs::remove_dir_all(dir).unwrap();
    }
}
