//! A resource of a task, in the new form: reservations one by one, and the role it is allocated to.

use model::{Resource, Value};

use super::write::{double, made, message, number, signed, text};
use crate::v1;
use crate::v1::resource::{DiskInfo, ReservationInfo};
use crate::v1::value::Type;

/// The fields of `Resource`.
pub(super) fn write(resource: &Resource, out: &mut Vec<u8>) {
    text(out, 1, &resource.name);
    match &resource.value {
        Value::Scalar(amount) => {
            signed(out, 2, Type::Scalar as i32);
            message(out, 3, |out| double(out, 1, amount.as_f64()));
        }
        Value::Ranges(ranges) => {
            signed(out, 2, Type::Ranges as i32);
            message(out, 4, |out| {
                for range in ranges.iter() {
                    message(out, 1, |out| {
                        number(out, 1, range.begin);
                        number(out, 2, range.end);
                    });
                }
            });
        }
        Value::Set(set) => {
            signed(out, 2, Type::Set as i32);
            message(out, 5, |out| set.iter().for_each(|item| text(out, 1, item)));
        }
    }
    made(out, 7, resource.disk.as_deref().map(DiskInfo::from));
    if resource.revocable {
        message(out, 9, |_| {});
    }
    if resource.shared {
        message(out, 10, |_| {});
    }
    if let Some(role) = &resource.allocation {
        message(out, 11, |out| text(out, 1, role.as_str()));
    }
    made(out, 12, resource.provider_id.as_ref().map(v1::ResourceProviderId::from));
    for reservation in &resource.reservations {
        made(out, 13, Some(ReservationInfo::from(reservation)));
    }
}
