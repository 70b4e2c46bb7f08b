//! How a journal is kept, and what ends it.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// How a journal is kept.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where it is; a directory of its own.
    pub dir: PathBuf,
    /// A segment that has grown beyond this is followed by the next. Unit: bytes.
    pub segment_bytes: u64,
    /// How much may wait to be written. Unit: bytes.
    pub pending_bytes: usize,
    /// Read around damage instead of refusing. The owner compacts at once, or the damage is met again.
    pub accept_damage: bool,
    /// What the salts of new segments begin with: anything that differs from start to start.
    pub salt: u64,
    /// Whose journal it is: segments of another are refused.
    pub owner: u128,
    /// Have the next segment's file ready, full of zeros, before it is needed.
    pub prepare: bool,
}

impl Config {
    /// The usual, in `dir`.
    pub fn new(dir: impl Into<PathBuf>, salt: u64) -> Self {
        Self {
            dir: dir.into(),
            segment_bytes: 16 << 20,
            pending_bytes: 64 << 20,
            accept_damage: false,
            salt,
            owner: 0,
            prepare: false,
        }
    }
}

/// Why nothing is written any more.
#[derive(Clone, Debug, thiserror::Error)]
#[error("failed to write the journal: {message}")]
pub struct JournalError {
    /// The first error of the disk.
    pub message: Arc<str>,
    /// What kind of error that was.
    pub kind: io::ErrorKind,
}

impl JournalError {
    pub(crate) fn of(error: &io::Error) -> Self {
        Self { message: error.to_string().into(), kind: error.kind() }
    }
}

impl From<JournalError> for io::Error {
    fn from(error: JournalError) -> Self {
        Self::new(error.kind, error)
    }
}
