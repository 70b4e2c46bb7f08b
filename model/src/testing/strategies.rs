//! Values of all shapes, for laws.

use std::{sync::Arc, time::Duration};

use proptest::{collection::vec, option, prelude::*, sample::select};

use crate::{
    Disk, DiskKind, DiskSource, Persistence, Quantities, Range, Ranges, Reservation, Resource, Resources,
    Role, Scalar, Set, Volume,
};

/// Two sides share no number and no name, so that their bags can be added without anything counted twice: a port is
/// one port, whoever holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Left,
    Right,
}

/// Amounts greater than zero.
pub fn scalars() -> impl Strategy<Value = Scalar> {
    (1..1_000_000_i64).prop_map(Scalar::from_thousandths)
}

/// Up to five intervals; empty too.
pub fn ranges(side: Side) -> impl Strategy<Value = Ranges> {
    let start = match side {
        Side::Left => 0,
        Side::Right => 1_000,
    };
    vec((0..900_u64, 0..100_u64), 0..5).prop_map(move |spans| {
        let spans = spans
            .into_iter()
            .map(|(begin, length)| Range { begin: start + begin, end: start + begin + length });
        Ranges::coalesce(spans).expect("each runs forwards")
    })
}

/// Up to four names; none too.
pub fn sets(side: Side) -> impl Strategy<Value = Set> {
    let prefix = match side {
        Side::Left => "l",
        Side::Right => "r",
    };
    vec(0..6, 0..4)
        .prop_map(move |items| items.into_iter().map(|item| format!("{prefix}{item}").into()).collect())
}

/// A few roles, some below others.
pub fn roles() -> impl Strategy<Value = Role> {
    select(vec!["web", "web/api", "web/api/v1", "batch", "webs"]).prop_map(Role::from)
}

/// A stack that may exist: each entry below the one before.
pub fn reservations() -> impl Strategy<Value = Vec<Reservation>> {
    let principal = option::of(select(vec!["ann", "bob"]));
    (0..4_usize, any::<bool>(), principal).prop_map(|(depth, fixed, principal)| {
        ["web", "web/api", "web/api/v1"]
            .into_iter()
            .take(depth)
            .enumerate()
            .map(|(index, role)| match index {
                0 if fixed => Reservation::fixed(role),
                _ => Reservation::dynamic(role, principal),
            })
            .collect()
    })
}

fn disks() -> impl Strategy<Value = Disk> {
    let source = option::of((
        select(vec![DiskKind::Path, DiskKind::Mount, DiskKind::Block, DiskKind::Raw]),
        select(vec!["/d1", "/d2"]),
        option::of(select(vec!["i1", "i2"])),
    ));
    let persistence = option::of(select(vec!["v1", "v2", "v3"]));
    (source, persistence).prop_map(|(source, persistence)| Disk {
        persistence: persistence.map(|id| Persistence { id: id.into(), principal: None }),
        volume: persistence.map(|_| Volume::writable("data")),
        source: source.map(|(kind, root, id)| {
            let root = matches!(kind, DiskKind::Path | DiskKind::Mount).then_some(root);
            DiskSource { id: id.map(Into::into), ..DiskSource::new(kind, root) }
        }),
    })
}

/// One resource that may exist, of any kind.
pub fn resource(side: Side) -> impl Strategy<Value = Resource> {
    let value = prop_oneof![
        4 => (select(vec!["cpus", "mem", "disk"]), scalars())
            .prop_map(|(name, amount)| Resource::new(name, amount)),
        1 => (1..8_i64).prop_map(|gpus| Resource::new("gpus", Scalar::whole(gpus))),
        2 => ranges(side).prop_map(|ranges| Resource::new("ports", ranges)),
        1 => sets(side).prop_map(|set| Resource::new("devices", set)),
    ];
    (value, option::of(roles()), reservations(), option::of(disks()), any::<bool>(), any::<bool>()).prop_map(
        |(mut resource, allocation, reservations, disk, revocable, shared)| {
            resource.allocation = allocation;
            resource.reservations = reservations;
            if &*resource.name == "disk" {
                resource.disk =
                    disk.filter(|disk| disk.persistence.is_none() || !resource.is_unreserved()).map(Arc::new);
            }
            resource.shared = shared && resource.is_persistent_volume();
            resource.revocable = revocable && !resource.is_persistent_volume();
            resource
        },
    )
}

/// Bags of up to eight.
pub fn bags(side: Side) -> impl Strategy<Value = Resources> {
    vec(resource(side), 0..8).prop_map(Resources::from_iter)
}

/// Amounts by name.
pub fn quantities() -> impl Strategy<Value = Quantities> {
    vec((select(vec!["cpus", "mem", "disk", "gpus"]), scalars()), 0..4).prop_map(Quantities::from_iter)
}

/// From a nanosecond to a year.
pub fn durations() -> impl Strategy<Value = Duration> {
    (1..31_536_000_000_000_000_u64).prop_map(Duration::from_nanos)
}
