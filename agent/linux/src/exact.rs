//! Files made exactly as somebody else describes them: kind, owner, mode, time, attributes. Only root can; the tree's border
//! is guarded by [`Directory`], and no name passes through a link.

#![expect(unsafe_code, reason = "setting extended attributes has no safe wrapper")]

use std::ffi::{CString, OsStr};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::fcntl::AtFlags;
use nix::sys::stat::{FchmodatFlags, Mode, SFlag, UtimensatFlags, fchmodat, makedev, mknodat, utimensat};
use nix::sys::time::TimeSpec;
use nix::unistd::{Gid, Uid, UnlinkatFlags, fchownat, unlinkat};

use crate::beneath::Directory;

/// A file that is neither data, directory nor link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    Pipe,
    /// Major and minor number.
    Char(u32, u32),
    Block(u32, u32),
}

/// What overlay reads as "nothing of this name below".
pub const WHITEOUT: Node = Node::Char(0, 0);

/// The attribute by which overlay reads a directory as hiding all below it, and its value.
pub const OPAQUE: (&str, &[u8]) = ("trusted.overlay.opaque", b"y");

/// Who owns a file, and what else is said of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    pub uid: u32,
    pub gid: u32,
    /// All twelve bits; a link has none.
    pub mode: Option<u32>,
    /// Unit: seconds since 1970.
    pub modified: i64,
}

impl Directory {
    /// Where a name lies, and its last part; `.` is this directory itself.
    fn place<'a>(&self, name: &'a Path) -> io::Result<(Self, &'a OsStr)> {
        match name == Path::new(".") {
            true => Ok((Self::from_owned(self.as_fd().try_clone_to_owned()?), name.as_os_str())),
            false => self.existing_parent(name),
        }
    }

    /// Makes a node, replacing a file of that name; directories above it are made.
    pub fn create_node(&self, name: &Path, node: Node) -> io::Result<()> {
        let (parent, last) = self.parent(name)?;
        match unlinkat(&parent, last, UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(nix::errno::Errno::ENOENT) => {}
            Err(error) => return Err(error.into()),
        }
        let (kind, major, minor) = match node {
            Node::Pipe => (SFlag::S_IFIFO, 0, 0),
            Node::Char(major, minor) => (SFlag::S_IFCHR, major, minor),
            Node::Block(major, minor) => (SFlag::S_IFBLK, major, minor),
        };
        Ok(mknodat(&parent, last, kind, Mode::empty(), makedev(major.into(), minor.into()))?)
    }

    /// Gives a file that was just made here its owner and mode; a changed owner would take away what a mode gives.
    pub fn own_as(&self, name: &Path, said: &Said) -> io::Result<()> {
        let (parent, last) = self.place(name)?;
        let (uid, gid) = (Uid::from_raw(said.uid), Gid::from_raw(said.gid));
        fchownat(&parent, last, Some(uid), Some(gid), AtFlags::AT_SYMLINK_NOFOLLOW)?;
        if let Some(mode) = said.mode {
            let mode = Mode::from_bits_truncate(mode & 0o7777);
            fchmodat(&parent, last, mode, FchmodatFlags::FollowSymlink)?;
        }
        Ok(())
    }

    /// Says when a file was changed; last, since all else changes that.
    pub fn date(&self, name: &Path, modified: i64) -> io::Result<()> {
        let (parent, last) = self.place(name)?;
        let time = TimeSpec::new(modified, 0);
        Ok(utimensat(&parent, last, &time, &time, UtimensatFlags::NoFollowSymlink)?)
    }

    /// Sets an extended attribute of a file, not of what a link leads to.
    pub fn set_attribute(&self, name: &Path, attribute: &str, value: &[u8]) -> io::Result<()> {
        let (parent, last) = self.place(name)?;
        let zero = |_| io::Error::new(io::ErrorKind::InvalidInput, "a name holds a zero byte");
        let path = [format!("/proc/self/fd/{}/", parent.as_raw_fd()).as_bytes(), last.as_bytes()].concat();
        let (path, attribute) = (CString::new(path).map_err(zero)?, CString::new(attribute).map_err(zero)?);
        // SAFETY: both names are C strings, and the value is as long as is said; all outlive the call.
        let done = unsafe {
            libc::lsetxattr(path.as_ptr(), attribute.as_ptr(), value.as_ptr().cast(), value.len(), 0)
        };
        if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

/// The extended attributes of what `path`, which is trusted, names; of a link, its own. Shape: name, value.
pub fn attributes(path: &Path) -> io::Result<Vec<(String, Vec<u8>)>> {
    let zero = |_| io::Error::new(io::ErrorKind::InvalidInput, "a name holds a zero byte");
    let path = CString::new(path.as_os_str().as_bytes()).map_err(zero)?;
    // SAFETY (here and below): the path is a C string, and the kernel is told how long the buffer is.
    let names = read_grown(|buffer| unsafe {
        libc::llistxattr(path.as_ptr(), buffer.as_mut_ptr().cast(), buffer.len())
    })?;
    let mut found = Vec::new();
    for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let Ok(name) = std::str::from_utf8(name) else { continue };
        let word = CString::new(name).map_err(zero)?;
        // SAFETY: as above; the name is a C string too.
        let value = read_grown(|buffer| unsafe {
            libc::lgetxattr(path.as_ptr(), word.as_ptr(), buffer.as_mut_ptr().cast(), buffer.len())
        })?;
        found.push((name.to_owned(), value));
    }
    Ok(found)
}

/// Reads what tells its length when it is given no room.
fn read_grown(mut read: impl FnMut(&mut [u8]) -> isize) -> io::Result<Vec<u8>> {
    // Attributes are at most so long; a file system without any says so.
    let mut buffer = vec![0; 64 * 1024];
    match read(&mut buffer) {
        length if length >= 0 => {
            buffer.truncate(length as usize);
            Ok(buffer)
        }
        _ => match io::Error::last_os_error() {
            error if error.raw_os_error() == Some(libc::EOPNOTSUPP) => Ok(Vec::new()),
            error => Err(error),
        },
    }
}
