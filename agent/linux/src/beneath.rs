//! Opening what lies beneath a directory, and nothing else: no `..`, no absolute name, no link that leads out, however
//! the tree is changed meanwhile.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path};

use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, openat2};
use nix::sys::stat::{Mode, fchmod, fstatat, mkdirat};
use nix::unistd::{Gid, Uid, UnlinkatFlags, fchown, fchownat, linkat, symlinkat, unlinkat};

/// A directory whose border the kernel guards.
#[derive(Debug)]
pub struct Directory(OwnedFd);

impl Directory {
    /// Opens `path`, which is trusted.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let fd = nix::fcntl::open(path, flags, Mode::empty())?;
        Ok(Self(fd))
    }

    /// Takes a descriptor one was started with.
    pub fn from_owned(fd: OwnedFd) -> Self {
        Self(fd)
    }

    /// Opens a regular file or directory for reading. Links within the tree are followed.
    ///
    /// Never blocks on a pipe and never touches a device. Errors: `CrossesDevices` (EXDEV) if the name leads out;
    /// `InvalidInput` if it is anything but a file or directory.
    pub fn open_read(&self, name: &Path) -> io::Result<File> {
        // The kind is looked at before the file is opened for real, since opening a device may already do something;
        // then the very file that was looked at is opened, by its descriptor.
        let found =
            self.resolve(name, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty(), ResolveFlag::empty())?;
        let found = File::from(found);
        let kind = found.metadata()?.file_type();
        if !kind.is_file() && !kind.is_dir() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "neither a file nor a directory"));
        }
        File::open(format!("/proc/self/fd/{}", found.as_raw_fd()))
    }

    /// Makes a new file, replacing an older one of that name; missing directories above it are made. No link is
    /// followed.
    pub fn create(&self, name: &Path, mode: u32) -> io::Result<File> {
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW;
        let mode = Mode::from_bits_truncate(mode & 0o777);
        let (parent, last) = self.parent(name)?;
        match unlinkat(&parent.0, last, UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(nix::errno::Errno::ENOENT) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(File::from(parent.resolve(Path::new(last), flags, mode, ResolveFlag::RESOLVE_NO_SYMLINKS)?))
    }

    /// Makes a new file as [`create`](Self::create) does, and gives it and the directories made for it to `owner`
    /// (user, group).
    pub fn create_for(&self, name: &Path, mode: u32, owner: Option<(u32, u32)>) -> io::Result<File> {
        self.create_dir_for(name.parent().unwrap_or(Path::new("")), owner)?;
        let file = self.create(name, mode)?;
        if let Some((uid, gid)) = owner {
            give(&file, uid, gid)?;
        }
        Ok(file)
    }

    /// Opens a file to write at its end, and makes it if it is missing. No link is followed and no pipe waited for. It needs no
    /// openat2, which a filter of system calls may keep from a task that is about to be.
    ///
    /// Errors: `InvalidInput` if it is no regular file.
    pub fn append(&self, name: &Path) -> io::Result<File> {
        use nix::fcntl::{FcntlArg, fcntl, openat};
        let last = last_of(name)?;
        let mut here = self.0.try_clone()?;
        for part in parts(name.parent().unwrap_or(Path::new("")))? {
            let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
            here = openat(&here, part, flags, Mode::empty())?;
        }
        let kept = OFlag::O_WRONLY | OFlag::O_APPEND;
        let flags = kept | OFlag::O_CREAT | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let file = File::from(openat(&here, last, flags, Mode::from_bits_truncate(0o644))?);
        if !file.metadata()?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no file"));
        }
        fcntl(&file, FcntlArg::F_SETFL(kept))?;
        Ok(file)
    }

    /// Gives a file another name, in the place of what bears it. Neither passes through a link.
    pub fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let (old, from) = self.existing_parent(from)?;
        let (new, to) = self.existing_parent(to)?;
        Ok(nix::fcntl::renameat(&old.0, from, &new.0, to)?)
    }

    /// Makes a directory and those above it; one that is there already is fine.
    pub fn create_dir(&self, name: &Path) -> io::Result<Self> {
        self.create_dir_for(name, None)
    }

    fn create_dir_for(&self, name: &Path, owner: Option<(u32, u32)>) -> io::Result<Self> {
        let mut here = self.0.try_clone()?;
        for part in parts(name)? {
            let made = match mkdirat(&here, part, Mode::from_bits_truncate(0o755)) {
                Ok(()) => true,
                Err(nix::errno::Errno::EEXIST) => false,
                Err(error) => return Err(error.into()),
            };
            if let (true, Some((uid, gid))) = (made, owner) {
                let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
                fchownat(&here, part, Some(uid), Some(gid), AtFlags::AT_SYMLINK_NOFOLLOW)?;
            }
            let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
            here = Self(here).resolve(
                Path::new(part),
                flags,
                Mode::empty(),
                ResolveFlag::RESOLVE_NO_SYMLINKS,
            )?;
        }
        Ok(Self(here))
    }

    /// Removes a file or a link.
    pub fn remove(&self, name: &Path) -> io::Result<()> {
        let (parent, last) = self.existing_parent(name)?;
        Ok(unlinkat(&parent.0, last, UnlinkatFlags::NoRemoveDir)?)
    }

    /// Makes a symbolic link named `name`. Where it leads is the caller's to judge.
    pub fn create_link(&self, name: &Path, target: &Path) -> io::Result<()> {
        let (parent, last) = self.parent(name)?;
        match unlinkat(&parent.0, last, UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(nix::errno::Errno::ENOENT) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(symlinkat(target, &parent.0, last)?)
    }

    /// Gives the file `existing` beneath this directory a second name; one it has already is fine. Neither name passes
    /// through a link.
    pub fn create_hard_link(&self, name: &Path, existing: &Path) -> io::Result<()> {
        let (from, old) = self.existing_parent(existing)?;
        let found = fstatat(&from.0, old, AtFlags::AT_SYMLINK_NOFOLLOW)?;
        let (to, new) = self.parent(name)?;
        let there = fstatat(&to.0, new, AtFlags::AT_SYMLINK_NOFOLLOW);
        if there.is_ok_and(|there| (there.st_dev, there.st_ino) == (found.st_dev, found.st_ino)) {
            return Ok(());
        }
        match unlinkat(&to.0, new, UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(nix::errno::Errno::ENOENT) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(linkat(&from.0, old, &to.0, new, AtFlags::empty())?)
    }

    /// The directory a name lies in (made if missing), and its last part.
    pub(crate) fn parent<'a>(&self, name: &'a Path) -> io::Result<(Self, &'a OsStr)> {
        let last = last_of(name)?;
        Ok((self.create_dir(name.parent().unwrap_or(Path::new("")))?, last))
    }

    pub(crate) fn existing_parent<'a>(&self, name: &'a Path) -> io::Result<(Self, &'a OsStr)> {
        let last = last_of(name)?;
        let above = name.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        Ok((Self(self.resolve(above, flags, Mode::empty(), ResolveFlag::RESOLVE_NO_SYMLINKS)?), last))
    }

    fn resolve(&self, name: &Path, flags: OFlag, mode: Mode, more: ResolveFlag) -> io::Result<OwnedFd> {
        let how = OpenHow::new()
            .flags(flags)
            .mode(mode)
            .resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_MAGICLINKS | more);
        let name = if name.as_os_str().is_empty() { Path::new(".") } else { name };
        loop {
            match openat2(&self.0, name, how) {
                // The kernel could not prove that a name with `..` stays inside while somebody renamed; once more.
                Err(nix::errno::Errno::EAGAIN) => continue,
                Err(error) => return Err(error.into()),
                Ok(fd) => return Ok(fd),
            }
        }
    }
}

impl AsFd for Directory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for Directory {
    fn as_raw_fd(&self) -> std::os::fd::RawFd {
        self.0.as_raw_fd()
    }
}

/// Gives an open file to somebody.
pub fn give(file: impl AsFd, uid: u32, gid: u32) -> io::Result<()> {
    Ok(fchown(file, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?)
}

/// Sets the permission bits of an open file; the set-user, set-group and sticky bits are never set.
pub fn set_mode(file: impl AsFd, mode: u32) -> io::Result<()> {
    Ok(fchmod(file, Mode::from_bits_truncate(mode & 0o777))?)
}

fn last_of(name: &Path) -> io::Result<&OsStr> {
    parts(name)?.pop().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a name that names nothing"))
}

/// The parts of a relative name, or an error for one that could lead out.
fn parts(name: &Path) -> io::Result<Vec<&OsStr>> {
    name.components()
        .filter(|part| !matches!(part, Component::CurDir))
        .map(|part| match part {
            Component::Normal(part) => Ok(part),
            _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "the name leads out of its directory")),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::{Read, Write};
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_link_inside_opens_and_one_that_leads_out_does_not() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("in")).unwrap();
        fs::write(root.path().join("in/file"), "here").unwrap();
        fs::write(root.path().join("secret"), "not here").unwrap();
        symlink("file", root.path().join("in/link")).unwrap();
        symlink("../secret", root.path().join("in/out")).unwrap();
        symlink("/etc/passwd", root.path().join("in/absolute")).unwrap();
        let dir = Directory::open(&root.path().join("in")).unwrap();

        let mut text = String::new();
        dir.open_read(Path::new("link")).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "here");
        for name in ["out", "absolute", "../secret", "/etc/passwd"] {
            assert_eq!(
                dir.open_read(Path::new(name)).unwrap_err().raw_os_error(),
                Some(libc::EXDEV),
                "{name}"
            );
        }
    }

    #[test]
    fn what_is_appended_goes_through_no_link_and_into_no_pipe() {
        let root = tempfile::tempdir().unwrap();
        let dir = Directory::open(root.path()).unwrap();
        fs::create_dir(root.path().join("d")).unwrap();
        for line in ["one\n", "two\n"] {
            dir.append(Path::new("d/file")).unwrap().write_all(line.as_bytes()).unwrap();
        }
        dir.rename(Path::new("d/file"), Path::new("d/other")).unwrap();
        assert_eq!(fs::read_to_string(root.path().join("d/other")).unwrap(), "one\ntwo\n");

        symlink("d", root.path().join("link")).unwrap();
        symlink("d/other", root.path().join("other")).unwrap();
        nix::unistd::mkfifo(&root.path().join("pipe"), Mode::S_IRWXU).unwrap();
        for name in ["link/file", "other", "pipe", "d/../d/file", "/file"] {
            assert!(dir.append(Path::new(name)).is_err(), "{name}");
        }
        assert!(dir.rename(Path::new("d/other"), Path::new("link/file")).is_err());
    }

    #[test]
    fn a_pipe_is_refused_instead_of_waited_for() {
        let root = tempfile::tempdir().unwrap();
        nix::unistd::mkfifo(&root.path().join("pipe"), Mode::S_IRWXU).unwrap();
        let dir = Directory::open(root.path()).unwrap();
        assert_eq!(dir.open_read(Path::new("pipe")).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn a_name_that_a_file_has_already_is_given_to_it_again() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("file"), "here").unwrap();
        let dir = Directory::open(root.path()).unwrap();
        for (name, existing) in [("file", "file"), ("file", "./file"), ("other", "file"), ("file", "other")] {
            dir.create_hard_link(Path::new(name), Path::new(existing)).unwrap();
        }
        assert_eq!(fs::read_to_string(root.path().join("other")).unwrap(), "here");
        // What a name is to be given to is looked for before that name is taken from another.
        dir.create_hard_link(Path::new("file"), Path::new("missing")).unwrap_err();
        assert_eq!(fs::read_to_string(root.path().join("file")).unwrap(), "here");
    }

    #[test]
    fn creating_never_writes_through_a_link() {
        let root = tempfile::tempdir().unwrap();
        let inside = root.path().join("in");
        fs::create_dir(&inside).unwrap();
        fs::write(root.path().join("victim"), "whole").unwrap();
        symlink(root.path(), inside.join("up")).unwrap();
        symlink(root.path().join("victim"), inside.join("leaf")).unwrap();
        let dir = Directory::open(&inside).unwrap();

        assert!(dir.create(Path::new("up/victim"), 0o644).is_err());
        dir.create(Path::new("leaf"), 0o644).unwrap().write_all(b"mine").unwrap();
        dir.create(Path::new("a/b/c"), 0o4755).unwrap();

        assert_eq!(fs::read_to_string(root.path().join("victim")).unwrap(), "whole");
        assert_eq!(fs::read_to_string(inside.join("leaf")).unwrap(), "mine");
        assert!(dir.create(Path::new("../victim"), 0o644).is_err());
        assert!(dir.create_hard_link(Path::new("hard"), Path::new("up/victim")).is_err());
    }
}
