//! A resource in the spelling that somebody expects.

use model::{Reservation, ReservationKind, Resource, Resources, Role, Value};

use super::super::simple::{labels_out, ranges_out, scalar_out, set_out};
use super::{Format, Spelling};
use crate::v1;
use crate::v1::resource::{AllocationInfo, DiskInfo, ReservationInfo};

/// Spells a bag.
pub fn write(resources: &Resources, spelling: Spelling) -> Vec<v1::Resource> {
    resources.iter().map(|resource| write_one(resource, spelling)).collect()
}

/// Spells one.
pub fn write_one(resource: &Resource, spelling: Spelling) -> v1::Resource {
    use v1::value::Type;
    let mut spelled = v1::Resource {
        provider_id: resource.provider_id.as_ref().map(Into::into),
        name: resource.name.to_string(),
        disk: resource.disk.as_deref().map(DiskInfo::from),
        revocable: resource.revocable.then(v1::resource::RevocableInfo::default),
        shared: resource.shared.then(v1::resource::SharedInfo::default),
        ..Default::default()
    };
    let ty = match &resource.value {
        Value::Scalar(amount) => {
            spelled.scalar = Some(scalar_out(*amount));
            Type::Scalar
        }
        Value::Ranges(ranges) => {
            spelled.ranges = Some(ranges_out(ranges));
            Type::Ranges
        }
        Value::Set(set) => {
            spelled.set = Some(set_out(set));
            Type::Set
        }
    };
    spelled.r#type = ty as i32;
    if spelling.allocation {
        spelled.allocation_info =
            resource.allocation.as_ref().map(|role| AllocationInfo { role: Some(role.to_string()) });
    }
    if spelling.format != Format::Refined {
        match resource.reservations.as_slice() {
            [] => spelled.role = Some(Role::ANY.to_owned()),
            [only] => {
                spelled.role = Some(only.role.to_string());
                if only.kind == ReservationKind::Dynamic {
                    spelled.reservation = Some(ReservationInfo {
                        r#type: None,
                        role: None,
                        principal: only.principal.as_deref().map(Into::into),
                        labels: labels_out(&only.labels),
                    });
                }
            }
            // Refined reservations have no old spelling; who cannot read the new one is never shown them.
            _ => {}
        }
    }
    if spelling.format != Format::Legacy || resource.has_refined_reservation() {
        spelled.reservations = resource.reservations.iter().map(ReservationInfo::from).collect();
    }
    spelled
}

impl From<&Resource> for v1::Resource {
    fn from(resource: &Resource) -> Self {
        write_one(resource, Spelling::FULL)
    }
}

impl From<&Reservation> for ReservationInfo {
    fn from(reservation: &Reservation) -> Self {
        use v1::resource::reservation_info::Type;
        let ty = match reservation.kind {
            ReservationKind::Static => Type::Static,
            ReservationKind::Dynamic => Type::Dynamic,
        };
        ReservationInfo {
            r#type: Some(ty as i32),
            role: Some(reservation.role.to_string()),
            principal: reservation.principal.as_deref().map(Into::into),
            labels: labels_out(&reservation.labels),
        }
    }
}
