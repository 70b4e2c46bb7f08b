//! A resource in any of its spellings.

use std::sync::Arc;

use model::resource::ResourceFault;
use model::{
    Disk, Ranges, Reservation, ReservationKind, Resource, ResourceError, Resources, Role, Scalar, Set, Value,
    brief,
};

use super::super::ConvertError;
use super::super::simple::{labels, range};
use crate::v1;
use crate::v1::resource::ReservationInfo;

/// How many resources a list may name: bags are made for a handful, and a body could hold a million.
const RESOURCES_MAX: usize = 1024;

/// Reads a list; each must be valid by itself, and none may claim a number or name that another has.
pub fn read(resources: Vec<v1::Resource>) -> Result<Resources, ConvertError> {
    if resources.len() > RESOURCES_MAX {
        let count = resources.len();
        return Err(ConvertError::new(format!("{count} resources are named, more than {RESOURCES_MAX}")));
    }
    let resources = resources.into_iter().map(Resource::try_from).collect::<Result<Vec<_>, _>>()?;
    let mut countable = Resources::new();
    for resource in resources.iter().filter(|resource| !matches!(resource.value, Value::Scalar(_))) {
        let one = Resources::from(resource.clone());
        if let Some(name) = countable.overlap(&one) {
            return Err(ConvertError::new(format!("Resources of '{}' overlap", brief(&name))));
        }
        countable += one;
    }
    Ok(resources.into_iter().collect())
}

/// Reads a bare amount.
pub fn amount(spelled: &v1::value::Scalar) -> Result<Scalar, ConvertError> {
    Scalar::from_f64(spelled.value).map_err(|error| ConvertError::new(error.to_string()))
}

impl TryFrom<v1::Resource> for Resource {
    type Error = ConvertError;

    fn try_from(spelled: v1::Resource) -> Result<Self, ConvertError> {
        let mut resource = Resource::new(spelled.name, Scalar::ZERO);
        resource.allocation = spelled.allocation_info.and_then(|info| info.role).map(Role::from);
        resource.revocable = spelled.revocable.is_some();
        resource.shared = spelled.shared.is_some();
        resource.provider_id = spelled.provider_id.map(Into::into);
        // As it would print, but for the amount, which may be none.
        let amount = spelled.scalar.as_ref().map(|scalar| scalar.value);
        let refuse = |resource: &Resource, fault| {
            let shown = resource.to_string();
            let name = shown.strip_suffix(":0").unwrap_or(&shown);
            let resource = amount.map_or_else(|| name.to_owned(), |amount| format!("{name}:{amount:?}"));
            ConvertError::new(ResourceError { resource, fault }.to_string())
        };
        match read_reservations(spelled.role, spelled.reservation, spelled.reservations) {
            Ok(reservations) => resource.reservations = reservations,
            Err(fault) => return Err(refuse(&resource, fault)),
        }
        match read_value(spelled.r#type, spelled.scalar, spelled.ranges, spelled.set) {
            Ok(value) => resource.value = value,
            Err(fault) => return Err(refuse(&resource, fault)),
        }
        if let Some(disk) = spelled.disk {
            match Disk::try_from(disk) {
                Ok(disk) => resource.disk = Some(Arc::new(disk)),
                Err(error) => return Err(error.at("disk")),
            }
        }
        resource.check().map_err(|error| ConvertError::new(error.to_string()))?;
        Ok(resource)
    }
}

fn read_value(
    ty: i32,
    scalar: Option<v1::value::Scalar>,
    ranges: Option<v1::value::Ranges>,
    set: Option<v1::value::Set>,
) -> Result<Value, ResourceFault> {
    match v1::value::Type::try_from(ty) {
        Ok(v1::value::Type::Scalar) if ranges.is_none() && set.is_none() => {
            let amount = scalar.ok_or(ResourceFault::WrongType("scalar"))?.value;
            Scalar::from_f64(amount).map(Value::Scalar).map_err(ResourceFault::Scalar)
        }
        Ok(v1::value::Type::Ranges) if scalar.is_none() && set.is_none() => {
            let list = ranges.ok_or(ResourceFault::WrongType("ranges"))?.range;
            Ranges::distinct(list.into_iter().map(range)).map(Value::Ranges).map_err(ResourceFault::Ranges)
        }
        Ok(v1::value::Type::Set) if scalar.is_none() && ranges.is_none() => {
            let items = set.ok_or(ResourceFault::WrongType("set"))?.item;
            Set::distinct(items.into_iter().map(Into::into)).map(Value::Set).map_err(ResourceFault::Set)
        }
        Ok(v1::value::Type::Scalar) => Err(ResourceFault::WrongType("scalar")),
        Ok(v1::value::Type::Ranges) => Err(ResourceFault::WrongType("ranges")),
        Ok(v1::value::Type::Set) => Err(ResourceFault::WrongType("set")),
        Ok(v1::value::Type::Text) | Err(_) => Err(ResourceFault::UnknownType),
    }
}

/// Understands the old fields, the new one, and both if they agree.
fn read_reservations(
    role: Option<String>,
    reservation: Option<ReservationInfo>,
    stack: Vec<ReservationInfo>,
) -> Result<Vec<Reservation>, ResourceFault> {
    if stack.is_empty() {
        let role = role.map(Role::from).filter(|role| !role.is_any());
        return match (role, reservation) {
            (None, None) => Ok(Vec::new()),
            (None, Some(_)) => Err(ResourceFault::ReservedToAny),
            (Some(role), None) => Ok(vec![Reservation::fixed(role)]),
            (Some(_), Some(info)) if info.r#type.is_some() || info.role.is_some() => {
                Err(ResourceFault::MixedReservations)
            }
            (Some(role), Some(info)) => Ok(vec![Reservation {
                kind: ReservationKind::Dynamic,
                role,
                principal: info.principal.map(Into::into),
                labels: labels(info.labels),
            }]),
        };
    }
    let stack = stack.into_iter().map(read_reservation).collect::<Result<Vec<_>, _>>()?;
    let outermost = stack.last().expect("the stack is not empty");
    let role_agrees = role.is_none_or(|role| role == outermost.role.as_str());
    let reservation_agrees = reservation.is_none_or(|info| {
        stack.len() == 1
            && outermost.kind == ReservationKind::Dynamic
            && info.principal.as_deref() == outermost.principal.as_deref()
            && labels(info.labels) == outermost.labels
    });
    if role_agrees && reservation_agrees { Ok(stack) } else { Err(ResourceFault::MixedReservations) }
}

fn read_reservation(info: ReservationInfo) -> Result<Reservation, ResourceFault> {
    use v1::resource::reservation_info::Type;
    let kind = match info.r#type.map(Type::try_from) {
        Some(Ok(Type::Static)) => ReservationKind::Static,
        Some(Ok(Type::Dynamic)) => ReservationKind::Dynamic,
        _ => return Err(ResourceFault::ReservationType),
    };
    Ok(Reservation {
        kind,
        role: info.role.unwrap_or_default().into(),
        principal: info.principal.map(Into::into),
        labels: labels(info.labels),
    })
}
