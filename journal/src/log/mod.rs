//! A log of entries by index, on a journal: appended, taken back from the end, let go of at the front, read anywhere.
//!
//! ```text
//!        floor          begin                            end
//!  ──────┼──────────────┼────────────────────────────────┼──►  index
//!  gone  │ for readers  │ the owner's    │ in memory too │
//! ```
//!
//! Files go once nobody needs an entry in them, which is known from each segment's index of its entries. What is not an
//! entry is kept in cells; every segment begins with the bounds and the cells, so that none before it is needed for them.
//! A request is durable as a whole or not at all, in the order of asking; it can be read before that.

mod change;
mod index;
mod keep;
mod read;
mod replay;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use libprocess::environment::Storage;

pub use change::Change;
pub use read::ReadError;

use crate::config::Config;
use crate::flush::{Done, Flusher, Flushes, Rejected, unpoisoned};
use crate::lane::Lane;
use crate::recover::{OpenError, Tail as Ended};
use crate::segment::segment_name;
use crate::writer::Opening;
use keep::{Entries, State, Tail};
use replay::Replay;

/// A log of entries by index. Dropping it writes what is left.
pub struct Log {
    /// Held while something is asked for, so that all is written in the order in which it became visible.
    order: Mutex<()>,
    state: Arc<Mutex<State>>,
    flusher: Flusher<Entries>,
    storage: Arc<dyn Storage>,
    dir: PathBuf,
}

/// What of a log is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The first entry that can be read.
    pub floor: u64,
    /// The first entry its owner has not purged.
    pub begin: u64,
    /// The index of the next entry.
    pub end: u64,
}

impl Log {
    /// Opens the log in `config.dir`, making it if it is missing; says how it ended. Keeps up to `memory` bytes of the
    /// latest entries at hand.
    ///
    /// Errors: the disk refuses, the log is not this owner's or a later version's, or it is damaged.
    pub fn open(
        storage: Arc<dyn Storage>,
        config: Config,
        lane: Lane,
        memory: usize,
    ) -> Result<(Self, Ended), OpenError> {
        assert!(config.segment_bytes < 1 << 31, "segments are shorter than 2 GiB");
        let (dir, pending_max) = (config.dir.clone(), config.pending_bytes);
        let mut replay = Replay::default();
        let opening =
            Opening::read(storage.clone(), config, true, &mut |place, frame| replay.read(place, frame))?;
        replay.finish().map_err(|why| {
            let first = opening.found.first;
            let missing = dir.join(segment_name(first.saturating_sub(1)));
            OpenError::Damaged { file: missing, offset: 0, why }
        })?;
        let (ended, mut seals) = (opening.found.tail.clone(), opening.found.seals.clone());
        let Replay { bounds, index, .. } = replay;
        let writer = opening.write(&lane, &bounds.carry())?;
        let (_, present, seal) = writer.segments();
        seals.insert(present, seal);
        let tail = Tail { first: bounds.end, size_max: memory, ..Tail::default() };
        let (bounds, size) = (bounds.clone(), writer.size());
        let state = State { bounds: bounds.clone(), index, tail, seals, asked: 0, kept: 0, size };
        let state = Arc::new(Mutex::new(state));
        let keeper = Entries { writer, bounds, state: state.clone() };
        let started = Flusher::start(keeper, lane, pending_max);
        let flusher =
            started.map_err(|source| OpenError::Storage { dir: dir.clone(), doing: "write to", source })?;
        Ok((Self { order: Mutex::new(()), state, flusher, storage, dir }, ended))
    }

    /// Does something to the log, all of it or nothing. It can be seen at once; `done` is told once it is durable.
    ///
    /// Errors: too much waits already; `done` is dropped then, and nothing is changed.
    ///
    /// # Panics
    /// If entries do not follow the last one.
    pub fn change(&self, mut changes: Vec<Change>, done: Done) -> Result<(), Rejected> {
        let order = unpoisoned(&self.order);
        let mut after = unpoisoned(&self.state).bounds.clone();
        for change in &mut changes {
            if let Change::Append { first, .. } = change {
                assert_eq!(*first, after.end, "entries follow the last one");
            }
            // What is gone already cannot be wished back, so files never seem to be missing.
            if let Change::Retain { from } = change {
                *from = (*from).max(self.bounds().floor);
            }
            if let Change::Truncate { end } = change {
                *end = (*end).clamp(after.begin, after.end);
            }
            after.apply(change);
        }
        self.flusher.push(changes.clone(), done)?;
        let mut state = unpoisoned(&self.state);
        state.asked += 1;
        let request = state.asked;
        changes.into_iter().for_each(|change| state.show(request, change));
        drop((state, order));
        self.flusher.go();
        Ok(())
    }

    /// What of it is there.
    pub fn bounds(&self) -> Bounds {
        let state = unpoisoned(&self.state);
        let first = state.index.first().unwrap_or(state.tail.first);
        let floor = first.max(state.bounds.floor()).min(state.bounds.end);
        Bounds { floor, begin: state.bounds.begin, end: state.bounds.end }
    }

    /// What is kept in a cell.
    pub fn cell(&self, cell: u8) -> Option<Bytes> {
        unpoisoned(&self.state).bounds.cells.get(&cell).cloned()
    }

    /// How the flushes went so far.
    pub fn flushes(&self) -> Flushes {
        self.flusher.flushes()
    }

    /// How much was written since the log was opened, and read when it was. Unit: bytes.
    pub fn size(&self) -> u64 {
        unpoisoned(&self.state).size
    }
}

impl State {
    /// Lets a change be seen.
    fn show(&mut self, request: u64, change: Change) {
        self.bounds.apply(&change);
        match change {
            Change::Append { entries, .. } => {
                entries.into_iter().for_each(|entry| self.tail.put(request, entry));
            }
            Change::Truncate { .. } => self.tail.truncate(self.bounds.end),
            Change::Purge { .. } => {
                let held = self.tail.first + self.tail.entries.len() as u64;
                if held < self.bounds.end {
                    self.tail.clear(self.bounds.end);
                }
            }
            Change::Set { .. } | Change::Retain { .. } => {}
        }
    }
}
