//! Parts of a bag by whose they are, and bags made somebody's.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Reservation, Resources, Value};
use crate::Role;

impl Resources {
    /// All of it, offered to or used by this role.
    pub fn allocate(&self, role: &Role) -> Resources {
        self.map(|resource| resource.allocation = Some(role.clone()))
    }

    /// The same without a copy, where all of it is allocated alike: to nobody or to one role.
    pub fn into_allocated(mut self, role: &Role) -> Resources {
        let first = self.iter().next().map(|resource| &resource.allocation);
        if !self.iter().all(|resource| Some(&resource.allocation) == first) {
            return self.allocate(role);
        }
        for entry in Arc::make_mut(&mut self.entries) {
            entry.resource.allocation = Some(role.clone());
        }
        self
    }

    /// What says no role gets this one, as the master fills in what a framework left out.
    pub fn allocate_missing(&self, role: &Role) -> Resources {
        if self.iter().all(|resource| resource.allocation.is_some()) {
            return self.clone();
        }
        self.map(|resource| {
            resource.allocation.get_or_insert_with(|| role.clone());
        })
    }

    /// All of it, without whom it is allocated to, as agents count.
    pub fn unallocate(&self) -> Resources {
        if self.iter().all(|resource| resource.allocation.is_none()) {
            return self.clone();
        }
        self.map(|resource| resource.allocation = None)
    }

    /// The same without a copy, where all of it is allocated to one role.
    pub fn into_unallocated(mut self) -> Resources {
        let first = self.entries.first().and_then(|entry| entry.resource.allocation.clone());
        if self.iter().any(|resource| resource.allocation != first) {
            return self.unallocate();
        }
        for entry in Arc::make_mut(&mut self.entries) {
            entry.resource.allocation = None;
        }
        self
    }

    /// What is allocated to nobody.
    pub fn unallocated(&self) -> Resources {
        self.filter(|resource| resource.allocation.is_none())
    }

    /// What is allocated to this role.
    pub fn allocated_to(&self, role: &Role) -> Resources {
        self.filter(|resource| resource.allocation.as_ref() == Some(role))
    }

    /// Shape: role → what is allocated to it.
    pub fn allocations(&self) -> BTreeMap<Role, Resources> {
        let mut allocations: BTreeMap<Role, Resources> = BTreeMap::new();
        for (resource, copies) in self.counted() {
            if let Some(role) = &resource.allocation {
                allocations.entry(role.clone()).or_default().push(resource.clone(), copies);
            }
        }
        allocations
    }

    /// What is kept for nobody.
    pub fn unreserved(&self) -> Resources {
        self.filter(super::Resource::is_unreserved)
    }

    /// What is kept for exactly this role.
    pub fn reserved(&self, role: &Role) -> Resources {
        self.filter(|resource| resource.reserved_to() == Some(role))
    }

    /// Shape: role → what is kept for exactly it.
    pub fn reservations(&self) -> BTreeMap<Role, Resources> {
        let mut reservations: BTreeMap<Role, Resources> = BTreeMap::new();
        for (resource, copies) in self.counted() {
            if let Some(role) = resource.reserved_to() {
                reservations.entry(role.clone()).or_default().push(resource.clone(), copies);
            }
        }
        reservations
    }

    /// What a framework in this role may be offered: what is free, or kept for the role or one above.
    pub fn allocatable_to(&self, role: &Role) -> Resources {
        self.filter(|resource| resource.is_allocatable_to(role))
    }

    /// All of it with one more reservation on top.
    pub fn push_reservation(&self, reservation: &Reservation) -> Resources {
        self.map(|resource| resource.reservations.push(reservation.clone()))
    }

    /// All of it without the outermost reservation.
    pub fn pop_reservation(&self) -> Resources {
        self.map(|resource| {
            resource.reservations.pop();
        })
    }

    /// All of it, kept for nobody.
    pub fn to_unreserved(&self) -> Resources {
        self.map(|resource| resource.reservations.clear())
    }

    pub fn revocable(&self) -> Resources {
        self.filter(|resource| resource.revocable)
    }

    pub fn non_revocable(&self) -> Resources {
        self.filter(|resource| !resource.revocable)
    }

    pub fn shared(&self) -> Resources {
        self.filter(|resource| resource.shared)
    }

    pub fn non_shared(&self) -> Resources {
        self.filter(|resource| !resource.shared)
    }

    pub fn persistent_volumes(&self) -> Resources {
        self.filter(super::Resource::is_persistent_volume)
    }

    /// What can be counted by amount, as shares and quota count.
    pub fn scalars(&self) -> Resources {
        self.filter(|resource| matches!(resource.value, Value::Scalar(_)))
    }

    /// What goes by this name.
    pub fn named(&self, name: &str) -> Resources {
        self.filter(|resource| &*resource.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bag(text: &str) -> Resources {
        text.parse().unwrap()
    }

    #[test]
    fn a_role_may_be_offered_what_is_kept_for_it_or_above_it() {
        let all = bag("cpus:1;cpus(a):2;cpus(a/b):4;cpus(c):8");
        assert_eq!(all.allocatable_to(&"a/b".into()).cpus(), crate::Scalar::whole(7));
        assert_eq!(all.allocatable_to(&"a".into()).cpus(), crate::Scalar::whole(3));
        assert_eq!(all.allocatable_to(&"ab".into()).cpus(), crate::Scalar::whole(1));
    }

    #[test]
    fn what_becomes_the_same_adds_up() {
        assert_eq!(bag("cpus:1;cpus(a):2").to_unreserved(), bag("cpus:3"));
        assert_eq!(bag("cpus(allocated: a):1;cpus(allocated: b):2").unallocate(), bag("cpus:3"));
    }

    #[test]
    fn what_is_allocated_in_place_is_what_a_copy_would_be() {
        for text in ["cpus:1;cpus(a):2;ports:[1-9]", "cpus(allocated: a):1;cpus(allocated: b):2", ""] {
            let bag = if text.is_empty() { Resources::new() } else { bag(text) };
            assert_eq!(bag.clone().into_allocated(&"c".into()), bag.allocate(&"c".into()), "{text}");
            assert_eq!(bag.clone().into_unallocated(), bag.unallocate(), "{text}");
            let allocated = bag.allocate(&"c".into());
            assert_eq!(allocated.clone().into_unallocated(), allocated.unallocate(), "{text}");
            assert_eq!(
                allocated.clone().into_allocated(&"b".into()),
                allocated.allocate(&"b".into()),
                "{text}"
            );
        }
    }

    #[test]
    fn a_reservation_is_refined_and_undone() {
        let refined = bag("disk(a):8").push_reservation(&Reservation::dynamic("a/b", Some("me")));
        assert_eq!(refined.to_string(), "disk(reservations: [(STATIC,a),(DYNAMIC,a/b,me)]):8");
        assert_eq!(refined.pop_reservation(), bag("disk(a):8"));
    }
}
