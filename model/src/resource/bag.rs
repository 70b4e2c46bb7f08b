//! The bag of resources: what is in it, and what can be taken out.

use std::sync::Arc;

use libprocess_wire as wire;

use super::bulk::{Bulk, FEW};
use super::{Resource, Value};
use crate::{Ranges, Scalar};

/// A bag of resources: each kind of thing once, nothing empty.
///
/// Entries stay in the order in which kinds first came, which is the order they are shown in; two
/// bags are equal when they hold the same, whatever the order. An agent's bag has a handful of
/// entries, so a list is faster than any map; what handles many at once goes through [`Bulk`].
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

impl Entry {
    /// Whether all of `wanted` can be taken out of it.
    pub(super) fn contains(&self, wanted: &Entry) -> bool {
        self.resource.contains(&wanted.resource) && (!wanted.resource.shared || self.copies >= wanted.copies)
    }

    /// Adds what is of the same kind: users of what is shared, value of all else.
    pub(super) fn increase(&mut self, value: &Value, copies: u32) {
        match self.resource.shared {
            true => self.copies = self.copies.saturating_add(copies),
            false => self.resource.value.add(value),
        }
    }

    /// Takes away what is of the same kind, as much as is there; tells whether anything is left. Nothing left is no copies.
    pub(super) fn decrease(&mut self, other: &Entry) -> bool {
        if self.resource.shared {
            self.copies = self.copies.saturating_sub(other.copies);
        } else if self.resource.is_indivisible() {
            self.copies = 0;
        } else {
            self.resource.value.subtract(&other.resource.value);
            if self.resource.is_empty() {
                self.copies = 0;
            }
        }
        self.copies > 0
    }
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
        Bulk::of(self).put(resource, 1);
    }

    /// Puts in what is like nothing that is there.
    pub(super) fn push(&mut self, resource: Resource, copies: u32) {
        Arc::make_mut(&mut self.entries).push(Entry { resource, copies });
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
        let only_one = |wanted: &Entry| !wanted.resource.is_indivisible() || wanted.resource.shared;
        if other.len() <= FEW && other.entries.iter().all(only_one) {
            other.entries.iter().all(|wanted| self.entries.iter().any(|entry| entry.contains(wanted)))
        } else {
            self.checked_sub(other).is_some()
        }
    }

    /// Whether this one can be taken out.
    pub fn contains_one(&self, resource: &Resource) -> bool {
        resource.is_empty() || self.entries.iter().any(|entry| entry.resource.contains(resource))
    }

    /// The first number or name that is claimed in both, as in two tasks with the same port.
    ///
    /// A bag holds a port once; so what overlaps must be refused before it is added.
    pub fn overlap(&self, other: &Resources) -> Option<Arc<str>> {
        let countable = |resource: &&Resource| !matches!(resource.value, Value::Scalar(_));
        let overlap = |mine: &Resource, theirs: &Resource| {
            mine.name == theirs.name
                && match (&mine.value, &theirs.value) {
                    (Value::Ranges(mine), Value::Ranges(theirs)) => mine.overlaps(theirs),
                    (Value::Set(mine), Value::Set(theirs)) => mine.overlaps(theirs),
                    _ => false,
                }
        };
        self.iter()
            .filter(countable)
            .find(|mine| other.iter().filter(countable).any(|theirs| overlap(mine, theirs)))
            .map(|resource| resource.name.clone())
    }

    /// What is left without `other`.
    ///
    /// Errors: `None` when `other` is not all there.
    pub fn checked_sub(&self, other: &Resources) -> Option<Resources> {
        let mut rest = self.clone();
        let mut bulk = Bulk::of(&mut rest);
        let all = other
            .entries
            .iter()
            .all(|wanted| wanted.resource.is_empty() || bulk.take(wanted, |entry| entry.contains(wanted)));
        drop(bulk);
        all.then_some(rest)
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
        let mut bulk = Bulk::of(&mut changed);
        for entry in self.entries.iter() {
            let mut resource = entry.resource.clone();
            change(&mut resource);
            bulk.put(resource, entry.copies);
        }
        drop(bulk);
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
        self.contains(other) && other.contains(self)
    }
}

impl Eq for Resources {}

impl FromIterator<Resource> for Resources {
    fn from_iter<I: IntoIterator<Item = Resource>>(resources: I) -> Self {
        let mut bag = Resources::new();
        bag.extend(resources);
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
        let mut bulk = Bulk::of(self);
        resources.into_iter().for_each(|resource| bulk.put(resource, 1));
    }
}
