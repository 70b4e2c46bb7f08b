//! Much put into a bag or taken out of it at once.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use super::{Resource, Resources, bag::Entry};

/// A bag in the middle of many changes.
///
/// A few entries are found by looking at all of them. Once there are many entries and many searches, an index finds them: what an
/// agent with thousands of volumes costs grows with their number, not with its square.
pub(super) struct Bulk<'a> {
    entries: &'a mut Arc<Vec<Entry>>,
    searches: usize,
    index: Option<Index>,
    /// Some entries have no copies left; they keep their places until the end.
    gone: bool,
}

/// Searches of so many entries, so many times, are cheaper than an index.
pub(super) const FEW: usize = 32;

impl<'a> Bulk<'a> {
    pub(super) fn of(bag: &'a mut Resources) -> Bulk<'a> {
        Bulk { entries: &mut bag.entries, searches: 0, index: None, gone: false }
    }

    /// Puts one in; nothing happens if it is empty.
    pub(super) fn put(&mut self, resource: Resource, copies: u32) {
        if !resource.is_empty() && copies > 0 && !self.merge(&resource, copies) {
            self.push(Entry { resource, copies });
        }
    }

    /// The same for one that stays where it is: only what is not there yet is cloned.
    pub(super) fn put_like(&mut self, entry: &Entry) {
        if !entry.resource.is_empty() && entry.copies > 0 && !self.merge(&entry.resource, entry.copies) {
            self.push(entry.clone());
        }
    }

    /// Takes out of the first entry that suits; tells whether there is one.
    pub(super) fn take(&mut self, wanted: &Entry, suits: impl Fn(&Entry) -> bool) -> bool {
        let Some(place) = self.find(&wanted.resource, suits) else { return false };
        let left = Arc::make_mut(self.entries)[place].decrease(wanted);
        self.gone |= !left;
        true
    }

    fn merge(&mut self, resource: &Resource, copies: u32) -> bool {
        let Some(place) = self.find(resource, |entry| entry.resource.merges_with(resource)) else {
            return false;
        };
        Arc::make_mut(self.entries)[place].increase(&resource.value, copies);
        true
    }

    fn push(&mut self, entry: Entry) {
        let entries = Arc::make_mut(self.entries);
        if let Some(index) = &mut self.index {
            index.push(&entry.resource);
        } else if entries.len() == entries.capacity() && entries.len() < FEW {
            // Bags are small, and there are very many.
            entries.reserve_exact(1);
        }
        entries.push(entry);
    }

    fn find(&mut self, kind: &Resource, suits: impl Fn(&Entry) -> bool) -> Option<usize> {
        let entries = &**self.entries;
        let suits = |entry: &Entry| entry.copies > 0 && suits(entry);
        self.searches += 1;
        if self.index.is_none() && self.searches > FEW && entries.len() > FEW {
            self.index = Some(Index::of(entries));
        }
        match &self.index {
            Some(index) => index.of_kind(kind).find(|place| suits(&entries[*place])),
            None => entries.iter().position(suits),
        }
    }
}

impl Drop for Bulk<'_> {
    fn drop(&mut self) {
        if self.gone {
            Arc::make_mut(self.entries).retain(|entry| entry.copies > 0);
        }
    }
}

/// Where things of each kind are in a list that only grows.
struct Index {
    /// The last of each kind, by the kind's hash.
    last: BTreeMap<u64, usize>,
    /// For each the one before it of the same hash.
    before: Vec<Option<usize>>,
}

impl Index {
    fn of(entries: &[Entry]) -> Index {
        let mut index = Index { last: BTreeMap::new(), before: Vec::with_capacity(entries.len()) };
        entries.iter().for_each(|entry| index.push(&entry.resource));
        index
    }

    fn push(&mut self, resource: &Resource) {
        let before = self.last.insert(hash(resource), self.before.len());
        self.before.push(before);
    }

    /// All that may be of this kind.
    fn of_kind(&self, kind: &Resource) -> impl Iterator<Item = usize> {
        let last = self.last.get(&hash(kind)).copied();
        std::iter::successors(last, |place| self.before[*place])
    }
}

/// Of all but the value, as kinds are told apart.
fn hash(resource: &Resource) -> u64 {
    let mut hasher = DefaultHasher::new();
    let Resource { name, value: _, allocation, reservations, disk, revocable, shared, provider_id } =
        resource;
    (name, allocation, reservations, disk, revocable, shared, provider_id).hash(&mut hasher);
    hasher.finish()
}
