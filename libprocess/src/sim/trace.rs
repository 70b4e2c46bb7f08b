//! A number that says what happened, in which order and when.

use std::time::Duration;

/// What was handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Happening {
    /// A process had its turn: which, and how many messages it handled.
    Turn = 1,
    /// A future was polled: which.
    Poll,
    /// A sleep was over.
    Woke,
    /// A shard's next timer came due: which shard.
    Timer,
    /// Something arrived over the network: what, on which connection.
    Packet,
    /// A blocking job ran.
    Job,
    /// A node started, or was killed.
    Node,
}

/// The hash of all that was handled so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Trace {
    hash: u64,
    pub(super) events: u64,
}

impl Trace {
    /// `node` is the life of a node; the details depend on what happened.
    pub(super) fn note(&mut self, at: Duration, what: Happening, node: u32, details: [u64; 2]) {
        let time = u64::try_from(at.as_nanos()).unwrap_or(u64::MAX);
        let who = (u64::from(node) << 8) | what as u64;
        for word in [time, who, details[0], details[1]] {
            self.hash = mix(self.hash ^ word);
        }
        self.events += 1;
    }

    pub(super) fn hash(&self) -> u64 {
        self.hash
    }
}

/// A bijection in which every bit of the input touches every bit of the output (splitmix64).
pub(super) fn mix(word: u64) -> u64 {
    let mut z = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A hash of bytes; not for adversaries.
pub(super) fn digest(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut hash = bytes.len() as u64;
    for word in words {
        hash = (hash ^ u64::from_le_bytes(*word)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    mix(hash ^ u64::from_le_bytes(last))
}
