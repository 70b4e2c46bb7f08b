//! How large the file system is that something lies on.

use std::io;
use std::path::Path;

use nix::sys::statvfs::statvfs;

/// Unit: bytes.
pub fn size(path: &Path) -> io::Result<u64> {
    let stat = statvfs(path)?;
    Ok(stat.blocks() as u64 * stat.fragment_size() as u64)
}

/// The part of it that is used, between 0 and 1. What is kept for root, or may not be had for other reasons, is free.
pub fn used(path: &Path) -> io::Result<f64> {
    let stat = statvfs(path)?;
    let (blocks, free) = (stat.blocks() as f64, stat.blocks_free() as f64);
    Ok(if blocks > 0.0 { 1.0 - free / blocks } else { 0.0 })
}

/// Whether something lies on directories shown on top of each other, which cannot be so shown once more.
pub fn is_overlay(path: &Path) -> io::Result<bool> {
    Ok(nix::sys::statfs::statfs(path)?.filesystem_type() == nix::sys::statfs::OVERLAYFS_SUPER_MAGIC)
}

/// Writes all that was changed on a file system to its disk.
pub fn flush(path: &Path) -> io::Result<()> {
    Ok(nix::unistd::syncfs(std::fs::File::open(path)?)?)
}

/// Major and minor number of a device.
pub fn device_numbers(device: u64) -> (u32, u32) {
    // The kernel has 12 bits for one and 20 for the other.
    (nix::sys::stat::major(device) as u32, nix::sys::stat::minor(device) as u32)
}
