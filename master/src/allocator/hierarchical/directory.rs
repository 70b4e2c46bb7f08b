//! From long names to small numbers. Ids share their beginnings, and comparing many of them is slow; their hashes are short.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use smallvec::SmallVec;

/// Numbers by name. The hash is the same in every run, and so is the order of [`numbers`](Directory::numbers).
///
/// Shape: hash of the name → names that have it, with their numbers.
#[derive(Debug)]
pub(super) struct Directory<K> {
    places: BTreeMap<u64, SmallVec<[(K, u32); 1]>>,
    len: usize,
}

impl<K: Hash + Eq> Directory<K> {
    pub(super) fn get(&self, name: &K) -> Option<u32> {
        let here = self.places.get(&hash(name))?;
        here.iter().find(|(known, _)| known == name).map(|(_, number)| *number)
    }

    /// Notes a name that is new.
    pub(super) fn insert(&mut self, name: K, number: u32) {
        self.places.entry(hash(&name)).or_default().push((name, number));
        self.len += 1;
    }

    pub(super) fn remove(&mut self, name: &K) {
        let hash = hash(name);
        let Some(here) = self.places.get_mut(&hash) else { return };
        let before = here.len();
        here.retain(|(known, _)| known != name);
        self.len -= before - here.len();
        if here.is_empty() {
            self.places.remove(&hash);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// All numbers, in no order that means anything.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u32> {
        self.places.values().flatten().map(|(_, number)| *number)
    }
}

fn hash(name: &impl Hash) -> u64 {
    // Without random keys, unlike the one of a map.
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}

impl<K> Default for Directory<K> {
    fn default() -> Self {
        Directory { places: BTreeMap::new(), len: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noted_is_found_until_it_is_removed() {
        let mut directory = Directory::default();
        for number in 0..100 {
            directory.insert(format!("agent-S{number}"), number);
        }
        assert_eq!(directory.get(&"agent-S42".to_owned()), Some(42));
        directory.remove(&"agent-S42".to_owned());
        directory.remove(&"agent-S42".to_owned());
        assert_eq!((directory.get(&"agent-S42".to_owned()), directory.len()), (None, 99));
        assert_eq!(directory.numbers().count(), 99);
    }
}
