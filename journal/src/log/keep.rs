//! What happens where the log writes: changes become frames, frames become durable, files become needless.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use bytes::Bytes;

use super::change::{Bounds, Change, ENTRY_MEANING, entry_size, spell};
use super::index::Index;
use crate::config::JournalError;
use crate::flush::{Keeper, unpoisoned};
use crate::frame::{Place, Seal};
use crate::writer::Writer;

/// What the log is, for whoever asks: everything asked for, whether it is on disk yet or not.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) bounds: Bounds,
    /// Entries on disk, as of the last flush.
    pub(crate) index: Index,
    pub(crate) tail: Tail,
    pub(crate) seals: BTreeMap<u64, Seal>,
    /// How many requests were made.
    pub(crate) asked: u64,
    /// How many of them are on disk.
    pub(crate) kept: u64,
    /// Unit: bytes of segments.
    pub(crate) size: u64,
}

/// The latest entries, in memory: all that are not on disk yet, and as many before them as there is room for.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    pub(crate) first: u64,
    /// Each with the number of the request it came with.
    pub(crate) entries: VecDeque<(u64, Bytes)>,
    /// Unit: bytes.
    pub(crate) size: usize,
    pub(crate) size_max: usize,
}

impl Tail {
    pub(crate) fn put(&mut self, request: u64, entry: Bytes) {
        self.size += entry.len();
        self.entries.push_back((request, entry));
    }

    /// Entries from `end` on are gone.
    pub(crate) fn truncate(&mut self, end: u64) {
        if end < self.first {
            self.clear(end);
        }
        for (_, entry) in self.entries.drain((end - self.first) as usize..) {
            self.size -= entry.len();
        }
    }

    /// Nothing is here, and what comes begins with `first`.
    pub(crate) fn clear(&mut self, first: u64) {
        self.entries.clear();
        (self.first, self.size) = (first, 0);
    }

    /// Lets go of the oldest, of those whose requests are on disk.
    fn trim(&mut self, kept: u64, begin: u64) {
        while let Some((request, entry)) = self.entries.front()
            && *request <= kept
            && (self.size > self.size_max || self.first < begin)
        {
            self.size -= entry.len();
            self.first += 1;
            self.entries.pop_front();
        }
    }
}

/// Writes for a log.
pub(crate) struct Entries {
    pub(crate) writer: Writer,
    /// As of the group that is being written.
    pub(crate) bounds: Bounds,
    pub(crate) state: Arc<Mutex<State>>,
}

/// What was written, to be noted once it is durable.
enum Noted {
    Entry(u64, Place, usize),
    Truncated(u64),
}

impl Keeper for Entries {
    type Job = Vec<Change>;

    fn size(job: &Vec<Change>) -> usize {
        job.iter().map(Change::size).sum()
    }

    fn joins(_: &Vec<Change>, _: &Vec<Change>) -> bool {
        true
    }

    fn keep(&mut self, group: Vec<Vec<Change>>) -> Result<(), JournalError> {
        let requests = group.len() as u64;
        let (_, present, seal) = self.writer.segments();
        let mut noted = Vec::new();
        for change in group.iter().flatten() {
            if let Change::Append { first, entries } = change {
                for (index, entry) in (*first..).zip(entries) {
                    let place = self.writer.put_parts(ENTRY_MEANING, [&index.to_le_bytes(), entry]);
                    noted.push(Noted::Entry(index, place, entry_size(entry)));
                }
            } else if let Some((meaning, body)) = spell(change) {
                self.writer.put_parts(meaning, [&body, &[]]);
            }
            self.bounds.apply(change);
            if let Change::Truncate { .. } = change {
                noted.push(Noted::Truncated(self.bounds.end));
            }
        }
        drop(group);
        let bounds = &self.bounds;
        self.writer.flush_carrying(&mut || bounds.carry())?;
        self.remove_needless(requests, noted, (present, seal))
    }
}

impl Entries {
    fn remove_needless(
        &mut self,
        requests: u64,
        noted: Vec<Noted>,
        written: (u64, Seal),
    ) -> Result<(), JournalError> {
        let (first, present, seal) = self.writer.segments();
        let floor = self.bounds.floor();
        let mut state = unpoisoned(&self.state);
        for noted in noted {
            match noted {
                Noted::Entry(index, place, size) => state.index.put(index, place, size),
                Noted::Truncated(end) => state.index.truncate(end),
            }
        }
        state.index.forget_before(floor);
        state.kept += requests;
        let (kept, begin) = (state.kept, self.bounds.begin);
        state.tail.trim(kept, begin);
        let needed = state.index.first_segment().unwrap_or(present);
        state.seals.extend([written, (present, seal)]);
        state.seals.retain(|number, _| *number >= needed);
        state.size = self.writer.size();
        let lowest = state.index.first().unwrap_or(begin);
        if first >= needed {
            return Ok(());
        }
        let wished = self.bounds.retain < lowest;
        if wished {
            // They were skipped and never here; what is found later must not look as if their files were missing.
            self.bounds.retain = lowest;
            state.bounds.retain = state.bounds.retain.max(lowest);
        }
        drop(state);
        if wished && let Some((meaning, body)) = spell(&Change::Retain { from: lowest }) {
            self.writer.put_parts(meaning, [&body, &[]]);
            let bounds = &self.bounds;
            self.writer.flush_carrying(&mut || bounds.carry())?;
        }
        self.writer.remove_before(needed)
    }
}
