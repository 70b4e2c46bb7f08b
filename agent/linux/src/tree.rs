//! Whole trees, whatever a task has made of them: very wide, very deep, changing meanwhile. Neither memory nor the stack grows
//! with them, no link is followed and no other mount entered.

use std::collections::BTreeSet;
use std::ffi::{CStr, CString, OsStr};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use nix::dir::{Dir, OwningIter, Type};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, open, openat, openat2, renameat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat};
use nix::unistd::{UnlinkatFlags, unlinkat};

use crate::beneath::Directory;

/// How deep a tree is gone into at a time. What lies deeper is moved up first.
const REMOVED_DEPTH_MAX: usize = 32;

/// How many directories of one are remembered at a time.
const REMOVED_BELOW_MAX: usize = 256;

/// How deep a tree is measured. What lies deeper takes nothing.
const MEASURED_DEPTH_MAX: usize = 1024;

/// How many files of several names are known at a time; beyond that, one may count by each of its names.
const MEASURED_LINKS_MAX: usize = 1 << 20;

/// A directory that is being emptied, and those in it that are next.
struct Emptied {
    dir: Dir,
    below: Vec<CString>,
}

/// Removes a tree at a trusted path. One that is not there, or goes meanwhile, is removed.
///
/// Errors: something in it cannot be removed, as what another file system is mounted on; the rest may be gone or not.
pub fn remove(path: &Path) -> io::Result<()> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let above = path.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match open(above, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty()) {
        Ok(above) => remove_in(&above, name),
        other => gone(other.map(drop)),
    }
}

/// The same of one somewhere below `within`, which alone is trusted: a link that was put into the way is not followed.
pub fn remove_within(within: &Path, name: &Path) -> io::Result<()> {
    match Directory::open(within).and_then(|within| within.existing_parent(name)) {
        Ok((above, last)) => remove_in(&above, last),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn remove_in(above: impl AsFd, name: &OsStr) -> io::Result<()> {
    let top = match openat(&above, name, directory(), Mode::empty()) {
        Ok(top) => top,
        Err(Errno::ENOENT) => return Ok(()),
        Err(Errno::ENOTDIR | Errno::ELOOP) => {
            return gone(unlinkat(&above, name, UnlinkatFlags::NoRemoveDir));
        }
        Err(error) => return Err(error.into()),
    };
    let mut moved = 0u64;
    let mut stack = vec![Emptied { dir: Dir::from_fd(top.try_clone()?)?, below: Vec::new() }];
    while let Some(mut here) = stack.pop() {
        if here.below.is_empty() {
            here.below = unlink_all(&mut here.dir)?;
        }
        let Some(name) = here.below.last().cloned() else {
            // Nothing is left in it: whoever it lies in removes it.
            let Some(above) = stack.last_mut() else { break };
            if let Some(name) = above.below.pop() {
                gone(unlinkat(above.dir.as_fd(), name.as_c_str(), UnlinkatFlags::RemoveDir))?;
            }
            continue;
        };
        if stack.len() >= REMOVED_DEPTH_MAX {
            here.below.pop();
            lift(&here.dir, &name, &top, &mut moved)?;
            stack.push(here);
            continue;
        }
        match enter(here.dir.as_fd(), &name) {
            Ok(below) => {
                stack.push(here);
                stack.push(Emptied { dir: Dir::from_fd(below)?, below: Vec::new() });
            }
            Err(Errno::ENOENT) => {
                here.below.pop();
                stack.push(here);
            }
            Err(error) => return Err(error.into()),
        }
    }
    gone(unlinkat(&above, name, UnlinkatFlags::RemoveDir))
}

/// Removes what is no directory; tells of some that are, unless there are none.
fn unlink_all(dir: &mut Dir) -> io::Result<Vec<CString>> {
    let at = dir.as_fd().try_clone_to_owned()?;
    let mut below = Vec::new();
    for entry in dir.iter() {
        let entry = entry?;
        let name = entry.file_name();
        if dots(name) {
            continue;
        }
        let removed = match entry.file_type() {
            Some(Type::Directory) => Err(Errno::EISDIR),
            _ => unlinkat(&at, name, UnlinkatFlags::NoRemoveDir),
        };
        match removed {
            Err(Errno::EISDIR) if below.len() < REMOVED_BELOW_MAX => below.push(name.to_owned()),
            Err(Errno::EISDIR) => {}
            other => gone(other)?,
        }
    }
    Ok(below)
}

/// Moves a directory into the topmost one, under a name that nothing has there.
fn lift(from: &Dir, name: &CStr, top: &OwnedFd, moved: &mut u64) -> io::Result<()> {
    loop {
        *moved += 1;
        let to = format!(".removed-{moved}");
        match renameat(from.as_fd(), name, top, to.as_str()) {
            Err(Errno::EEXIST | Errno::ENOTEMPTY | Errno::ENOTDIR) => {}
            other => return gone(other),
        }
    }
}

fn gone(removed: Result<(), Errno>) -> io::Result<()> {
    match removed {
        Err(error) if error != Errno::ENOENT => Err(error.into()),
        _ => Ok(()),
    }
}

/// What a tree takes on its disk: blocks rather than lengths, each file once however many names it has. What cannot be read
/// takes nothing. Unit: bytes.
pub fn usage(path: &Path) -> u64 {
    let opened = open(path, directory(), Mode::empty());
    let Some(top) = opened.ok().and_then(Measured::new) else { return 0 };
    let mut seen = BTreeSet::new();
    let mut sum = fstat(&top.at).map_or(0, |top| taken(&top));
    let mut stack = vec![top];
    while let Some(here) = stack.last_mut() {
        let Some(entry) = here.entries.next() else {
            stack.pop();
            continue;
        };
        let Ok(entry) = entry else { continue };
        let name = entry.file_name();
        // Of the entry itself: a link counts as a link.
        let stat = fstatat(&here.at, name, AtFlags::AT_SYMLINK_NOFOLLOW);
        let (false, Ok(stat)) = (dots(name), stat) else { continue };
        let is_dir = stat.st_mode & SFlag::S_IFMT.bits() == SFlag::S_IFDIR.bits();
        if is_dir {
            // Entered before it is counted: what another file system is mounted on is not this one's.
            let below = enter(here.at.as_fd(), name).ok().filter(|_| stack.len() < MEASURED_DEPTH_MAX);
            if let Some(below) = below.and_then(Measured::new) {
                sum += taken(&stat);
                stack.push(below);
            }
            continue;
        }
        let links = stat.st_nlink > 1 && seen.len() < MEASURED_LINKS_MAX;
        if !links || seen.insert(stat.st_ino) {
            sum += taken(&stat);
        }
    }
    sum
}

/// A directory that is being measured.
struct Measured {
    at: OwnedFd,
    entries: OwningIter,
}

impl Measured {
    fn new(at: OwnedFd) -> Option<Self> {
        let entries = Dir::from_fd(at.try_clone().ok()?).ok()?.into_iter();
        Some(Self { at, entries })
    }
}

fn taken(stat: &FileStat) -> u64 {
    u64::try_from(stat.st_blocks).unwrap_or(0) * 512
}

fn directory() -> OFlag {
    OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC
}

fn enter(dir: impl AsFd, name: &CStr) -> Result<OwnedFd, Errno> {
    let how = OpenHow::new()
        .flags(directory())
        .resolve(ResolveFlag::RESOLVE_NO_XDEV | ResolveFlag::RESOLVE_NO_SYMLINKS);
    openat2(dir, name, how)
}

fn dots(name: &CStr) -> bool {
    matches!(name.to_bytes(), b"." | b"..")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use nix::sys::stat::mkdirat;

    use super::*;

    /// Directories one in the other, deeper than any path is long.
    fn deep(top: &Path, depth: usize) {
        let mut here = open(top, directory(), Mode::empty()).unwrap();
        for _ in 0..depth {
            mkdirat(&here, "d", Mode::S_IRWXU).unwrap();
            here = enter(&here, c"d").unwrap();
        }
    }

    #[test]
    fn a_tree_goes_however_deep_it_is() {
        // A disk that is told of every block that is free again would take long.
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let tree = dir.path().join("tree");
        fs::create_dir_all(tree.join(".removed-1/x")).unwrap();
        fs::write(tree.join(".removed-2"), "").unwrap();
        deep(&tree, 20_000);
        let below = std::iter::repeat_n("d", 500).fold(tree.clone(), |path, name| path.join(name));
        fs::write(below.join("file"), "x").unwrap();
        // Of threads that do such work, the stack is small.
        let removed = std::thread::Builder::new().stack_size(256 << 10).spawn({
            let tree = tree.clone();
            move || (usage(&tree), remove(&tree))
        });
        let (used, removed) = removed.unwrap().join().unwrap();
        removed.unwrap();
        assert!(used >= 512, "what is deep within is counted: {used}");
        assert!(!tree.exists());
    }

    #[test]
    fn a_tree_goes_however_wide_it_is_and_what_it_leads_to_stays() {
        let dir = tempfile::tempdir().unwrap();
        let (tree, kept) = (dir.path().join("tree"), dir.path().join("kept"));
        fs::create_dir_all(&kept).unwrap();
        fs::write(kept.join("file"), "x").unwrap();
        for number in 0..3 * REMOVED_BELOW_MAX {
            fs::create_dir_all(tree.join(format!("{number}/below"))).unwrap();
            fs::write(tree.join(format!("{number}/file")), "x").unwrap();
        }
        std::os::unix::fs::symlink(&kept, tree.join("link")).unwrap();
        remove(&tree).unwrap();
        assert!(!tree.exists() && kept.join("file").exists());
        remove(&tree).unwrap();
        // A link in the place of a tree is the link.
        std::os::unix::fs::symlink(&kept, &tree).unwrap();
        remove(&tree).unwrap();
        assert!(fs::symlink_metadata(&tree).is_err() && kept.join("file").exists());
    }

    #[test]
    fn what_was_put_in_the_way_of_a_tree_does_not_lead_out() {
        let dir = tempfile::tempdir().unwrap();
        let (within, other) = (dir.path().join("within"), dir.path().join("other"));
        fs::create_dir_all(within.join("a/tree/below")).unwrap();
        fs::create_dir_all(other.join("tree")).unwrap();
        remove_within(&within, Path::new("a/tree")).unwrap();
        assert!(within.join("a").exists() && !within.join("a/tree").exists());
        remove_within(&within, Path::new("no/tree")).unwrap();
        fs::remove_dir(within.join("a")).unwrap();
        std::os::unix::fs::symlink(&other, within.join("a")).unwrap();
        remove_within(&within, Path::new("a/tree")).unwrap_err();
        assert!(other.join("tree").exists());
    }

    #[test]
    fn what_two_remove_at_once_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let tree = dir.path().join("tree");
        for number in 0..500 {
            fs::create_dir_all(tree.join(format!("{}/{number}/below", number % 7))).unwrap();
        }
        let other = tree.clone();
        let other = std::thread::spawn(move || remove(&other));
        remove(&tree).unwrap();
        other.join().unwrap().unwrap();
        assert!(!tree.exists());
    }

    #[test]
    fn a_file_counts_once_and_a_link_leads_nowhere() {
        let dir = tempfile::tempdir().unwrap();
        let before = usage(dir.path());
        fs::write(dir.path().join("a"), vec![1; 1 << 20]).unwrap();
        fs::hard_link(dir.path().join("a"), dir.path().join("b")).unwrap();
        std::os::unix::fs::symlink("/", dir.path().join("c")).unwrap();
        let grown = usage(dir.path()) - before;
        assert!((1 << 20..(1 << 20) + 65536).contains(&grown), "{grown}");
    }
}
