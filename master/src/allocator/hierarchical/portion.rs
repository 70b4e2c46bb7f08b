//! Parts of resources: which of an agent's free ones a framework may be given, and what they count.

use std::borrow::Cow;
use std::collections::BTreeMap;

use model::{Resource, Resources, Role, Scalar, Value};
use smallvec::{SmallVec, smallvec};

use super::books::Abilities;
use crate::allocator::sorter::{Names, Tally};

/// What may be in a bag that only some may be given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Contents {
    /// Something that is kept for nobody.
    pub(super) unreserved: bool,
    pub(super) reserved: bool,
    /// Revocable, shared or refined: stripped for frameworks that cannot live with it.
    pub(super) special: bool,
}

impl Contents {
    /// What everybody may be given all of.
    pub(super) const PLAIN: Contents = Contents { unreserved: true, reserved: false, special: false };

    pub(super) fn of(resources: &Resources) -> Contents {
        let mut contents = Contents::default();
        for resource in resources.iter() {
            contents.unreserved |= resource.is_unreserved();
            contents.reserved |= !resource.is_unreserved();
            contents.special |= resource.revocable || resource.shared || resource.has_refined_reservation();
        }
        contents
    }

    /// Whether everybody may be given all of it.
    pub(super) fn is_plain(self) -> bool {
        !self.reserved && !self.special
    }
}

/// So many kinds of things are sorted by whom they are kept for before anybody is asked.
const SORTED_FROM: usize = 32;

/// What is left of an agent's free resources while frameworks are asked.
pub(super) struct Shelf<'a> {
    contents: Contents,
    rest: Rest<'a>,
}

enum Rest<'a> {
    Mixed(Cow<'a, Resources>),
    /// Many kinds of things: each client looks only at what it could be given.
    Sorted {
        open: Resources,
        kept: BTreeMap<Role, Resources>,
    },
}

impl<'a> Shelf<'a> {
    pub(super) fn of(free: &'a Resources, contents: Contents) -> Shelf<'a> {
        let rest = match contents.reserved && free.len() >= SORTED_FROM {
            true => Rest::Sorted { open: free.unreserved(), kept: free.reservations() },
            false => Rest::Mixed(Cow::Borrowed(free)),
        };
        Shelf { contents, rest }
    }

    /// Whether everybody may be given all of it.
    pub(super) fn is_plain(&self) -> bool {
        self.contents.is_plain()
    }

    /// Whether there are many kinds of things on it.
    pub(super) fn is_large(&self) -> bool {
        matches!(self.rest, Rest::Sorted { .. })
    }

    /// All of it; of a large one only what is kept for nobody.
    pub(super) fn rest(&self) -> &Resources {
        match &self.rest {
            Rest::Mixed(rest) => rest,
            Rest::Sorted { open, .. } => open,
        }
    }

    /// What of it a framework in this role may be given.
    pub(super) fn part(&self, role: &Role, able: Abilities) -> Cow<'_, Resources> {
        let lives_with = |resource: &Resource| {
            (able.revocable || !resource.revocable)
                && (able.shared || !resource.shared)
                && (able.refined || !resource.has_refined_reservation())
        };
        match &self.rest {
            Rest::Mixed(rest) if self.is_plain() => Cow::Borrowed(rest),
            Rest::Mixed(rest) => {
                Cow::Owned(rest.filter(|resource| resource.is_allocatable_to(role) && lives_with(resource)))
            }
            Rest::Sorted { open, kept } => {
                let mut part = open.filter(lives_with);
                let own = kept.get(role).into_iter();
                let above = role.ancestors().filter_map(|above| kept.get(&above));
                for resources in own.chain(above) {
                    part += resources.filter(lives_with);
                }
                Cow::Owned(part)
            }
        }
    }

    /// Takes a part off it.
    pub(super) fn take(&mut self, part: &Resources) {
        match &mut self.rest {
            Rest::Mixed(rest) => {
                let left = std::mem::take(rest.to_mut()) - part;
                self.contents = Contents::of(&left);
                *rest = Cow::Owned(left);
            }
            Rest::Sorted { open, kept } => {
                *open -= part.unreserved();
                for (role, taken) in part.reservations() {
                    if let Some(left) = kept.get_mut(&role) {
                        *left -= taken;
                    }
                }
            }
        }
    }
}

/// The scalars in it, by name. A shared one counts once however many hold it.
pub(super) fn tally(resources: &Resources, names: &mut Names) -> Tally {
    let mut tally = Tally::default();
    for resource in resources.iter() {
        if let Value::Scalar(amount) = resource.value {
            tally.add(names.position(&resource.name), amount);
        }
    }
    tally
}

/// What an agent counts when these leave its free ones: no role, and nothing shared, which stays to be offered again.
pub(super) fn unallocated(resources: &Resources) -> Resources {
    match resources.iter().any(|resource| resource.shared) {
        true => resources.filter(|resource| !resource.shared).unallocate(),
        false => resources.unallocate(),
    }
}

/// The same without a copy.
pub(super) fn into_unallocated(resources: Resources) -> Resources {
    if resources.iter().any(|resource| resource.shared) {
        return unallocated(&resources);
    }
    resources.into_unallocated()
}

/// Resources by the role they are allocated to; nearly always there is one.
pub(super) fn by_role(resources: &Resources) -> SmallVec<[(Role, Cow<'_, Resources>); 1]> {
    let role = |resource: &Resource| resource.allocation.clone().unwrap_or_else(Role::any);
    let Some(first) = resources.iter().next().map(role) else { return SmallVec::new() };
    if resources.iter().all(|resource| resource.allocation.as_ref() == Some(&first)) {
        return smallvec![(first, Cow::Borrowed(resources))];
    }
    resources.allocations().into_iter().map(|(role, part)| (role, Cow::Owned(part))).collect()
}

pub(super) fn has_gpus(resources: &Resources) -> bool {
    resources.gpus() > Scalar::ZERO
}
