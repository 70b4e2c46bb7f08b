//! Names nobody else has, made without rolling dice in a rule.

use model::{ContainerId, UpdateId};

/// A well of identities: seeded once by the shell, counted from there, so that one seed replays one run.
///
/// Unique, not secret: nothing is protected by not knowing one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ids {
    key: u64,
    drawn: u64,
}

impl Ids {
    pub(crate) fn seeded(key: u64) -> Self {
        Self { key, drawn: 0 }
    }

    pub(crate) fn update(&mut self) -> UpdateId {
        UpdateId::from_random(self.draw())
    }

    pub(crate) fn container(&mut self) -> ContainerId {
        ContainerId::new(UpdateId::from_random(self.draw()).to_string())
    }

    fn draw(&mut self) -> [u8; 16] {
        self.drawn += 1;
        let mut bytes = [0; 16];
        // Two permutations of 64 bits: within one seed no two draws share their first half.
        bytes[..8].copy_from_slice(&mix(self.key.wrapping_add(mix(self.drawn))).to_le_bytes());
        bytes[8..].copy_from_slice(&mix(self.key.rotate_left(32) ^ self.drawn).to_le_bytes());
        bytes
    }
}

/// Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (the finalizer of SplitMix64).
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_identity_is_drawn_twice() {
        let mut ids = Ids::seeded(7);
        let drawn: BTreeSet<_> = (0..10_000).map(|_| ids.update()).collect();
        assert_eq!(drawn.len(), 10_000);
        assert_ne!(Ids::seeded(7).update(), Ids::seeded(8).update());
    }
}
