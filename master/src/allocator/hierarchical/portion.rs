//! Parts of resources: which of an agent's free ones a framework may be given, and what they count.

use std::borrow::Cow;

use model::{Resource, Resources, Role, Scalar, Value};

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

/// What of `rest` a framework in this role may be given.
pub(super) fn portion<'a>(
    rest: &'a Resources,
    contents: Contents,
    role: &Role,
    able: Abilities,
) -> Cow<'a, Resources> {
    if contents.is_plain() {
        return Cow::Borrowed(rest);
    }
    Cow::Owned(rest.filter(|resource| {
        resource.is_allocatable_to(role)
            && (able.revocable || !resource.revocable)
            && (able.shared || !resource.shared)
            && (able.refined || !resource.has_refined_reservation())
    }))
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

/// Resources by the role they are allocated to; nearly always there is one.
pub(super) fn by_role(resources: &Resources) -> Vec<(Role, Cow<'_, Resources>)> {
    let role = |resource: &Resource| resource.allocation.clone().unwrap_or_else(Role::any);
    let Some(first) = resources.iter().next().map(role) else { return Vec::new() };
    if resources.iter().all(|resource| resource.allocation.as_ref() == Some(&first)) {
        return vec![(first, Cow::Borrowed(resources))];
    }
    resources.allocations().into_iter().map(|(role, part)| (role, Cow::Owned(part))).collect()
}

pub(super) fn has_gpus(resources: &Resources) -> bool {
    resources.gpus() > Scalar::ZERO
}
