//! The bytes of a file on a disk in memory: as they are now, and as they were synced.

use std::ops::Range;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::blocks::Blocks;

/// What of a write may be missing while the rest of it is there. Unit: bytes.
const SECTOR: usize = 512;

/// A file's bytes.
#[derive(Default)]
pub(super) struct Content {
    /// As the node sees them.
    pub(super) now: Blocks,
    /// As a crash leaves them at least.
    pub(super) synced: Blocks,
    /// Where the two differ.
    dirty: Vec<Range<usize>>,
    /// They differ elsewhere too: a flush has failed.
    lost: bool,
}

impl Content {
    /// What a node finds that starts: all of it is synced.
    pub(super) fn found(bytes: Blocks) -> Content {
        Content { now: bytes.clone(), synced: bytes, dirty: Vec::new(), lost: false }
    }

    pub(super) fn write(&mut self, bytes: &[u8], offset: usize) {
        let end = offset + bytes.len();
        let start = offset.min(self.now.len());
        self.now.write(bytes, offset);
        match self.dirty.last_mut() {
            Some(last) if last.end == start => last.end = end,
            _ => self.dirty.push(start..end),
        }
    }

    pub(super) fn set_len(&mut self, len: usize) {
        let before = self.now.len();
        self.now.resize(len);
        if len > before {
            self.dirty.push(before..len);
        }
    }

    pub(super) fn sync(&mut self) {
        self.synced.resize(self.now.len());
        for range in self.dirty.drain(..) {
            let range = range.start.min(self.now.len())..range.end.min(self.now.len());
            if self.lost {
                let mut bytes = vec![0; range.len()];
                self.now.read(&mut bytes, range.start);
                self.synced.write(&bytes, range.start);
            } else {
                self.synced.share(&self.now, range);
            }
        }
    }

    /// A flush has failed: what it was to save is saved by none.
    pub(super) fn lose(&mut self) {
        self.lost |= !self.dirty.is_empty();
        self.dirty.clear();
    }

    /// What was synced, with some of what was not: all up to a cut, or here a sector and there one.
    pub(super) fn torn(&self, chance: &mut ChaCha8Rng) -> Vec<u8> {
        let (now, synced) = (self.now.len(), self.synced.len());
        let len = chance.random_range(now.min(synced)..=now.max(synced));
        let mut left = self.synced.to_vec();
        left.resize(len, 0);
        let written = self.now.to_vec();
        let cut = chance.random::<bool>().then_some(len);
        for range in &self.dirty {
            let end = range.end.min(len).min(now);
            for start in (range.start..end).step_by(SECTOR) {
                let sector = start..(start + SECTOR).min(end);
                if cut.is_some_and(|cut| sector.end <= cut) || (cut.is_none() && chance.random()) {
                    left[sector.clone()].copy_from_slice(&written[sector]);
                }
            }
        }
        left
    }
}
