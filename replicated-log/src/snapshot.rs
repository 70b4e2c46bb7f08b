//! A snapshot on its way: read in chunks where it lies, put together where it is wanted.

use std::io;
use std::path::Path;
use std::sync::Arc;

use libprocess::environment::Environment;

use crate::raft::codec::Covered;

/// A whole snapshot.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    bytes: Arc<[u8]>,
}

impl Snapshot {
    pub(crate) fn of(bytes: Vec<u8>) -> Snapshot {
        Snapshot { bytes: bytes.into() }
    }

    pub(crate) fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Up to `max` bytes from `offset` on; none at its end.
    pub(crate) fn chunk(&self, offset: u64, max: usize) -> io::Result<Vec<u8>> {
        let from = usize::try_from(offset).map_err(io::Error::other)?.min(self.bytes.len());
        let to = from.saturating_add(max).min(self.bytes.len());
        Ok(self.bytes[from..to].to_vec())
    }

    /// For reading all of it.
    pub(crate) fn reader(&self) -> impl io::Read + '_ {
        &self.bytes[..]
    }
}

/// A snapshot of another replica, as far as it has come.
#[derive(Debug, Default)]
pub(crate) struct Arriving {
    bytes: Vec<u8>,
}

impl Arriving {
    /// One of which nothing is here yet.
    pub(crate) fn begin(_: &Environment, _dir: &Path, _: &Covered) -> io::Result<Arriving> {
        Ok(Arriving::default())
    }

    /// How much of it is here; the next chunk begins there.
    pub(crate) fn arrived(&self) -> u64 {
        self.bytes.len() as u64
    }

    pub(crate) fn write(&mut self, chunk: &[u8]) -> io::Result<()> {
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }

    /// It is all here.
    pub(crate) fn finish(self) -> io::Result<Snapshot> {
        Ok(Snapshot::of(self.bytes))
    }
}
