//! What one step may write, counted as it is written, whatever an archive says of itself.

use std::fs::File;
use std::io::{self, Read, Write};

/// How much is written at a time. Unit: bytes.
const PIECE: usize = 128 * 1024;

/// What is left.
#[derive(Debug)]
pub(crate) struct Budget {
    bytes: u64,
    entries: u64,
}

impl Budget {
    /// Unit of `bytes`: what may be written in all.
    pub(crate) fn new(bytes: u64, entries: u64) -> Self {
        Self { bytes, entries }
    }

    /// What an archive of `size` bytes may become: `ratio` times that, but always 64 MiB, and never more than `bytes`.
    pub(crate) fn of_archive(size: u64, bytes: u64, entries: u64, ratio: u64) -> Self {
        Self::new(size.saturating_mul(ratio).max(64 << 20).min(bytes), entries)
    }

    /// One more file, directory or link.
    pub(crate) fn enter(&mut self) -> io::Result<()> {
        self.entries = self
            .entries
            .checked_sub(1)
            .ok_or_else(|| io::Error::other("it holds more entries than are allowed"))?;
        Ok(())
    }

    /// Copies to the end of `from`.
    pub(crate) fn copy(&mut self, mut from: impl Read, mut to: &File) -> io::Result<()> {
        let mut piece = vec![0; PIECE];
        loop {
            let read = match from.read(&mut piece) {
                Ok(0) => return Ok(()),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            self.bytes = self
                .bytes
                .checked_sub(read as u64)
                .ok_or_else(|| io::Error::other("it becomes larger than is allowed"))?;
            to.write_all(&piece[..read])?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_written_beyond_the_budget() {
        let mut file = tempfile::tempfile().unwrap();
        let mut budget = Budget::new(PIECE as u64, 1);
        assert!(budget.copy(io::repeat(0), &file).is_err());
        assert_eq!(file.metadata().unwrap().len(), PIECE as u64);
        assert!(budget.enter().is_ok() && budget.enter().is_err());
        file.flush().unwrap();
    }

    #[test]
    fn a_small_archive_may_become_64_mebibytes_and_a_large_one_its_ratio() {
        assert_eq!(Budget::of_archive(10, u64::MAX, 1, 1000).bytes, 64 << 20);
        assert_eq!(Budget::of_archive(1 << 20, u64::MAX, 1, 1000).bytes, 1000 << 20);
        assert_eq!(Budget::of_archive(1 << 40, 5 << 30, 1, 1000).bytes, 5 << 30);
    }
}
