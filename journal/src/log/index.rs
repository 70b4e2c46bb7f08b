//! Where entries are on disk: for each stretch of a segment, the offsets of its entries.

use std::collections::VecDeque;
use std::ops::Range;

use crate::frame::Place;

/// Shape: runs in the order of their entries; there may be gaps between them.
#[derive(Debug, Default)]
pub(crate) struct Index {
    runs: VecDeque<Run>,
}

/// Entries that follow each other in one segment.
#[derive(Debug)]
struct Run {
    first: u64,
    segment: u64,
    offsets: Vec<u32>,
    /// Where the last of them ends.
    end: u32,
}

/// A piece of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// The first entry in it.
    pub(crate) first: u64,
    pub(crate) segment: u64,
    /// Where its entries begin.
    pub(crate) offsets: Vec<u32>,
    pub(crate) end: u64,
}

impl Index {
    /// An entry was written.
    pub(crate) fn put(&mut self, entry: u64, place: Place, size: usize) {
        let offset = u32::try_from(place.offset).expect("a segment is shorter than 4 GiB");
        let end = offset + u32::try_from(size).expect("a frame is shorter than that");
        match self.runs.back_mut() {
            Some(run) if run.segment == place.segment && run.first + run.offsets.len() as u64 == entry => {
                run.offsets.push(offset);
                run.end = end;
            }
            _ => {
                self.runs.push_back(Run { first: entry, segment: place.segment, offsets: vec![offset], end })
            }
        }
    }

    /// Entries from `end` on are gone.
    pub(crate) fn truncate(&mut self, end: u64) {
        while let Some(run) = self.runs.back_mut() {
            if run.first >= end {
                self.runs.pop_back();
                continue;
            }
            let kept = (end - run.first) as usize;
            if let Some(next) = run.offsets.get(kept) {
                // Something else may lie between, which is only read over.
                run.end = *next;
                run.offsets.truncate(kept);
            }
            break;
        }
    }

    /// Entries before `floor` are no longer needed.
    pub(crate) fn forget_before(&mut self, floor: u64) {
        while self.runs.front().is_some_and(|run| run.first + run.offsets.len() as u64 <= floor) {
            self.runs.pop_front();
        }
    }

    /// The segment of the first entry.
    pub(crate) fn first_segment(&self) -> Option<u64> {
        self.runs.front().map(|run| run.segment)
    }

    pub(crate) fn first(&self) -> Option<u64> {
        self.runs.front().map(|run| run.first)
    }

    /// The entries of `range` that lie together at its beginning, as many as take `bytes`, but one at least; nothing if
    /// the first is not here.
    pub(crate) fn find(&self, range: Range<u64>, bytes: u64) -> Option<Piece> {
        let at = self.runs.partition_point(|run| run.first <= range.start).checked_sub(1)?;
        let run = &self.runs[at];
        let from = (range.start - run.first) as usize;
        let begin = *run.offsets.get(from)?;
        let to = run.offsets.len().min((range.end - run.first) as usize);
        let next = |at: usize| run.offsets.get(at).copied().unwrap_or(run.end);
        let many = (from + 1..to).take_while(|at| u64::from(next(at + 1) - begin) <= bytes).count() + 1;
        let offsets = run.offsets[from..from + many].to_vec();
        Some(Piece { first: range.start, segment: run.segment, offsets, end: next(from + many).into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(segment: u64, offset: u64) -> Place {
        Place { segment, offset }
    }

    #[test]
    fn entries_are_found_in_pieces_of_one_segment() {
        let mut index = Index::default();
        for entry in 10..15 {
            index.put(entry, place(1, 64 + (entry - 10) * 32), 32);
        }
        index.put(15, place(2, 64), 32);
        let piece = index.find(11..20, 1000).unwrap();
        assert_eq!((piece.segment, piece.offsets, piece.end), (1, vec![96, 128, 160, 192], 224));
        assert_eq!(index.find(11..20, 64).unwrap().offsets, [96, 128]);
        assert_eq!(index.find(11..20, 1).unwrap().offsets, [96]);
        assert_eq!(index.find(11..12, 1000).unwrap().end, 128);
        assert_eq!(index.find(15..20, 1000).unwrap().segment, 2);
        assert_eq!(index.find(16..20, 1000), None);
        assert_eq!(index.find(9..20, 1000), None);
    }

    #[test]
    fn what_was_truncated_is_replaced_and_what_is_old_forgotten() {
        let mut index = Index::default();
        for entry in 0..6 {
            index.put(entry, place(entry / 3, 64 + entry * 8), 8);
        }
        index.truncate(2);
        index.put(2, place(4, 800), 16);
        assert_eq!(index.find(0..9, 1000).unwrap().offsets.len(), 2);
        assert_eq!(index.find(2..9, 1000).unwrap().segment, 4);
        index.forget_before(2);
        assert_eq!((index.first(), index.first_segment()), (Some(2), Some(4)));
    }
}
