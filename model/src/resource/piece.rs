//! One resource.

use std::sync::Arc;

use libprocess_wire as wire;

use super::{Disk, Reservation, Value};
use crate::{ResourceProviderId, Role, Scalar};

/// A named amount, and all that says whose it is.
///
/// Two are the same kind of thing when all but their values agree; only such can be added.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Resource {
    pub name: Arc<str>,
    pub value: Value,
    /// The role it is offered to or used by; absent in an agent's totals.
    pub allocation: Option<Role>,
    /// For whom it is kept: outermost last; empty for everybody.
    pub reservations: Vec<Reservation>,
    pub disk: Option<Arc<Disk>>,
    /// May be taken back at any time.
    pub revocable: bool,
    /// May be used by several at once; only persistent volumes can.
    pub shared: bool,
    pub provider_id: Option<ResourceProviderId>,
}

impl Resource {
    /// A resource nobody has a claim on.
    pub fn new(name: impl Into<Arc<str>>, value: impl Into<Value>) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
            allocation: None,
            reservations: Vec::new(),
            disk: None,
            revocable: false,
            shared: false,
            provider_id: None,
        }
    }

    /// An amount of something nobody has a claim on.
    pub fn scalar(name: &str, amount: Scalar) -> Self {
        Self::new(name, amount)
    }

    pub fn is_empty(&self) -> bool {
        self.value.is_empty()
    }

    /// The role it is kept for: that of the outermost reservation.
    pub fn reserved_to(&self) -> Option<&Role> {
        self.reservations.last().map(|reservation| &reservation.role)
    }

    pub fn is_unreserved(&self) -> bool {
        self.reservations.is_empty()
    }

    /// Whether its outermost reservation can be undone.
    pub fn is_dynamically_reserved(&self) -> bool {
        self.reservations
            .last()
            .is_some_and(|reservation| reservation.kind == super::ReservationKind::Dynamic)
    }

    /// Whether it is kept for a role below another that kept it first.
    pub fn has_refined_reservation(&self) -> bool {
        self.reservations.len() > 1
    }

    pub fn is_persistent_volume(&self) -> bool {
        self.disk.as_ref().is_some_and(|disk| disk.persistence.is_some())
    }

    /// Whether only all of it can be added or taken.
    pub fn is_indivisible(&self) -> bool {
        self.disk.as_ref().is_some_and(|disk| disk.is_indivisible())
    }

    /// Whether a framework in this role may be offered it: it is free, or kept for the role or one above.
    pub fn is_allocatable_to(&self, role: &Role) -> bool {
        self.reserved_to().is_none_or(|reserved| reserved == role || role.is_strict_descendant_of(reserved))
    }

    /// Whether all but the values agree.
    pub(crate) fn same_kind(&self, other: &Resource) -> bool {
        self.name == other.name
            && self.value.same_type(&other.value)
            && self.allocation == other.allocation
            && self.revocable == other.revocable
            && self.shared == other.shared
            && self.reservations == other.reservations
            && self.disk == other.disk
            && self.provider_id == other.provider_id
    }

    /// Whether the two make one entry of a bag.
    pub(crate) fn merges_with(&self, other: &Resource) -> bool {
        self.same_kind(other) && if self.shared { self.value == other.value } else { !self.is_indivisible() }
    }

    /// Whether `other` can be cut out of it.
    pub(crate) fn contains(&self, other: &Resource) -> bool {
        self.same_kind(other)
            && if self.shared || self.is_indivisible() {
                self.value == other.value
            } else {
                self.value.contains(&other.value)
            }
    }
}
