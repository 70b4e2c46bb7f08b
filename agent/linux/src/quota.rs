//! Quotas of projects: what a number that files bear may take together on an XFS file system.

#![expect(unsafe_code, reason = "quotactl with XFS' commands, and attributes by ioctl, have no safe wrapper")]

use std::ffi::CString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A file system that counts what projects take.
#[derive(Clone, Debug)]
pub struct ProjectQuotas {
    device: CString,
}

/// What a project takes, and may take. Unit: bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProjectUsage {
    pub used: u64,
    /// `None` is no limit.
    pub soft: Option<u64>,
    pub hard: Option<u64>,
}

/// What the kernel counts space in here. Unit: bytes.
const BLOCK: u64 = 512;
const PROJECT: libc::c_int = 2;

impl ProjectQuotas {
    /// Those of the file system `path` lies on.
    ///
    /// Errors: it is not XFS, or does not count what projects take, or does not hold them to it.
    pub fn of(path: &Path) -> io::Result<Self> {
        let (kind, device) = mount_of(path)?;
        if kind != "xfs" {
            return Err(io::Error::other(format!("it is {kind}, not xfs")));
        }
        let quotas = Self { device: CString::new(device.as_os_str().as_bytes())? };
        let mut state = QuotaState::default();
        quotas.call(GET_STATE, 0, &mut state)?;
        const COUNTED_AND_HELD: u16 = (1 << 4) | (1 << 5);
        if state.flags & COUNTED_AND_HELD == COUNTED_AND_HELD {
            return Ok(quotas);
        }
        Err(io::Error::other(format!("{} is mounted without the option prjquota", device.display())))
    }

    /// What a project may take from now on; of `None` as much as there is. Unit: bytes.
    pub fn limit(&self, project: u32, soft: Option<u64>, hard: Option<u64>) -> io::Result<()> {
        const SOFT_AND_HARD: u16 = (1 << 2) | (1 << 3);
        // Zero is no limit, so that the least there can be is a block.
        let blocks = |bytes: Option<u64>| bytes.map_or(0, |bytes| (bytes / BLOCK).max(1));
        let mut limits = DiskQuota {
            version: 1,
            flags: PROJECT as i8,
            fields: SOFT_AND_HARD,
            id: project,
            hard_blocks: blocks(hard),
            soft_blocks: blocks(soft),
            ..DiskQuota::default()
        };
        self.call(SET_LIMIT, project, &mut limits)
    }

    pub fn usage(&self, project: u32) -> io::Result<ProjectUsage> {
        let mut found = DiskQuota::default();
        match self.call(GET_QUOTA, project, &mut found) {
            // Nothing of it was ever written.
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => return Ok(ProjectUsage::default()),
            other => other?,
        }
        let bytes = |blocks: u64| (blocks > 0).then_some(blocks * BLOCK);
        Ok(ProjectUsage {
            used: found.blocks * BLOCK,
            soft: bytes(found.soft_blocks),
            hard: bytes(found.hard_blocks),
        })
    }

    fn call<T>(&self, command: libc::c_int, project: u32, data: &mut T) -> io::Result<()> {
        let command = (command << 8) | PROJECT;
        // SAFETY: the device's name ends with a zero and lives as long as the call; `data` is the kernel's own shape for this
        // command, which is the caller's promise within this file.
        let done = unsafe {
            libc::quotactl(command, self.device.as_ptr(), project as i32, std::ptr::from_mut(data).cast())
        };
        if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

/// The project whose number a file or directory bears; zero is none.
pub fn project(path: &Path) -> io::Result<u32> {
    Ok(attributes(&open(path)?)?.project)
}

/// Gives a tree a project's number: what is in it, and what will be made in it. No link is followed; what is neither a file nor
/// a directory bears none.
pub fn set_project(root: &Path, project: u32) -> io::Result<()> {
    let mut dirs = vec![root.to_owned()];
    while let Some(dir) = dirs.pop() {
        mark(&dir, project)?;
        for entry in fs::read_dir(&dir)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                dirs.push(entry.path());
            } else if kind.is_file() {
                mark(&entry.path(), project)?;
            }
        }
    }
    Ok(())
}

fn mark(path: &Path, project: u32) -> io::Result<()> {
    const INHERIT: u32 = 0x200;
    let file = open(path)?;
    let mut attributes = attributes(&file)?;
    attributes.project = project;
    if file.metadata()?.is_dir() {
        attributes.flags |= INHERIT;
    }
    // SAFETY: the descriptor lives as long as the call, and the kernel reads a structure of this very shape.
    let done = unsafe { libc::ioctl(file.as_raw_fd(), SET_ATTRIBUTES as _, &raw const attributes) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn attributes(file: &File) -> io::Result<Attributes> {
    let mut attributes = Attributes::default();
    // SAFETY: the descriptor lives as long as the call, and the kernel writes a structure of this very shape.
    let done = unsafe { libc::ioctl(file.as_raw_fd(), GET_ATTRIBUTES as _, &raw mut attributes) };
    if done == 0 { Ok(attributes) } else { Err(io::Error::last_os_error()) }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)
}

/// Kind and device of the file system something lies on.
///
/// Source: proc_pid_mountinfo(5).
fn mount_of(path: &Path) -> io::Result<(String, PathBuf)> {
    let (major, minor) = crate::disk::device_numbers(fs::metadata(path)?.dev());
    let device = format!("{major}:{minor}");
    let table = fs::read_to_string("/proc/self/mountinfo")?;
    let found = table.lines().find_map(|line| {
        let (head, tail) = line.split_once(" - ")?;
        (head.split(' ').nth(2)? == device).then_some(())?;
        let mut tail = tail.split(' ');
        Some((tail.next()?.to_owned(), PathBuf::from(tail.next()?)))
    });
    found.ok_or_else(|| io::Error::other(format!("no file system of device {device} is mounted")))
}

/// Source: linux/dqblk_xfs.h.
const GET_QUOTA: libc::c_int = (b'X' as libc::c_int) << 8 | 3;
const SET_LIMIT: libc::c_int = (b'X' as libc::c_int) << 8 | 4;
const GET_STATE: libc::c_int = (b'X' as libc::c_int) << 8 | 5;

/// Source: linux/fs.h, `_IOR('X', 31, struct fsxattr)` and `_IOW('X', 32, struct fsxattr)`.
const GET_ATTRIBUTES: u32 = 0x801c_581f;
const SET_ATTRIBUTES: u32 = 0x401c_5820;

/// `struct fsxattr`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Attributes {
    flags: u32,
    extent_size: u32,
    extents: u32,
    project: u32,
    copy_size: u32,
    padding: [u8; 8],
}

/// `struct fs_disk_quota`.
#[repr(C)]
#[derive(Default)]
struct DiskQuota {
    version: i8,
    flags: i8,
    fields: u16,
    id: u32,
    /// Unit: [`BLOCK`].
    hard_blocks: u64,
    soft_blocks: u64,
    hard_inodes: u64,
    soft_inodes: u64,
    blocks: u64,
    inodes: u64,
    inode_timer: i32,
    block_timer: i32,
    inode_warnings: u16,
    block_warnings: u16,
    timers_high: [i8; 3],
    padding_2: i8,
    hard_realtime: u64,
    soft_realtime: u64,
    realtime: u64,
    realtime_timer: i32,
    realtime_warnings: u16,
    padding_3: i16,
    padding_4: [u8; 8],
}

/// `struct fs_quota_stat`.
#[repr(C)]
#[derive(Default)]
struct QuotaState {
    version: i8,
    flags: u16,
    padding: i8,
    users: QuotaFile,
    groups: QuotaFile,
    in_core: u32,
    block_limit: i32,
    inode_limit: i32,
    realtime_limit: i32,
    block_warnings: u16,
    inode_warnings: u16,
}

/// `struct fs_qfilestat`.
#[repr(C)]
#[derive(Default)]
struct QuotaFile {
    inode: u64,
    blocks: u64,
    extents: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structures_are_as_long_as_the_kernels() {
        assert_eq!(size_of::<Attributes>(), 28);
        assert_eq!(size_of::<DiskQuota>(), 112);
        assert_eq!(size_of::<QuotaState>(), 80);
    }

    #[test]
    fn another_file_system_is_refused_by_its_name() {
        let error = ProjectQuotas::of(Path::new("/proc")).unwrap_err().to_string();
        assert_eq!(error, "it is proc, not xfs");
    }
}
