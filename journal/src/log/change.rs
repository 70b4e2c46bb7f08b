//! What can be done to a log, and how it is written down.
//!
//! ```text
//! kind 1 entry     │ index u64 │ bytes … │        kind 4 purge  │ begin u64 │
//!      2 cell      │ cell u8   │ bytes … │             5 retain │ from u64  │
//!      3 truncate  │ end u64   │                     6 start  │ end u64   │ the first of each segment
//! ```

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::frame::{Frame, FrameRef, size_of};

const ENTRY: u8 = 1;
const CELL: u8 = 2;
const TRUNCATE: u8 = 3;
const PURGE: u8 = 4;
const RETAIN: u8 = 5;
const START: u8 = 6;

/// How all of them are spelled.
const VERSION: u8 = 1;

/// Something done to a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Entries that follow the last one.
    Append {
        /// The index of the first of them.
        first: u64,
        /// What they are.
        entries: Vec<Bytes>,
    },
    /// Something kept beside the entries gets another value.
    Set {
        /// Which; the owner's.
        cell: u8,
        /// The value.
        value: Bytes,
    },
    /// Entries from `end` on were never there.
    Truncate {
        /// The index the next entry gets.
        end: u64,
    },
    /// The owner no longer needs entries before `begin`; if there are fewer, the next one gets that index.
    Purge {
        /// The first that is needed.
        begin: u64,
    },
    /// Whoever reads needs entries from `from` on, also those that were purged; what is gone already stays gone.
    Retain {
        /// The first that is needed; `u64::MAX` if none is.
        from: u64,
    },
}

/// What a log holds beside the entries themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// The first entry its owner needs.
    pub(crate) begin: u64,
    /// The index of the next entry.
    pub(crate) end: u64,
    /// The first entry its readers need.
    pub(crate) retain: u64,
    pub(crate) cells: BTreeMap<u8, Bytes>,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { begin: 0, end: 0, retain: u64::MAX, cells: BTreeMap::new() }
    }
}

/// A frame of a log, decoded.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Written<'a> {
    Entry { index: u64, bytes: &'a [u8] },
    Cell { cell: u8, bytes: &'a [u8] },
    Truncate { end: u64 },
    Purge { begin: u64 },
    Retain { from: u64 },
    Start { end: u64 },
}

impl Change {
    /// Unit: bytes.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Append { entries, .. } => entries.iter().map(|entry| entry_size(entry)).sum(),
            Self::Set { value, .. } => size_of(1 + value.len()),
            Self::Truncate { .. } | Self::Purge { .. } | Self::Retain { .. } => size_of(8),
        }
    }
}

impl Bounds {
    /// The first entry anybody needs.
    pub(crate) fn floor(&self) -> u64 {
        self.begin.min(self.retain)
    }

    /// What a change does to them.
    pub(crate) fn apply(&mut self, change: &Change) {
        match change {
            Change::Append { entries, .. } => self.end += entries.len() as u64,
            Change::Set { cell, value } => drop(self.cells.insert(*cell, value.clone())),
            Change::Truncate { end } => self.end = self.end.min((*end).max(self.begin)),
            Change::Purge { begin } => {
                self.begin = self.begin.max(*begin);
                self.end = self.end.max(self.begin);
            }
            Change::Retain { from } => self.retain = *from,
        }
    }

    /// What a new segment begins with, so that none before it is needed for this.
    pub(crate) fn carry(&self) -> Vec<Frame> {
        let number =
            |kind, number: u64| Frame { kind, version: VERSION, body: number.to_le_bytes().to_vec() };
        let mut frames =
            vec![number(START, self.end), number(PURGE, self.begin), number(RETAIN, self.retain)];
        frames.extend(self.cells.iter().map(|(cell, value)| {
            let body = [&[*cell], &value[..]].concat();
            Frame { kind: CELL, version: VERSION, body }
        }));
        frames
    }
}

/// Kind and version of an entry's frame.
pub(crate) const ENTRY_MEANING: [u8; 2] = [ENTRY, VERSION];

/// How many bytes an entry takes in a segment.
pub(crate) fn entry_size(entry: &[u8]) -> usize {
    size_of(8 + entry.len())
}

/// How any change but an append is written.
pub(crate) fn spell(change: &Change) -> Option<([u8; 2], Vec<u8>)> {
    let number = |kind, number: &u64| Some(([kind, VERSION], number.to_le_bytes().to_vec()));
    match change {
        Change::Append { .. } => None,
        Change::Set { cell, value } => Some(([CELL, VERSION], [&[*cell], &value[..]].concat())),
        Change::Truncate { end } => number(TRUNCATE, end),
        Change::Purge { begin } => number(PURGE, begin),
        Change::Retain { from } => number(RETAIN, from),
    }
}

/// Reads a frame back.
pub(crate) fn written(frame: FrameRef<'_>) -> Option<Written<'_>> {
    if frame.version != VERSION {
        return None;
    }
    let number = || Some(u64::from_le_bytes(frame.body.try_into().ok()?));
    Some(match frame.kind {
        ENTRY => {
            let (index, bytes) = frame.body.split_first_chunk::<8>()?;
            Written::Entry { index: u64::from_le_bytes(*index), bytes }
        }
        CELL => {
            let (cell, bytes) = frame.body.split_first()?;
            Written::Cell { cell: *cell, bytes }
        }
        TRUNCATE => Written::Truncate { end: number()? },
        PURGE => Written::Purge { begin: number()? },
        RETAIN => Written::Retain { from: number()? },
        START => Written::Start { end: number()? },
        _ => return None,
    })
}
