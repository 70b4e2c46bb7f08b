//! A task's own directory.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use crate::beneath::{Directory, give, set_mode};

/// Makes `path`, and what is missing above it, as a task's own: 0750, `owner`'s (user, group) if somebody else's.
///
/// A directory that is there already is kept and given to them.
pub fn make(path: &Path, owner: Option<(u32, u32)>) -> io::Result<()> {
    if let Some(above) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o755).create(above)?;
    }
    match fs::DirBuilder::new().mode(0o750).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    // Through a descriptor of the directory itself: a link in its place is not followed.
    let dir: File =
        fs::OpenOptions::new().read(true).custom_flags(libc::O_DIRECTORY | libc::O_NOFOLLOW).open(path)?;
    own(&dir, owner)
}

/// The same somewhere below `within`, which is another task's own: no link that was put there is followed.
pub fn make_within(within: &Path, name: &Path, owner: Option<(u32, u32)>) -> io::Result<()> {
    own(&Directory::open(within)?.create_dir(name)?.open_read(Path::new("."))?, owner)
}

fn own(dir: &File, owner: Option<(u32, u32)>) -> io::Result<()> {
    set_mode(dir, 0o750)?;
    if let Some((uid, gid)) = owner {
        give(dir, uid, gid)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_sandbox_is_closed_to_strangers_and_a_link_is_none() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a/b/c");
        make(&path, None).unwrap();
        make(&path, None).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o750);

        symlink(&path, root.path().join("link")).unwrap();
        assert!(make(&root.path().join("link"), None).is_err());
    }

    #[test]
    fn a_sandbox_in_another_is_not_made_where_a_link_leads() {
        let root = tempfile::tempdir().unwrap();
        let (within, other) = (root.path().join("within"), root.path().join("other"));
        fs::create_dir(&within).unwrap();
        fs::create_dir_all(other.join("taken")).unwrap();
        make_within(&within, Path::new("containers/a"), None).unwrap();
        assert_eq!(fs::metadata(within.join("containers/a")).unwrap().permissions().mode() & 0o7777, 0o750);
        symlink(&other, within.join("out")).unwrap();
        for name in ["out/new", "out/taken"] {
            assert!(make_within(&within, Path::new(name), None).is_err());
        }
        assert!(!other.join("new").exists());
    }
}
