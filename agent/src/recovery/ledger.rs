//! The journal as the agent uses it: records in, batches on disk, a snapshot when it grows long.

use std::path::Path;
use std::sync::Arc;

use journal::{Config, Frame, Journal, JournalError, OpenError, Tail, Writer};
use libprocess::environment::Storage;
use libprocess_wire as wire;

use super::Record;

/// The one kind of frame: all that one turn wrote down.
const BATCH: u8 = 1;
/// The layout of [`Record`].
const VERSION: u8 = 1;
/// A journal is rewritten as a snapshot once so much was written since the last one, and four times what that took.
///
/// Unit: bytes.
const LONG: u64 = 4 << 20;

/// Why the journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    #[error("cannot use the journal")]
    Open(#[from] OpenError),
    #[error("cannot start the journal")]
    Start(#[source] std::io::Error),
    #[error(
        "the journal in {dir} was written by another version of the agent (frame {kind}, layout {version})"
    )]
    Version { dir: String, kind: u8, version: u8 },
    #[error("the journal in {dir} holds what is no record")]
    Record {
        dir: String,
        #[source]
        why: wire::DecodeError,
    },
}

/// An open journal.
pub(crate) struct Ledger {
    journal: Journal,
    /// What the last snapshot took. Unit: bytes.
    snapshot: u64,
}

impl Ledger {
    /// Opens the journal in `dir` and reads all of it. Blocks.
    ///
    /// Errors: the disk refuses, or what is there cannot be understood; a torn end is cut off, since nobody was told
    /// that it is kept.
    pub(crate) fn open(
        storage: Arc<dyn Storage>,
        dir: &Path,
        salt: u64,
    ) -> Result<(Self, Vec<Record>), LedgerError> {
        let config = Config::new(dir, salt);
        let pending_bytes = config.pending_bytes;
        let (writer, found) = Writer::open(storage, config)?;
        if let Tail::Torn { file, offset } = &found.tail {
            tracing::warn!(file = %file.display(), offset, "the journal ended within a record, which nobody was told of");
        }
        let read = |bytes: &[u8]| {
            wire::decode::<Vec<Record>>(bytes)
                .map_err(|why| LedgerError::Record { dir: dir.display().to_string(), why })
        };
        let mut records = Vec::new();
        let mut snapshot = 0;
        if let Some(bytes) = found.snapshot {
            snapshot = bytes.len() as u64;
            records.extend(read(&bytes)?);
        }
        for Frame { kind, version, body } in found.frames {
            if (kind, version) != (BATCH, VERSION) {
                return Err(LedgerError::Version { dir: dir.display().to_string(), kind, version });
            }
            records.extend(read(&body)?);
        }
        let journal = Journal::start(writer, pending_bytes).map_err(LedgerError::Start)?;
        Ok((Self { journal, snapshot }, records))
    }

    /// Writes records down, all or none. `done` is called once, on the journal's thread, or here if the journal has too
    /// much to write.
    pub(crate) fn write(&self, records: &[Record], done: impl FnOnce(Result<(), String>) + Send + 'static) {
        let frame = Frame { kind: BATCH, version: VERSION, body: wire::encode(records) };
        let told = Told(Some(Box::new(done)));
        let written = Box::new(move |result: Result<(), JournalError>| {
            told.tell(result.map_err(|why| why.to_string()))
        });
        // Rejected, the closure is dropped, and with it what tells.
        let _ = self.journal.append(vec![frame], written);
    }

    /// Replaces the journal by `snapshot` if it has grown long.
    pub(crate) fn compact_if_long(&mut self, snapshot: impl FnOnce() -> Vec<Record>) {
        let size = self.journal.size();
        if size < LONG || size < self.snapshot.saturating_mul(4) {
            return;
        }
        let bytes = wire::encode(&snapshot());
        // Until it is written, the size says nothing new; asked once, it is not asked again at every turn.
        self.snapshot = (bytes.len() as u64).max(size);
        let length = bytes.len();
        let rejected = self.journal.compact(
            bytes,
            Box::new(move |result| match result {
                Ok(()) => tracing::info!(length, "journal rewritten"),
                Err(why) => tracing::error!(%why, "journal not rewritten"),
            }),
        );
        if rejected.is_err() {
            tracing::warn!("journal too busy to be rewritten");
        }
    }
}

type Done = Box<dyn FnOnce(Result<(), String>) + Send>;

/// Tells how a write went, also when it is dropped unwritten.
struct Told(Option<Done>);

impl Told {
    fn tell(mut self, result: Result<(), String>) {
        if let Some(done) = self.0.take() {
            done(result);
        }
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        if let Some(done) = self.0.take() {
            done(Err("the journal has too much to write".to_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn what_was_written_is_there_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let runtime =
            libprocess::Runtime::start(libprocess::Config { listen: None, ..Default::default() }).unwrap();
        let storage = runtime.storage();
        let (ledger, found) = Ledger::open(storage.clone(), dir.path(), 1).unwrap();
        assert!(found.is_empty());
        let (told, hear) = mpsc::channel();
        ledger
            .write(&[Record::Agent { id: "S0".into() }, Record::Left], move |done| told.send(done).unwrap());
        assert_eq!(hear.recv().unwrap(), Ok(()));
        drop(ledger);

        let (_, found) = Ledger::open(storage.clone(), dir.path(), 2).unwrap();

        assert_eq!(found, [Record::Agent { id: "S0".into() }, Record::Left]);
        runtime.shutdown();
    }
}
