//! Who bears which name on a node.
//!
//! A table of our own choosing: it is asked for each message by address and changed for each spawn,
//! and its order, which nobody sees, is the same for the same history.

use std::sync::Arc;

use hashbrown::HashTable;

use crate::mailbox::AnyCell;

/// A process under its name.
#[derive(Clone)]
pub(crate) struct Named {
    pub(crate) cell: Arc<dyn AnyCell>,
    /// The how-manieth process of its runtime; they end in reverse order.
    pub(crate) born: u64,
}

/// Processes by name.
#[derive(Default)]
pub(crate) struct Names(HashTable<Slot>);

struct Slot {
    /// Kept, so that the table grows without looking at each name again.
    hash: u64,
    named: Named,
}

impl Names {
    pub(crate) fn get(&self, name: &str) -> Option<&Named> {
        self.0.find(hash(name), |slot| slot.bears(name)).map(|slot| &slot.named)
    }

    /// Adds a process under its name; false if that is borne by another.
    pub(crate) fn add(&mut self, named: Named) -> bool {
        let hash = hash(named.cell.upid().id());
        let borne = self.0.find(hash, |slot| slot.bears(named.cell.upid().id())).is_some();
        if !borne {
            self.0.insert_unique(hash, Slot { hash, named }, |slot| slot.hash);
        }
        !borne
    }

    pub(crate) fn remove(&mut self, name: &str) -> Option<Named> {
        let found = self.0.find_entry(hash(name), |slot| slot.bears(name)).ok()?;
        Some(found.remove().0.named)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &Named> {
        self.0.iter().map(|slot| &slot.named)
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

impl Slot {
    fn bears(&self, name: &str) -> bool {
        self.named.cell.upid().id() == name
    }
}

/// FNV-1a with a last mixing, since the table looks at the highest bits. Names are this node's own:
/// nobody elsewhere can choose them to collide.
fn hash(name: &str) -> u64 {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
