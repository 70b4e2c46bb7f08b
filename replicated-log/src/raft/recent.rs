//! The latest entries, decoded: those who apply and those who replicate want them again at once.

use std::collections::VecDeque;

use super::types::Entry;

/// Unit: bytes.
const SIZE_MAX: usize = 16 << 20;
const MANY: usize = 16 << 10;

/// The latest entries, up to the end of the log.
#[derive(Default)]
pub(super) struct Recent {
    first: u64,
    /// Each with the length of its encoding.
    entries: VecDeque<(usize, Entry)>,
    size: usize,
}

impl Recent {
    /// None yet; the next one has this index.
    pub(super) fn from(first: u64) -> Recent {
        Recent { first, ..Recent::default() }
    }

    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// The entries from `from` to before `to`, as many as there are and as take `size`, but one at least; nothing if the
    /// first of them is older than all that are here.
    pub(super) fn read(&self, from: u64, to: u64, size: usize) -> Option<Vec<Entry>> {
        let at = from.checked_sub(self.first)?;
        let mut taken = 0;
        let entries = self.entries.iter().skip(at as usize).take((to - from) as usize);
        let fitting = entries.take_while(|(more, _)| {
            let fits = taken == 0 || taken + more <= size;
            taken += more;
            fits
        });
        Some(fitting.map(|(_, entry)| entry.clone()).collect())
    }

    pub(super) fn put(&mut self, size: usize, entry: Entry) {
        self.size += size;
        self.entries.push_back((size, entry));
        while self.size > SIZE_MAX || self.entries.len() > MANY {
            let Some((size, _)) = self.entries.pop_front() else { return };
            self.size -= size;
            self.first += 1;
        }
    }

    /// Entries from `end` on were never there.
    pub(super) fn truncate(&mut self, end: u64) {
        if end < self.first {
            *self = Recent::from(end);
        }
        for (size, _) in self.entries.drain((end - self.first) as usize..) {
            self.size -= size;
        }
    }

    /// The log goes on at `begin`, if it has not come so far.
    pub(super) fn skip_to(&mut self, begin: u64) {
        if self.first + (self.entries.len() as u64) < begin {
            *self = Recent::from(begin);
        }
    }
}
