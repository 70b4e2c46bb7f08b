//! Changing what a mount namespace of one's own shows.

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};

const NOTHING: Option<&str> = None;

/// Whether mounts made later on one side appear on the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagation {
    Private,
    /// From outside to inside.
    Slave,
    /// Both ways.
    Shared,
}

/// The path by which a descriptor of this process is mounted or mounted on: what it is, not what its name leads to now.
pub fn by_descriptor(fd: impl AsFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", fd.as_fd().as_raw_fd()))
}

/// Sets how `target`, and with `deep` everything below it, passes mounts on.
pub fn propagate(target: &Path, how: Propagation, deep: bool) -> io::Result<()> {
    let mut flags = match how {
        Propagation::Private => MsFlags::MS_PRIVATE,
        Propagation::Slave => MsFlags::MS_SLAVE,
        Propagation::Shared => MsFlags::MS_SHARED,
    };
    if deep {
        flags |= MsFlags::MS_REC;
    }
    Ok(mount(NOTHING, target, NOTHING, flags, NOTHING)?)
}

/// Shows `source` at `target` too, with what is mounted below it.
pub fn bind(source: &Path, target: &Path) -> io::Result<()> {
    Ok(mount(Some(source), target, NOTHING, MsFlags::MS_BIND | MsFlags::MS_REC, NOTHING)?)
}

/// Forbids writing through the bind mount at `target`.
pub fn make_read_only(target: &Path) -> io::Result<()> {
    // What the mount below forbids cannot be allowed here: a mount that locks such flags refuses without them.
    let locked = nix::sys::statvfs::statvfs(target).map(|stat| stat.flags());
    let mut flags = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
    if let Ok(locked) = locked {
        use nix::sys::statvfs::FsFlags;
        for (had, keep) in [
            (FsFlags::ST_NOSUID, MsFlags::MS_NOSUID),
            (FsFlags::ST_NODEV, MsFlags::MS_NODEV),
            (FsFlags::ST_NOEXEC, MsFlags::MS_NOEXEC),
        ] {
            if locked.contains(had) {
                flags |= keep;
            }
        }
    }
    Ok(mount(NOTHING, target, NOTHING, flags, NOTHING)?)
}

/// Mounts a file system of the kernel's own, without set-user programs or devices.
pub fn special(kind: &str, target: &Path, options: &str) -> io::Result<()> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    let flags =
        if kind == "proc" || kind == "sysfs" || kind == "ramfs" { flags | MsFlags::MS_NOEXEC } else { flags };
    Ok(mount(Some(kind), target, Some(kind), flags, Some(options))?)
}

/// Takes a mount out of sight; what is still open in it stays usable.
pub fn detach(target: &Path) -> io::Result<()> {
    Ok(umount2(target, MntFlags::MNT_DETACH)?)
}

/// Makes `root` what this process and those after it see as `/`; the old one is out of reach.
pub fn change_root(root: &Path) -> io::Result<()> {
    // A root must be a mount of its own.
    bind(root, root)?;
    std::env::set_current_dir(root)?;
    // The old root is put on top of the new one, and taken off from there: no directory is needed for it.
    nix::unistd::pivot_root(".", ".")?;
    detach(Path::new("."))?;
    std::env::set_current_dir("/")
}
