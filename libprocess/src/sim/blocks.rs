//! The bytes of a file in blocks that copies share: most of a disk is alike in what was written and what was synced.

use std::ops::Range;
use std::sync::Arc;

/// Unit: bytes.
const BLOCK: usize = 1024;

/// Bytes that are cheap to copy whole, and to change in places.
#[derive(Clone, Debug, Default)]
pub(super) struct Blocks {
    len: usize,
    /// What lies behind `len` in the last one is zero.
    blocks: Vec<Arc<[u8; BLOCK]>>,
}

impl Blocks {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Makes it shorter, or longer by zeros.
    pub(super) fn resize(&mut self, len: usize) {
        let blocks = len.div_ceil(BLOCK);
        if blocks > self.blocks.len() {
            // All new blocks are one, until they are written to.
            let zeros = Arc::new([0; BLOCK]);
            self.blocks.resize(blocks, zeros);
        }
        self.blocks.truncate(blocks);
        if len < self.len && !len.is_multiple_of(BLOCK) {
            Arc::make_mut(&mut self.blocks[blocks - 1])[len % BLOCK..].fill(0);
        }
        self.len = len;
    }

    /// Overwrites what lies at `offset`, and appends what goes beyond the end.
    pub(super) fn write(&mut self, bytes: &[u8], offset: usize) {
        if self.len < offset + bytes.len() {
            self.resize(offset + bytes.len());
        }
        let mut done = 0;
        for (block, within) in pieces(offset..offset + bytes.len()) {
            let many = within.len();
            Arc::make_mut(&mut self.blocks[block])[within].copy_from_slice(&bytes[done..done + many]);
            done += many;
        }
    }

    /// Fills a buffer with what lies at `offset`.
    ///
    /// Panics: when that goes beyond the end.
    pub(super) fn read(&self, buffer: &mut [u8], offset: usize) {
        assert!(offset + buffer.len() <= self.len);
        let mut done = 0;
        for (block, within) in pieces(offset..offset + buffer.len()) {
            let many = within.len();
            buffer[done..done + many].copy_from_slice(&self.blocks[block][within]);
            done += many;
        }
    }

    /// Makes the blocks in which a range lies those of another, which is as long.
    pub(super) fn share(&mut self, other: &Blocks, range: Range<usize>) {
        for (block, _) in pieces(range) {
            self.blocks[block] = other.blocks[block].clone();
        }
    }

    pub(super) fn to_vec(&self) -> Vec<u8> {
        let mut all = vec![0; self.len];
        self.read(&mut all, 0);
        all
    }
}

impl From<Vec<u8>> for Blocks {
    fn from(bytes: Vec<u8>) -> Blocks {
        let mut blocks = Blocks::default();
        blocks.write(&bytes, 0);
        blocks
    }
}

impl PartialEq for Blocks {
    fn eq(&self, other: &Blocks) -> bool {
        let mut pairs = self.blocks.iter().zip(&other.blocks);
        self.len == other.len && pairs.all(|(one, other)| Arc::ptr_eq(one, other) || one == other)
    }
}

/// A range block by block. Shape: (block, range within it).
fn pieces(range: Range<usize>) -> impl Iterator<Item = (usize, Range<usize>)> {
    let blocks = if range.is_empty() { 0..0 } else { range.start / BLOCK..(range.end - 1) / BLOCK + 1 };
    blocks.map(move |block| {
        let from = range.start.max(block * BLOCK) - block * BLOCK;
        let to = range.end.min((block + 1) * BLOCK) - block * BLOCK;
        (block, from..to)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn blocks_are_the_bytes_that_were_written(
            steps in prop::collection::vec((0usize..5000, 0usize..3000, any::<u8>()), 1..20)
        ) {
            let (mut blocks, mut plain) = (Blocks::default(), Vec::new());
            for (offset, many, byte) in steps {
                if byte % 4 == 0 {
                    blocks.resize(offset);
                    plain.resize(offset, 0);
                } else {
                    let offset = offset.min(plain.len());
                    let before = blocks.clone();
                    blocks.write(&vec![byte; many], offset);
                    prop_assert_eq!(before.to_vec(), plain.clone(), "a copy stays as it was");
                    if plain.len() < offset + many {
                        plain.resize(offset + many, 0);
                    }
                    plain[offset..offset + many].fill(byte);
                }
                prop_assert_eq!(blocks.to_vec(), plain.clone());
                prop_assert!(blocks == Blocks::from(plain.clone()));
            }
        }
    }
}
