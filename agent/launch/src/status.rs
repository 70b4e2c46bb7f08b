//! What a container leaves behind: written once by its supervisor, synced, renamed into place.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use libprocess_wire as wire;

use crate::runtime_files::{STATUS, STATUS_NEW};
use crate::sealed::{SealError, Sealed};

/// The end of a container.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusRecord {
    /// How it ended.
    pub outcome: Outcome,
    /// Unit: microseconds of processor time in user mode, of all its processes that were waited for.
    pub user_micros: u64,
    /// Unit: microseconds of processor time in the kernel, likewise.
    pub system_micros: u64,
    /// Unit: bytes, the most that was resident in one process.
    pub peak_bytes: u64,
    /// Unit: milliseconds since the epoch.
    pub started_millis: u64,
    /// Unit: milliseconds since the epoch.
    pub ended_millis: u64,
    /// The boot it belongs to.
    pub boot_id: String,
}

/// How a container ended.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The task's first process ended.
    Exited {
        /// The raw wait status.
        status: i32,
        /// Whether [`Request::Destroy`](crate::Request::Destroy) came before.
        destroyed: bool,
    },
    /// The program was never executed.
    NotStarted {
        /// What failed.
        message: String,
    },
}

impl Sealed for StatusRecord {
    const MAGIC: [u8; 4] = *b"HLst";
    const VERSION: u16 = 1;
}

/// What can be wrong with a status file.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    #[error("failed to read the status record")]
    Read(#[source] io::Error),
    #[error("the status record is not believed")]
    Sealed(#[source] SealError),
}

impl StatusRecord {
    /// Leaves the record in `dir` for whoever comes: after this returns it survives a loss of power.
    pub fn write(&self, dir: &Path) -> io::Result<()> {
        let new = dir.join(STATUS_NEW);
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&new)?;
        file.write_all(&self.seal())?;
        file.sync_data()?;
        fs::rename(&new, dir.join(STATUS))?;
        File::open(dir)?.sync_all()
    }

    /// Reads the record of `dir`, if it has been left.
    ///
    /// Errors: there is one that cannot be read or is not whole.
    pub fn read(dir: &Path) -> Result<Option<Self>, StatusError> {
        match fs::read(dir.join(STATUS)) {
            Ok(bytes) => Self::open(&bytes).map(Some).map_err(StatusError::Sealed),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StatusError::Read(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> StatusRecord {
        StatusRecord {
            outcome: Outcome::Exited { status: 37 << 8, destroyed: false },
            user_micros: 1,
            system_micros: 2,
            peak_bytes: 3,
            started_millis: 4,
            ended_millis: 5,
            boot_id: "boot".into(),
        }
    }

    #[test]
    fn a_record_is_found_where_it_was_left() {
        let dir = tempfile::tempdir().unwrap();
        assert!(StatusRecord::read(dir.path()).unwrap().is_none());
        record().write(dir.path()).unwrap();
        assert_eq!(StatusRecord::read(dir.path()).unwrap(), Some(record()));
        assert!(!dir.path().join(STATUS_NEW).exists());
    }

    #[test]
    fn a_torn_record_is_an_error_not_an_exit_code() {
        let dir = tempfile::tempdir().unwrap();
        let bytes = record().seal();
        fs::write(dir.path().join(STATUS), &bytes[..bytes.len() - 3]).unwrap();
        assert!(matches!(StatusRecord::read(dir.path()), Err(StatusError::Sealed(_))));
    }
}
