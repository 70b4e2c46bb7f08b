//! Changing what a mount namespace of one's own shows.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::Mode;

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
    forbid(target, MsFlags::MS_RDONLY)
}

/// Forbids the use of device files through the bind mount at `target`.
pub fn make_deviceless(target: &Path) -> io::Result<()> {
    forbid(target, MsFlags::MS_NODEV)
}

fn forbid(target: &Path, what: MsFlags) -> io::Result<()> {
    // What the mount below forbids cannot be allowed here: a mount that locks such flags refuses without them.
    let locked = nix::sys::statvfs::statvfs(target).map(|stat| stat.flags());
    let mut flags = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | what;
    if let Ok(locked) = locked {
        use nix::sys::statvfs::FsFlags;
        for (had, keep) in [
            (FsFlags::ST_NOSUID, MsFlags::MS_NOSUID),
            (FsFlags::ST_NODEV, MsFlags::MS_NODEV),
            (FsFlags::ST_NOEXEC, MsFlags::MS_NOEXEC),
            (FsFlags::ST_RDONLY, MsFlags::MS_RDONLY),
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

/// Mounts the kernel's devices and buses, read-only.
pub fn devices_tree(target: &Path) -> io::Result<()> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC | MsFlags::MS_RDONLY;
    Ok(mount(Some("sysfs"), target, Some("sysfs"), flags, NOTHING)?)
}

/// Mounts an empty directory in which device files work; whoever makes them says which.
pub fn devices(target: &Path) -> io::Result<()> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_STRICTATIME;
    Ok(mount(Some("tmpfs"), target, Some("tmpfs"), flags, Some("mode=0755,size=64k"))?)
}

/// Mounts terminals of one's own.
pub fn terminals(target: &Path) -> io::Result<()> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
    let options = Some("newinstance,ptmxmode=0666,mode=0620,gid=5");
    Ok(mount(Some("devpts"), target, Some("devpts"), flags, options)?)
}

/// Shows `layers` on top of each other, the first being the lowest. What is written goes to `upper`; `work` is the kernel's,
/// empty and beside it. No device file in them works.
pub fn overlay(layers: &[PathBuf], upper: &Path, work: &Path, target: &Path) -> io::Result<()> {
    // By descriptor: the kernel takes one page of options, and reads commas and colons in names as its own.
    let open = |path: &Path| {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        nix::fcntl::open(path, flags, Mode::empty())
            .map_err(|error| io::Error::other(format!("{}: {error}", path.display())))
    };
    let layers = layers.iter().rev().map(|layer| open(layer)).collect::<io::Result<Vec<_>>>()?;
    let (upper, work) = (open(upper)?, open(work)?);
    let name = |fd: &OwnedFd| by_descriptor(fd).display().to_string();
    let lower: Vec<String> = layers.iter().map(name).collect();
    let options = format!("lowerdir={},upperdir={},workdir={}", lower.join(":"), name(&upper), name(&work));
    Ok(mount(Some("overlay"), target, Some("overlay"), MsFlags::MS_NODEV, Some(options.as_str()))?)
}

/// Takes a mount out of sight; what is still open in it stays usable.
pub fn detach(target: &Path) -> io::Result<()> {
    Ok(umount2(target, MntFlags::MNT_DETACH)?)
}

/// Makes `root`, which is a mount, what this process and those after it see as `/`; the old one is out of reach.
pub fn change_root(root: &Path) -> io::Result<()> {
    std::env::set_current_dir(root)?;
    // The old root is put on top of the new one, and taken off from there: no directory is needed for it.
    nix::unistd::pivot_root(".", ".")?;
    detach(Path::new("."))?;
    std::env::set_current_dir("/")
}
