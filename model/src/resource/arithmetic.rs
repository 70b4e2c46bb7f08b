//! Adding bags and taking one from another.
//!
//! `a + b - b` is `a`, as long as no number or name is in both: a port is one port, whoever holds it.

use std::{
    iter::Sum,
    ops::{Add, AddAssign, Sub, SubAssign},
    sync::Arc,
};

use super::{Resources, bulk::Bulk};

impl AddAssign<&Resources> for Resources {
    fn add_assign(&mut self, other: &Resources) {
        if self.is_empty() {
            *self = other.clone();
            return;
        }
        let mut bulk = Bulk::of(self);
        other.entries.iter().for_each(|entry| bulk.put_like(entry));
    }
}

impl AddAssign for Resources {
    fn add_assign(&mut self, other: Resources) {
        if self.is_empty() {
            *self = other;
            return;
        }
        let mut bulk = Bulk::of(self);
        match Arc::try_unwrap(other.entries) {
            Ok(entries) => entries.into_iter().for_each(|entry| bulk.put(entry.resource, entry.copies)),
            Err(shared) => shared.iter().for_each(|entry| bulk.put_like(entry)),
        }
    }
}

impl SubAssign<&Resources> for Resources {
    /// Takes away as much as is there.
    fn sub_assign(&mut self, other: &Resources) {
        if Arc::ptr_eq(&self.entries, &other.entries) {
            *self = Resources::new();
            return;
        }
        let mut bulk = Bulk::of(self);
        for wanted in other.entries.iter() {
            let whole = wanted.resource.shared || wanted.resource.is_indivisible();
            bulk.take(wanted, |entry| {
                entry.resource.same_kind(&wanted.resource)
                    && (!whole || entry.resource.value == wanted.resource.value)
            });
        }
    }
}

impl SubAssign for Resources {
    fn sub_assign(&mut self, other: Resources) {
        *self -= &other;
    }
}

impl Add<&Resources> for Resources {
    type Output = Resources;

    fn add(mut self, other: &Resources) -> Resources {
        self += other;
        self
    }
}

impl Add for Resources {
    type Output = Resources;

    fn add(mut self, other: Resources) -> Resources {
        self += other;
        self
    }
}

impl Add for &Resources {
    type Output = Resources;

    fn add(self, other: &Resources) -> Resources {
        self.clone() + other
    }
}

impl Sub<&Resources> for Resources {
    type Output = Resources;

    /// Takes away as much as is there; [`Resources::checked_sub`] insists on all of it.
    fn sub(mut self, other: &Resources) -> Resources {
        self -= other;
        self
    }
}

impl Sub for Resources {
    type Output = Resources;

    fn sub(mut self, other: Resources) -> Resources {
        self -= &other;
        self
    }
}

impl Sub for &Resources {
    type Output = Resources;

    fn sub(self, other: &Resources) -> Resources {
        self.clone() - other
    }
}

impl Sum for Resources {
    fn sum<I: Iterator<Item = Resources>>(bags: I) -> Resources {
        bags.fold(Resources::new(), Add::add)
    }
}

impl<'a> Sum<&'a Resources> for Resources {
    fn sum<I: Iterator<Item = &'a Resources>>(bags: I) -> Resources {
        bags.fold(Resources::new(), Add::add)
    }
}
