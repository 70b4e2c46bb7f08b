//! The bag of resources: what is in it, and what can be taken out.

use std::sync::Arc;

use libprocess_wire as wire;

use super::{Resource, Value};
use crate::{Ranges, Scalar};

/// A bag of resources: each kind of thing once, nothing empty.
///
/// Entries stay in the order in which kinds first came, which is the order they are shown in; two
/// bags are equal when they hold the same, whatever the order. An agent's bag has a handful of
/// entries, so a list is faster than any map.
///
/// A shared resource is one entry with a count of its users; adding it again adds a user.
///
/// A clone shares the entries until either is changed: the same bag is in an agent's books, in offers and with the allocator.
#[wire::part]
#[derive(Clone, Debug, Default)]
pub struct Resources {
    pub(super) entries: Arc<Vec<Entry>>,
}

#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) resource: Resource,
    /// How often a shared resource is held; 1 for all others.
    pub(super) copies: u32,
}

impl Resources {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many kinds of thing it holds.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Every resource once, in order; shared ones too, however often they are held.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Resource> + ExactSizeIterator {
        self.entries.iter().map(|entry| &entry.resource)
    }

    /// Every resource with how often it is held.
    pub fn counted(&self) -> impl Iterator<Item = (&Resource, u32)> {
        self.entries.iter().map(|entry| (&entry.resource, entry.copies))
    }

    /// How often a shared resource is held.
    pub fn copies(&self, resource: &Resource) -> u32 {
        self.entries.iter().find(|entry| entry.resource == *resource).map_or(0, |entry| entry.copies)
    }

    /// Puts one in; nothing happens if it is empty.
    pub fn insert(&mut self, resource: Resource) {
        self.add_copies(resource, 1);
    }

    pub(super) fn add_copies(&mut self, resource: Resource, copies: u32) {
        if resource.is_empty() || copies == 0 {
            return;
        }
        let entries = Arc::make_mut(&mut self.entries);
        if !merge(entries, &resource, copies) {
            // Bags are small, and there are very many.
            entries.reserve_exact(1);
            entries.push(Entry { resource, copies });
        }
    }

    /// The same for one that stays where it is: only what is not there yet is cloned.
    pub(super) fn add_like(&mut self, entry: &Entry) {
        if entry.resource.is_empty() || entry.copies == 0 {
            return;
        }
        let entries = Arc::make_mut(&mut self.entries);
        if !merge(entries, &entry.resource, entry.copies) {
            entries.reserve_exact(1);
            entries.push(entry.clone());
        }
    }

    /// Takes one out.
    ///
    /// Errors: gives `false` and changes nothing when it is not all there.
    pub fn take(&mut self, resource: &Resource) -> bool {
        self.take_copies(resource, 1)
    }

    fn take_copies(&mut self, resource: &Resource, copies: u32) -> bool {
        if resource.is_empty() {
            return true;
        }
        let Some(index) = self.entries.iter().position(|entry| entry.resource.contains(resource)) else {
            return false;
        };
        if resource.shared && self.entries[index].copies < copies {
            return false;
        }
        let entries = Arc::make_mut(&mut self.entries);
        let entry = &mut entries[index];
        let gone = if resource.shared {
            entry.copies -= copies;
            entry.copies == 0
        } else if resource.is_indivisible() {
            true
        } else {
            entry.resource.value.subtract(&resource.value);
            entry.resource.is_empty()
        };
        if gone {
            entries.remove(index);
        }
        true
    }

    /// Whether it shares its entries with another: then they are equal, and nothing has to be compared.
    pub fn is_same(&self, other: &Resources) -> bool {
        Arc::ptr_eq(&self.entries, &other.entries)
    }

    /// Whether all of `other` can be taken out.
    pub fn contains(&self, other: &Resources) -> bool {
        if Arc::ptr_eq(&self.entries, &other.entries) {
            return true;
        }
        other.entries.iter().all(|wanted| {
            if wanted.resource.shared {
                self.entries
                    .iter()
                    .any(|entry| entry.resource.contains(&wanted.resource) && entry.copies >= wanted.copies)
            } else if wanted.resource.is_indivisible() {
                let count = |bag: &Resources| {
                    bag.entries.iter().filter(|entry| entry.resource == wanted.resource).count()
                };
                count(self) >= count(other)
            } else {
                self.entries.iter().any(|entry| entry.resource.contains(&wanted.resource))
            }
        })
    }

    /// Whether this one can be taken out.
    pub fn contains_one(&self, resource: &Resource) -> bool {
        resource.is_empty() || self.entries.iter().any(|entry| entry.resource.contains(resource))
    }

    /// The first number or name that is claimed in both, as in two tasks with the same port.
    ///
    /// A bag holds a port once; so what overlaps must be refused before it is added.
    pub fn overlap(&self, other: &Resources) -> Option<Arc<str>> {
        let overlap = |mine: &Resource, theirs: &Resource| {
            mine.name == theirs.name
                && match (&mine.value, &theirs.value) {
                    (Value::Ranges(mine), Value::Ranges(theirs)) => mine.overlaps(theirs),
                    (Value::Set(mine), Value::Set(theirs)) => mine.overlaps(theirs),
                    _ => false,
                }
        };
        self.iter()
            .find(|mine| other.iter().any(|theirs| overlap(mine, theirs)))
            .map(|resource| resource.name.clone())
    }

    /// What is left without `other`.
    ///
    /// Errors: `None` when `other` is not all there.
    pub fn checked_sub(&self, other: &Resources) -> Option<Resources> {
        let mut rest = self.clone();
        other.entries.iter().all(|entry| rest.take_copies(&entry.resource, entry.copies)).then_some(rest)
    }

    /// Those that pass.
    pub fn filter(&self, mut keep: impl FnMut(&Resource) -> bool) -> Resources {
        let mut kept: Vec<bool> = Vec::with_capacity(self.len());
        kept.extend(self.iter().map(&mut keep));
        if kept.iter().all(|kept| *kept) {
            return self.clone();
        }
        let kept = self.entries.iter().zip(kept).filter(|(_, kept)| *kept).map(|(entry, _)| entry.clone());
        Resources { entries: Arc::new(kept.collect()) }
    }

    /// Each changed; what becomes the same kind of thing is added up.
    pub fn map(&self, mut change: impl FnMut(&mut Resource)) -> Resources {
        let mut changed = Resources { entries: Arc::new(Vec::with_capacity(self.len())) };
        for entry in self.entries.iter() {
            let mut resource = entry.resource.clone();
            change(&mut resource);
            changed.add_copies(resource, entry.copies);
        }
        changed
    }

    /// The sum of a scalar by name, whoever may use it.
    pub fn amount(&self, name: &str) -> Scalar {
        self.iter()
            .filter(|resource| &*resource.name == name)
            .map(|resource| match &resource.value {
                Value::Scalar(amount) => *amount,
                Value::Ranges(_) | Value::Set(_) => Scalar::ZERO,
            })
            .sum()
    }

    pub fn cpus(&self) -> Scalar {
        self.amount("cpus")
    }

    pub fn gpus(&self) -> Scalar {
        self.amount("gpus")
    }

    /// Unit: mebibytes.
    pub fn mem(&self) -> Scalar {
        self.amount("mem")
    }

    /// Unit: mebibytes.
    pub fn disk(&self) -> Scalar {
        self.amount("disk")
    }

    /// All numbers of a ranges resource by name.
    pub fn numbers(&self, name: &str) -> Ranges {
        self.iter().filter(|resource| &*resource.name == name).fold(Ranges::default(), |sum, resource| {
            match &resource.value {
                Value::Ranges(ranges) => sum.union(ranges),
                Value::Scalar(_) | Value::Set(_) => sum,
            }
        })
    }

    pub fn ports(&self) -> Ranges {
        self.numbers("ports")
    }
}

/// Adds to the entry of its kind; tells whether there is one.
fn merge(entries: &mut [Entry], resource: &Resource, copies: u32) -> bool {
    let Some(entry) = entries.iter_mut().find(|entry| entry.resource.merges_with(resource)) else {
        return false;
    };
    match resource.shared {
        true => entry.copies = entry.copies.saturating_add(copies),
        false => entry.resource.value.add(&resource.value),
    }
    true
}

impl PartialEq for Resources {
    /// The same things, in any order.
    fn eq(&self, other: &Self) -> bool {
        if Arc::ptr_eq(&self.entries, &other.entries) {
            return true;
        }
        if self.entries.len() != other.entries.len() {
            return false;
        }
        if self.entries == other.entries {
            return true;
        }
        let mut unmatched: Vec<&Entry> = other.entries.iter().collect();
        self.entries.iter().all(|entry| match unmatched.iter().position(|candidate| *candidate == entry) {
            Some(index) => {
                unmatched.swap_remove(index);
                true
            }
            None => false,
        })
    }
}

impl Eq for Resources {}

impl FromIterator<Resource> for Resources {
    fn from_iter<I: IntoIterator<Item = Resource>>(resources: I) -> Self {
        let mut bag = Resources::new();
        for resource in resources {
            bag.insert(resource);
        }
        bag
    }
}

impl From<Resource> for Resources {
    fn from(resource: Resource) -> Self {
        std::iter::once(resource).collect()
    }
}

impl Extend<Resource> for Resources {
    fn extend<I: IntoIterator<Item = Resource>>(&mut self, resources: I) {
        for resource in resources {
            self.insert(resource);
        }
    }
}
