//! From long names to small numbers. Ids share their beginnings, and comparing many of them is slow; their hashes are short.

use std::hash::{DefaultHasher, Hash, Hasher};

use hashbrown::HashTable;

/// Numbers by name. The hash is the same in every run, and so is the order of [`numbers`](Directory::numbers).
#[derive(Debug)]
pub(super) struct Directory<K> {
    places: HashTable<(K, u32)>,
}

impl<K: Hash + Eq> Directory<K> {
    pub(super) fn get(&self, name: &K) -> Option<u32> {
        self.places.find(hash(name), |(known, _)| known == name).map(|(_, number)| *number)
    }

    /// Notes a name that is new.
    pub(super) fn insert(&mut self, name: K, number: u32) {
        self.places.insert_unique(hash(&name), (name, number), |(known, _)| hash(known));
    }

    pub(super) fn remove(&mut self, name: &K) {
        if let Ok(place) = self.places.find_entry(hash(name), |(known, _)| known == name) {
            place.remove();
        }
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// All numbers, in no order that means anything.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u32> {
        self.places.iter().map(|(_, number)| *number)
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
        Directory { places: HashTable::new() }
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
