//! How large and how full the file system of a path is.

use std::io;
use std::path::Path;

/// A file system, as df(1) sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disk {
    /// Unit: bytes.
    pub total: u64,
    /// Unit: bytes that those without privileges can still write.
    pub available: u64,
}

impl Disk {
    /// The file system that holds `path`.
    pub fn of(path: &Path) -> io::Result<Self> {
        let found = nix::sys::statvfs::statvfs(path)?;
        let block = found.fragment_size();
        Ok(Self { total: found.blocks() * block, available: found.blocks_available() * block })
    }

    /// How full it is, from zero to one.
    pub fn used_fraction(self) -> f64 {
        if self.total == 0 { 0.0 } else { 1.0 - self.available as f64 / self.total as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_larger_than_what_is_left_of_it() {
        let disk = Disk::of(Path::new("/")).unwrap();
        assert!(disk.total > 0 && disk.available <= disk.total);
        assert!((0.0..=1.0).contains(&disk.used_fraction()));
    }
}
