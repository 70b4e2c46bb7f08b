//! Names in a tree that is to be somebody's `/`: links are followed as they would be in there, and never lead out.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2, readlinkat};
use nix::sys::stat::{Mode, SFlag, mknodat};

/// How often a link may lead to a link.
const LINKS_MAX: u32 = 40;

/// Such a tree.
#[derive(Debug)]
pub struct Root(OwnedFd);

impl Root {
    /// Opens `path`, which is trusted.
    pub fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        Ok(Self(nix::fcntl::open(path, flags, Mode::empty())?))
    }

    /// What a name in here leads to, to be mounted on.
    pub fn find(&self, name: &Path) -> io::Result<OwnedFd> {
        Ok(self.resolve(name)?)
    }

    /// The directory of that name, made with those above it if it is missing.
    pub fn directory(&self, name: &Path) -> io::Result<OwnedFd> {
        self.make(name, true, LINKS_MAX)
    }

    /// The file of that name, made empty if it is missing, as are the directories above it.
    pub fn file(&self, name: &Path) -> io::Result<OwnedFd> {
        self.make(name, false, LINKS_MAX)
    }

    fn make(&self, name: &Path, directory: bool, links: u32) -> io::Result<OwnedFd> {
        match self.resolve(name) {
            Err(Errno::ENOENT) => {}
            Err(error) => return Err(error.into()),
            Ok(found) => return Ok(found),
        }
        let wrong = || io::Error::new(io::ErrorKind::InvalidInput, "it is no name of a file");
        let Some(Component::Normal(last)) = name.components().next_back() else { return Err(wrong()) };
        let above = name.parent().unwrap_or(Path::new("/"));
        let parent = self.make(above, true, links)?;
        match make_in(parent.as_fd(), last, directory) {
            Ok(()) => Ok(self.resolve(name)?),
            // Something is there and leads nowhere: what it leads to is made.
            Err(Errno::EEXIST) if links > 0 => {
                let target = PathBuf::from(readlinkat(&parent, last)?);
                self.make(&above.join(target), directory, links - 1)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn resolve(&self, name: &Path) -> Result<OwnedFd, Errno> {
        let how = OpenHow::new()
            .flags(OFlag::O_PATH | OFlag::O_CLOEXEC)
            .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS);
        loop {
            match openat2(&self.0, if name.as_os_str().is_empty() { Path::new("/") } else { name }, how) {
                // Somebody renamed meanwhile, and the kernel could not prove that the name stays inside.
                Err(Errno::EAGAIN) => {}
                other => return other,
            }
        }
    }
}

impl AsFd for Root {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn make_in(parent: BorrowedFd<'_>, name: &OsStr, directory: bool) -> Result<(), Errno> {
    match directory {
        true => nix::sys::stat::mkdirat(parent, name, Mode::from_bits_truncate(0o755)),
        false => mknodat(parent, name, SFlag::S_IFREG, Mode::from_bits_truncate(0o644), 0),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_lead_where_they_would_inside() {
        let outside = tempfile::tempdir().unwrap();
        let dir = outside.path().join("root");
        fs::create_dir_all(dir.join("var")).unwrap();
        symlink("/run", dir.join("var/run")).unwrap();
        symlink("../../../..", dir.join("var/up")).unwrap();
        symlink("loop", dir.join("loop")).unwrap();
        let root = Root::open(&dir).unwrap();

        root.directory(Path::new("/var/run/app")).unwrap();
        root.file(Path::new("var/up/etc/name")).unwrap();
        assert!(root.directory(Path::new("/loop/x")).is_err());
        assert!(root.directory(Path::new("/..")).is_ok());

        assert!(dir.join("run/app").is_dir() && dir.join("etc/name").is_file());
        assert!(!outside.path().join("etc").exists());
        assert!(root.find(Path::new("/var/none")).is_err());
    }
}
