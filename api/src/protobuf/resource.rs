//! A resource. What was reserved in the old form is spelled by its message.

use model::{Resource, Resources, Role, Value};

use super::write::Backwards;
use crate::convert::Format;
use crate::convert::resources::{Spelling, write_one};
use crate::v1;
use crate::v1::resource::{DiskInfo, ReservationInfo};
use crate::v1::value::Type;

/// The fields of `Resource`.
pub(super) fn write(resource: &Resource, spelling: Spelling, out: &mut Backwards) {
    let names_role = spelling.format != Format::Refined;
    if names_role && !resource.reservations.is_empty() {
        return out.fields(&write_one(resource, spelling));
    }
    for reservation in resource.reservations.iter().rev() {
        out.made(13, Some(ReservationInfo::from(reservation)));
    }
    out.made(12, resource.provider_id.as_ref().map(v1::ResourceProviderId::from));
    if let Some(role) = resource.allocation.as_ref().filter(|_| spelling.allocation) {
        out.id(11, role.as_str());
    }
    if resource.shared {
        out.message(10, |_| {});
    }
    if resource.revocable {
        out.message(9, |_| {});
    }
    out.made(7, resource.disk.as_deref().map(DiskInfo::from));
    if names_role {
        out.text(6, Role::ANY);
    }
    value(&resource.value, out);
    out.text(1, &resource.name);
}

/// Many, each in a field of this number.
pub(super) fn list(field: u32, resources: &Resources, spelling: Spelling, out: &mut Backwards) {
    for one in resources.iter().rev() {
        out.message(field, |out| write(one, spelling, out));
    }
}

fn value(value: &Value, out: &mut Backwards) {
    let kind = match value {
        Value::Scalar(amount) => {
            out.message(3, |out| out.double(1, amount.as_f64()));
            Type::Scalar
        }
        Value::Ranges(ranges) => {
            out.message(4, |out| {
                for range in ranges.iter().rev() {
                    out.message(1, |out| {
                        out.number(2, range.end);
                        out.number(1, range.begin);
                    });
                }
            });
            Type::Ranges
        }
        Value::Set(set) => {
            out.message(5, |out| set.iter().rev().for_each(|item| out.text(1, item)));
            Type::Set
        }
    };
    out.signed(2, kind as i32);
}
