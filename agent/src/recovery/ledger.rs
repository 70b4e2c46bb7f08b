//! The journal as the agent uses it: records in, batches on disk, a snapshot when it grows long.

use std::path::Path;
use std::sync::Arc;

use journal::{Config, Frame, Journal, JournalError, Lane, OpenError, Tail, Writer};
use libprocess::environment::Storage;
use libprocess_wire as wire;

use super::{Record, Seal};

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
    #[error("cannot use the journal{}", advice(.0))]
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

/// What can be done about it.
fn advice(error: &OpenError) -> &'static str {
    match error {
        OpenError::Damaged { .. } => {
            " (--strict=false starts with what can be read; containers not among it are ended)"
        }
        _ => "",
    }
}

/// An open journal.
pub(crate) struct Ledger {
    journal: Journal,
    /// What the last snapshot took. Unit: bytes.
    snapshot: u64,
    /// Something in it cannot be read: it is rewritten at once, or that is met again.
    damaged: bool,
    /// What secrets are sealed with; written as they are if `None`.
    seal: Option<Seal>,
}

/// What a journal held.
#[derive(Debug, Default)]
pub(crate) struct Held {
    pub records: Vec<Record>,
    /// Some of it could not be read, and whoever runs the agent said that this is no reason to stop.
    pub damaged: bool,
}

impl Ledger {
    /// Opens the journal in `dir` and reads all of it, which blocks; from then on it is written in `lane`.
    ///
    /// Errors: the disk refuses, or, if `strict`, something in the middle cannot be read. A torn end is cut off, since
    /// nobody was told that it is kept.
    pub(crate) fn open(
        storage: Arc<dyn Storage>,
        lane: Lane,
        dir: &Path,
        salt: u64,
        strict: bool,
        seal: Option<Seal>,
    ) -> Result<(Self, Held), LedgerError> {
        let config = Config { accept_damage: !strict, ..Config::new(dir, salt) };
        let pending_bytes = config.pending_bytes;
        let (writer, found) = Writer::open(storage, config)?;
        let mut held = Held::default();
        match &found.tail {
            Tail::Clean => {}
            Tail::Torn { file, offset } => {
                tracing::warn!(file = %file.display(), offset, "the journal ended within a record; nobody was told of it");
            }
            Tail::Damaged { file, offset } => {
                tracing::error!(file = %file.display(), offset, "the journal is damaged; what can be read is taken");
                held.damaged = true;
            }
        }
        let snapshot = found.snapshot.as_ref().map_or(0, |bytes| bytes.len() as u64);
        let written = found.snapshot.into_iter().map(|body| Frame { kind: BATCH, version: VERSION, body });
        for Frame { kind, version, body } in written.chain(found.frames) {
            if (kind, version) != (BATCH, VERSION) {
                return Err(LedgerError::Version { dir: dir.display().to_string(), kind, version });
            }
            let batch = wire::decode::<Vec<Record>>(&body)
                .map_err(|why| LedgerError::Record { dir: dir.display().to_string(), why })?;
            held.records.extend(batch);
        }
        if let Some(seal) = &seal {
            seal.open(&mut held.records);
        }
        let journal = Journal::start(writer, lane, pending_bytes).map_err(LedgerError::Start)?;
        Ok((Self { journal, snapshot, damaged: held.damaged, seal }, held))
    }

    /// Writes records down, all or none. `done` is called once, on the journal's thread, or here if the journal has too
    /// much to write.
    pub(crate) fn write(&self, records: &[Record], done: impl FnOnce(Result<(), String>) + Send + 'static) {
        let body = self.encoded(records);
        let frame = Frame { kind: BATCH, version: VERSION, body };
        let told = Told(Some(Box::new(done)));
        let written = Box::new(move |result: Result<(), JournalError>| {
            told.tell(result.map_err(|why| why.to_string()))
        });
        // Rejected, the closure is dropped, and with it what tells.
        let _ = self.journal.append(vec![frame], written);
    }

    /// Replaces the journal by `snapshot` if it has grown long, or holds what cannot be read.
    pub(crate) fn compact_if_long(&mut self, snapshot: impl FnOnce() -> Vec<Record>) {
        let size = self.journal.size();
        let long = size >= LONG && size >= self.snapshot.saturating_mul(4);
        if !long && !std::mem::take(&mut self.damaged) {
            return;
        }
        let bytes = self.encoded(&snapshot());
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

impl Ledger {
    fn encoded(&self, records: &[Record]) -> Vec<u8> {
        match &self.seal {
            Some(seal) => wire::encode(&*seal.seal(records)),
            None => wire::encode(records),
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

    /// A journal in a directory of its own.
    struct Stage {
        dir: tempfile::TempDir,
        runtime: libprocess::Runtime,
    }

    impl Stage {
        fn new() -> Self {
            let config = libprocess::Config { listen: None, ..Default::default() };
            Self { dir: tempfile::tempdir().unwrap(), runtime: libprocess::Runtime::start(config).unwrap() }
        }

        fn open(&self, strict: bool) -> Result<(Ledger, Held), LedgerError> {
            Ledger::open(
                self.runtime.storage().clone(),
                Lane::of(self.runtime.environment()),
                self.dir.path(),
                1,
                strict,
                None,
            )
        }
    }

    impl Drop for Stage {
        fn drop(&mut self) {
            self.runtime.shutdown();
        }
    }

    fn write(ledger: &Ledger, records: &[Record]) {
        let (told, hear) = mpsc::channel();
        ledger.write(records, move |done| told.send(done).unwrap());
        assert_eq!(hear.recv().unwrap(), Ok(()));
    }

    #[test]
    fn what_was_written_is_there_after_a_restart() {
        let stage = Stage::new();
        let (ledger, found) = stage.open(true).unwrap();
        assert!(found.records.is_empty());
        write(&ledger, &[Record::Agent { id: "S0".into() }, Record::Left]);
        drop(ledger);

        let (_, found) = stage.open(true).unwrap();

        assert_eq!(found.records, [Record::Agent { id: "S0".into() }, Record::Left]);
    }

    #[test]
    fn a_long_journal_is_replaced_by_what_it_amounts_to() {
        let stage = Stage::new();
        let (mut ledger, _) = stage.open(true).unwrap();
        for _ in 0..5 {
            write(&ledger, &[Record::Agent { id: "x".repeat(1 << 20).into() }]);
        }
        ledger.compact_if_long(|| vec![Record::Agent { id: "S0".into() }]);
        write(&ledger, &[Record::Left]);
        drop(ledger);

        let (_, found) = stage.open(true).unwrap();

        assert_eq!(found.records, [Record::Agent { id: "S0".into() }, Record::Left]);
    }

    #[test]
    fn damage_stops_the_agent_unless_it_was_told_not_to_be_strict() {
        let stage = Stage::new();
        let (ledger, _) = stage.open(true).unwrap();
        write(&ledger, &[Record::Agent { id: "S0".into() }]);
        write(&ledger, &[Record::FrameworkGone("f".into())]);
        drop(ledger);
        let segment = std::fs::read_dir(stage.dir.path()).unwrap().next().unwrap().unwrap().path();
        let mut bytes = std::fs::read(&segment).unwrap();
        let at = bytes.windows(2).position(|two| two == b"S0").unwrap();
        bytes[at] ^= 1;
        std::fs::write(&segment, bytes).unwrap();

        assert!(matches!(stage.open(true), Err(LedgerError::Open(OpenError::Damaged { .. }))));
        let (mut ledger, found) = stage.open(false).unwrap();
        assert!(found.damaged);
        assert_eq!(found.records, [Record::FrameworkGone("f".into())]);
        ledger.compact_if_long(|| found.records);
        drop(ledger);
        assert_eq!(stage.open(true).unwrap().1.records.len(), 1);
    }
}
