//! The log and the votes of a replica, on its disk: one stream of both, in the order in which they were given.
//!
//! An entry can be read once it was asked to be kept; whoever waits for the flush is told by the log's own thread, in
//! order. How far the log is committed rides along with what is written next. The first error of the disk is final.

use std::fmt::Debug;
use std::io;
use std::ops::{Bound, RangeBounds};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, TryStreamExt, stream};
use journal::{Change, Flushes, JournalError, Lane, Log, Tail};
use libprocess::environment::Environment;
use libprocess_wire as wire;
use openraft::storage::{IOFlushed, RaftLogStorage};
use openraft::{LogState, OptionalSend, RaftLogReader};
use parking_lot::Mutex;
use rand::Rng;
use tokio::sync::{Notify, oneshot};

use super::codec::{self, Place, decode_entry, encode_entry};
use super::recent::Recent;
use super::types::{Entry, LogId, Types, Vote};
use crate::damage::OpenError;
use crate::identity;

const VOTE: u8 = 0;
const COMMITTED: u8 = 1;
const PURGED: u8 = 2;
/// How the cells are spelled.
const CELLS: u8 = 1;

/// What may wait for the disk before whoever appends has to wait. Unit: bytes.
const PENDING_MAX: usize = 64 << 20;
/// What is read at once. Unit: bytes.
const READ_MAX: usize = 4 << 20;
/// How the log is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// Unit: bytes.
    pub(crate) segment: u64,
    /// Have the next segment's file ready in advance.
    pub(crate) prepare: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { segment: 64 << 20, prepare: true }
    }
}

/// The log and the votes of a replica.
#[derive(Clone)]
pub(crate) struct LogStore(Arc<Store>);

struct Store {
    log: Log,
    known: Mutex<Known>,
    /// Told when there may be room again for more.
    room: Notify,
    environment: Environment,
}

#[derive(Default)]
struct Known {
    vote: Option<Vote>,
    committed: Option<LogId>,
    /// Not asked to be kept yet.
    committed_is_new: bool,
    purged: Option<LogId>,
    last: Option<LogId>,
    recent: Recent,
}

impl LogStore {
    /// Opens the log in `dir`, which has an identity; makes it if there was never one.
    ///
    /// Errors: the disk refuses; the log is damaged, of a later version, of another replica, or gone.
    pub(crate) fn open(environment: &Environment, dir: &Path) -> Result<LogStore, OpenError> {
        LogStore::open_with(environment, dir, Settings::default())
    }

    pub(crate) fn open_with(
        environment: &Environment,
        dir: &Path,
        settings: Settings,
    ) -> Result<LogStore, OpenError> {
        let storage = &environment.storage;
        let node = identity::node(&**storage, dir)?;
        let begun = identity::has_begun(&**storage, dir)?;
        let wal = dir.join("wal");
        let there = storage.list(&wal).is_ok_and(|names| names.iter().any(|name| name.ends_with(".log")));
        if begun && !there {
            return Err(OpenError::Lost { dir: dir.to_owned(), what: "log" });
        }
        let config = journal::Config {
            segment_bytes: settings.segment,
            pending_bytes: usize::MAX,
            owner: node.0.into(),
            prepare: settings.prepare,
            ..journal::Config::new(wal, environment.rng.stream("log salt").next_u64())
        };
        let opened = Log::open(storage.clone(), config, Lane::of(environment), 1 << 20);
        let (log, tail) = opened.map_err(OpenError::log)?;
        if let Tail::Torn { file, offset } = tail {
            tracing::warn!(file = %file.display(), offset, "the log ended within a write nobody was answered for");
        }
        if !begun {
            identity::begin(&**storage, dir)?;
        }
        let store =
            Store { log, known: Mutex::default(), room: Notify::new(), environment: environment.clone() };
        let known = store.recall().map_err(OpenError::storage(dir, "understand the log in"))?;
        *store.known.lock() = known;
        Ok(LogStore(Arc::new(store)))
    }

    /// The entries in `range` that are retained, also those replicas no longer need; as many as are read at once, from the
    /// first of them on. Blocks on the disk for older ones.
    pub(crate) fn entries(&self, range: impl RangeBounds<u64>) -> io::Result<Vec<Entry>> {
        let bounds = self.0.log.bounds();
        let (from, to) = ends(&range);
        self.0.read(from.max(bounds.floor), to.min(bounds.end))
    }

    /// The first entry that it has not let go of.
    pub(crate) fn kept(&self) -> u64 {
        self.0.known.lock().purged.map_or(0, |purged| purged.index + 1)
    }

    /// How the flushes went so far.
    pub(crate) fn flushes(&self) -> Flushes {
        self.0.log.flushes()
    }

    /// How much was written since the log was opened, and read when it was. Unit: bytes.
    pub(crate) fn size(&self) -> u64 {
        self.0.log.size()
    }

    /// Reads on a thread that may block, unless all is at hand.
    async fn load(&self, from: u64, to: u64) -> io::Result<Vec<Entry>> {
        let begin = self.0.log.bounds().begin;
        let (from, to) = (from.max(begin), to.min(self.0.log.bounds().end));
        if from >= to || from >= self.0.known.lock().recent.first() {
            return self.0.read(from, to);
        }
        let (tell, told) = oneshot::channel();
        let store = self.0.clone();
        self.0.environment.spawner.blocking(Box::new(move || drop(tell.send(store.read(from, to)))));
        told.await.map_err(|_| io::Error::other("the replica has stopped"))?
    }

    /// Has something kept, and waits until it is.
    async fn keep(&self, change: impl FnOnce(&mut Known) -> Vec<Change>) -> io::Result<()> {
        let (tell, told) = oneshot::channel();
        self.0.ask(change, |result| drop(tell.send(result)))?;
        let kept = told.await.map_err(|_| io::Error::other("the log has stopped"))?;
        kept.map_err(io::Error::from)
    }
}

impl Store {
    /// What was known when the log was last used.
    fn recall(&self) -> io::Result<Known> {
        let bounds = self.log.bounds();
        let place = |cell| Ok::<_, io::Error>(self.cell::<Place>(cell)?.map(LogId::from));
        let purged = place(PURGED)?;
        let last = match bounds.end.checked_sub(1).filter(|last| *last >= bounds.begin) {
            Some(last) => self.decode(last, bounds.end)?.pop().map(|entry| entry.log_id),
            None => purged,
        };
        let vote = self.cell::<codec::Vote>(VOTE)?.map(Vote::from);
        let recent = Recent::from(bounds.end);
        Ok(Known { vote, committed: place(COMMITTED)?, committed_is_new: false, purged, last, recent })
    }

    fn cell<T: wire::Part>(&self, cell: u8) -> io::Result<Option<T>> {
        let Some(bytes) = self.log.cell(cell) else { return Ok(None) };
        match bytes.split_first() {
            Some((&CELLS, rest)) => wire::decode(rest).map(Some).map_err(invalid),
            _ => Err(invalid("it holds a value of a later version")),
        }
    }

    fn read(&self, from: u64, to: u64) -> io::Result<Vec<Entry>> {
        if from >= to {
            return Ok(Vec::new());
        }
        if let Some(entries) = self.known.lock().recent.read(from, to, READ_MAX) {
            return Ok(entries);
        }
        self.decode(from, to)
    }

    fn decode(&self, from: u64, to: u64) -> io::Result<Vec<Entry>> {
        let read = self.log.read(from, to, READ_MAX)?;
        read.iter().map(|bytes| decode_entry(bytes).map_err(invalid)).collect()
    }

    /// Makes a change known and asks for it to be kept, together with what else is new. `done` is told where the log is
    /// written.
    fn ask(
        self: &Arc<Self>,
        change: impl FnOnce(&mut Known) -> Vec<Change>,
        done: impl FnOnce(Result<(), JournalError>) + Send + 'static,
    ) -> io::Result<()> {
        let mut known = self.known.lock();
        let mut changes = change(&mut known);
        if std::mem::take(&mut known.committed_is_new) {
            changes.extend(known.committed.map(|committed| set(COMMITTED, &Place::from(committed))));
        }
        let store = self.clone();
        let done = Box::new(move |result| {
            store.room.notify_waiters();
            done(result);
        });
        // It takes whatever is asked: what waits is bounded by `has_room`.
        self.log.change(changes, done).map_err(io::Error::other)
    }

    async fn has_room(&self) {
        loop {
            let room = self.room.notified();
            if self.log.flushes().pending < PENDING_MAX {
                return;
            }
            room.await;
        }
    }
}

impl RaftLogReader<Types> for LogStore {
    async fn try_get_log_entries<R>(&mut self, range: R) -> Result<Vec<Entry>, io::Error>
    where
        R: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        let (from, to) = ends(&range);
        let mut entries = self.load(from, to).await?;
        while let Some(next) = entries.last().map(|last| last.log_id.index + 1)
            && next < to
        {
            match self.load(next, to).await? {
                more if more.is_empty() => break,
                more => entries.extend(more),
            }
        }
        Ok(entries)
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> Result<Vec<Entry>, io::Error> {
        let entries = match self.load(start, end).await {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            loaded => loaded?,
        };
        // Where the first is purged, none is given: those that begin later would leave a gap at whoever gets them.
        let gap = entries.first().is_some_and(|first| first.log_id.index > start);
        Ok(if gap { Vec::new() } else { entries })
    }

    async fn entries_stream<R>(&mut self, range: R) -> impl Stream<Item = io::Result<Entry>> + OptionalSend
    where
        R: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        let (from, to) = ends(&range);
        let pieces = stream::try_unfold((self.clone(), from), move |(store, next)| async move {
            let piece = store.load(next, to).await?;
            let then = piece.last().map(|last| last.log_id.index + 1);
            Ok::<_, io::Error>(then.map(|then| (stream::iter(piece.into_iter().map(Ok)), (store, then))))
        });
        Box::pin(pieces.try_flatten())
    }

    async fn read_vote(&mut self) -> Result<Option<Vote>, io::Error> {
        Ok(self.0.known.lock().vote)
    }
}

impl RaftLogStorage<Types> for LogStore {
    type LogReader = LogStore;

    async fn get_log_state(&mut self) -> Result<LogState<Types>, io::Error> {
        let known = self.0.known.lock();
        Ok(LogState { last_purged_log_id: known.purged, last_log_id: known.last })
    }

    async fn get_log_reader(&mut self) -> LogStore {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> Result<(), io::Error> {
        let vote = *vote;
        self.keep(|known| {
            known.vote = Some(vote);
            vec![set(VOTE, &codec::Vote::from(vote))]
        })
        .await
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> Result<(), io::Error> {
        let mut known = self.0.known.lock();
        known.committed_is_new |= known.committed != committed;
        known.committed = committed;
        Ok(())
    }

    async fn read_committed(&mut self) -> Result<Option<LogId>, io::Error> {
        Ok(self.0.known.lock().committed)
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<Types>) -> Result<(), io::Error>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let entries: Vec<(Bytes, Entry)> =
            entries.into_iter().map(|entry| (Bytes::from(encode_entry(&entry)), entry)).collect();
        let Some((_, Entry { log_id: LogId { index: first, .. }, .. })) = entries.first() else {
            callback.io_completed(Ok(()));
            return Ok(());
        };
        let first = *first;
        self.0.has_room().await;
        let bounds = self.0.log.bounds();
        let mut changes = Vec::new();
        if bounds.begin == bounds.end && first > bounds.end {
            // A log may begin anywhere.
            changes.push(Change::Purge { begin: first });
        } else if first != bounds.end {
            let (end, why) = (bounds.end, "entries do not follow the last one");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{why}: {first} after {end}")));
        }
        let change = |known: &mut Known| {
            known.recent.skip_to(first);
            known.last = entries.last().map(|(_, last)| last.log_id);
            let encoded = entries.into_iter().map(|(bytes, entry)| {
                known.recent.put(bytes.len(), entry);
                bytes
            });
            changes.push(Change::Append { first, entries: encoded.collect() });
            changes
        };
        self.0.ask(change, |result| callback.io_completed(result.map_err(io::Error::from)))
    }

    async fn truncate_after(&mut self, last: Option<LogId>) -> Result<(), io::Error> {
        let end = last.map_or(0, |last| last.index + 1);
        if end >= self.0.log.bounds().end {
            return Ok(());
        }
        self.keep(|known| {
            known.recent.truncate(end);
            known.last = last.max(known.purged);
            vec![Change::Truncate { end }]
        })
        .await
    }

    async fn purge(&mut self, upto: LogId) -> Result<(), io::Error> {
        let begin = upto.index + 1;
        let change = |known: &mut Known| {
            known.purged = known.purged.max(Some(upto));
            known.last = known.last.max(Some(upto));
            known.recent.skip_to(begin);
            vec![Change::Purge { begin }, set(PURGED, &Place::from(upto))]
        };
        // Nobody waits for it; whether it was kept, the next one who does will hear.
        self.0.ask(change, |_| {})
    }
}

fn set(cell: u8, value: &impl wire::Part) -> Change {
    let mut bytes = vec![CELLS];
    wire::encode_into(value, &mut bytes);
    Change::Set { cell, value: bytes.into() }
}

/// From which index on, and before which.
fn ends(range: &impl RangeBounds<u64>) -> (u64, u64) {
    let from = match range.start_bound() {
        Bound::Included(from) => *from,
        Bound::Excluded(before) => before.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let to = match range.end_bound() {
        Bound::Included(last) => last.saturating_add(1),
        Bound::Excluded(to) => *to,
        Bound::Unbounded => u64::MAX,
    };
    (from, to)
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
