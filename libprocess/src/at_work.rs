//! What a shard is at, for others to see: written with one relaxed store a message, read by whoever
//! wonders.
//!
//! ```text
//!  shard ── begins ──► (process, message count, label) ◄── the watchdog, `/__processes__`
//! ```
//!
//! A label is a text that lives as long as the program. What is published of it is a number, so that a
//! word of memory says all, and nobody can see half of it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::shard::Key;

/// How many labels are found without a search.
const NEAR: usize = 64;

/// What a shard is at. Zero is nothing.
#[derive(Default)]
pub(crate) struct AtWork {
    /// Slot and tenant of the process.
    who: AtomicU64,
    /// How-manieth message of the shard it is, and the number of its label.
    what: AtomicU64,
    /// Since when the watchdog has seen the same. Unit: milliseconds since the runtime started, and one.
    since: AtomicU64,
    labels: Mutex<Vec<&'static str>>,
}

/// What was seen of a shard at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) who: Key,
    pub(crate) label: &'static str,
    /// The same as long as it is the same message.
    pub(crate) message: u64,
}

impl AtWork {
    pub(crate) fn look(&self) -> Option<Seen> {
        let (who, what) = (self.who.load(Ordering::Relaxed), self.what.load(Ordering::Relaxed));
        let number = usize::try_from(what & u64::from(u32::MAX)).ok()?;
        let label = *self.labels.lock().get(number.checked_sub(1)?)?;
        Some(Seen { who: key(who), label, message: what })
    }

    /// Who had the last turn that was begun.
    pub(crate) fn who(&self) -> Key {
        key(self.who.load(Ordering::Relaxed))
    }

    /// Notes since when it has been at the same.
    pub(crate) fn seen_since(&self, millis: Option<u64>) {
        self.since.store(millis.map_or(0, |millis| millis + 1), Ordering::Relaxed);
    }

    /// Unit: milliseconds since the runtime started.
    pub(crate) fn since(&self) -> Option<u64> {
        self.since.load(Ordering::Relaxed).checked_sub(1)
    }

    fn number(&self, label: &'static str) -> u32 {
        let mut labels = self.labels.lock();
        let at = labels.iter().position(|known| *known == label).unwrap_or_else(|| {
            labels.push(label);
            labels.len() - 1
        });
        u32::try_from(at + 1).expect("a program has fewer texts than that")
    }
}

fn key(who: u64) -> Key {
    Key { slot: (who >> 32) as u32, tenant: who as u32 }
}

/// The shard's own side: knows the numbers of labels by where their text lies.
pub(crate) struct Labels {
    count: Cell<u32>,
    near: [Cell<(usize, u32)>; NEAR],
    all: RefCell<BTreeMap<usize, u32>>,
}

impl Default for Labels {
    fn default() -> Labels {
        Labels { count: Cell::new(0), near: [const { Cell::new((0, 0)) }; NEAR], all: RefCell::default() }
    }
}

impl Labels {
    /// A process has its turn.
    pub(crate) fn turn(&self, at_work: &AtWork, who: Key) {
        at_work.who.store(u64::from(who.slot) << 32 | u64::from(who.tenant), Ordering::Relaxed);
    }

    /// It begins with something.
    #[inline]
    pub(crate) fn begin(&self, at_work: &AtWork, label: &'static str) {
        let place = label.as_ptr() as usize;
        let near = &self.near[(place >> 3) % NEAR];
        let (known, mut number) = near.get();
        if known != place {
            number = self.search(at_work, label);
            near.set((place, number));
        }
        let count = self.count.get().wrapping_add(1);
        self.count.set(count);
        at_work.what.store(u64::from(count) << 32 | u64::from(number), Ordering::Relaxed);
    }

    /// The turn is over.
    #[inline]
    pub(crate) fn rest(&self, at_work: &AtWork) {
        at_work.what.store(0, Ordering::Relaxed);
    }

    #[cold]
    fn search(&self, at_work: &AtWork, label: &'static str) -> u32 {
        let place = label.as_ptr() as usize;
        *self.all.borrow_mut().entry(place).or_insert_with(|| at_work.number(label))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_begun_is_seen_until_the_turn_is_over() {
        let (at_work, labels) = (AtWork::default(), Labels::default());
        let key = Key { slot: 7, tenant: 3 };
        assert_eq!(at_work.look(), None);
        labels.turn(&at_work, key);
        assert_eq!(at_work.look(), None);
        labels.begin(&at_work, "sow");
        let sowing = at_work.look().unwrap();
        assert_eq!((sowing.who, sowing.label), (key, "sow"));
        labels.begin(&at_work, "reap");
        labels.begin(&at_work, "sow");
        let again = at_work.look().unwrap();
        assert_eq!(again.label, "sow");
        assert_ne!(again.message, sowing.message);
        labels.rest(&at_work);
        assert_eq!(at_work.look(), None);
    }

    #[test]
    fn labels_that_share_a_place_nearby_are_told_apart() {
        let (at_work, labels) = (AtWork::default(), Labels::default());
        let texts: Vec<&'static str> = (0..500).map(|n| &*format!("label {n}").leak()).collect();
        for text in texts.iter().chain(texts.iter().rev()) {
            labels.begin(&at_work, text);
            assert_eq!(at_work.look().unwrap().label, *text);
        }
    }
}
