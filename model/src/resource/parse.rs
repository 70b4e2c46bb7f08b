//! Reading resources: `cpus:8;mem(role):1024;ports:[1-2];disks:{a, b}`.
//!
//! What `print` writes is read back too, except disks and sharing, which have no text form.

use std::str::FromStr;

use super::{Reservation, ReservationKind, Resource, ResourceError, Resources, Value};
use crate::{Role, ScalarError, range::RangesError, set::SetError};

/// Why a text is no list of resources.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    #[error("'{0}' is not of the form 'name(role):value'")]
    Form(String),
    #[error("'{0}' has an invalid amount: {1}")]
    Scalar(String, ScalarError),
    #[error("'{0}' has invalid ranges: {1}")]
    Ranges(String, RangesError),
    #[error("'{0}' has an invalid set: {1}")]
    Set(String, SetError),
    #[error(transparent)]
    Invalid(#[from] ResourceError),
}

impl Resources {
    /// Reads a list; what names no role is kept for `role`, as `--default_role` says, or for nobody if `*`.
    pub fn parse(text: &str, role: &Role) -> Result<Self, ParseError> {
        text.split(';')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(|part| parse_one(part, role))
            .collect()
    }
}

impl FromStr for Resources {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::parse(text, &Role::any())
    }
}

fn parse_one(text: &str, default_role: &Role) -> Result<Resource, ParseError> {
    let form = || ParseError::Form(text.to_owned());
    let end = text.find(['(', '{', ':']).ok_or_else(form)?;
    let (name, mut rest) = text.split_at(end);
    let mut resource = Resource::new(name.trim(), crate::Scalar::ZERO);
    let mut role = Some(default_role.clone());
    while let Some(inner) = rest.strip_prefix('(') {
        if let Some(inner) = inner.strip_prefix("reservations: [") {
            let (list, after) = inner.split_once("])").ok_or_else(form)?;
            resource.reservations = parse_reservations(list).ok_or_else(form)?;
            role = None;
            rest = after;
            continue;
        }
        let (group, after) = inner.split_once(')').ok_or_else(form)?;
        match group.strip_prefix("allocated: ") {
            Some(allocated) => resource.allocation = Some(allocated.trim().into()),
            None => role = Some(group.trim().into()),
        }
        rest = after;
    }
    if let Some(after) = rest.strip_prefix("{REV}") {
        resource.revocable = true;
        rest = after;
    }
    if let Some(role) = role.filter(|role| !role.is_any()) {
        resource.reservations = vec![Reservation::fixed(role)];
    }
    let value = rest.strip_prefix(':').ok_or_else(form)?.trim();
    resource.value = match value.chars().next() {
        Some('[') => Value::Ranges(value.parse().map_err(|why| ParseError::Ranges(text.to_owned(), why))?),
        Some('{') => Value::Set(value.parse().map_err(|why| ParseError::Set(text.to_owned(), why))?),
        _ => Value::Scalar(value.parse().map_err(|why| ParseError::Scalar(text.to_owned(), why))?),
    };
    // Flags may say that there is none of something.
    if !resource.is_empty() || matches!(resource.value, Value::Scalar(amount) if !amount.is_zero()) {
        resource.check()?;
    }
    Ok(resource)
}

/// Reads `(STATIC,a),(DYNAMIC,a/b,principal)`.
fn parse_reservations(text: &str) -> Option<Vec<Reservation>> {
    text.strip_prefix('(')?
        .strip_suffix(')')?
        .split("),(")
        .map(|entry| {
            let mut fields = entry.split(',');
            let kind = match fields.next()? {
                "STATIC" => ReservationKind::Static,
                "DYNAMIC" => ReservationKind::Dynamic,
                _ => return None,
            };
            let mut reservation = Reservation::fixed(fields.next()?);
            reservation.kind = kind;
            reservation.principal = fields.next().map(Into::into);
            fields.next().is_none().then_some(reservation)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_read_as_operators_write_them() {
        let bag: Resources = "cpus:8;mem(web):1024; ports:[31000-32000, 1-2];disks:{b,a}".parse().unwrap();
        assert_eq!(
            bag.to_string(),
            "cpus:8; mem(reservations: [(STATIC,web)]):1024; ports:[1-2, 31000-32000]; disks:{a, b}"
        );
        assert_eq!(Resources::parse("cpus:1;mem(*):2", &"r".into()).unwrap().reserved(&"r".into()).len(), 1);
        assert!("cpus:0".parse::<Resources>().unwrap().is_empty());
    }

    #[test]
    fn text_that_is_no_resource_is_refused() {
        for bad in [
            "cpus",
            "cpus:",
            "cpus:x",
            "cpus:-1",
            "cpus:nan",
            "cpus(:1",
            "ports:[2-1]",
            "ports:[1-5,5-6]",
            "s:{a,a}",
            ":1",
            "cpus(/a):1",
        ] {
            assert!(bad.parse::<Resources>().is_err(), "{bad}");
        }
    }
}
