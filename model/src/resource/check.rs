//! Whether a resource may exist.

use std::collections::BTreeSet;

use super::{DiskKind, ReservationKind, Resource, Value};
use crate::{Role, RoleError, container::VolumeMode};

/// A resource that may not exist, and why. The text is public.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Resource '{resource}' is invalid: {fault}")]
pub struct ResourceError {
    /// As it prints.
    pub resource: String,
    pub fault: ResourceFault,
}

/// What is wrong with a resource. The texts are public.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResourceFault {
    #[error("Empty resource name")]
    NoName,
    #[error("Invalid scalar resource: value <= 0")]
    NotPositive,
    #[error("Invalid scalar resource: {0}")]
    Scalar(crate::ScalarError),
    #[error("Invalid ranges resource: {0}")]
    Ranges(crate::range::RangesError),
    #[error("Invalid set resource: {0}")]
    Set(crate::set::SetError),
    #[error("Invalid {0} resource: the value is missing or of another type")]
    WrongType(&'static str),
    #[error("Unsupported resource type")]
    UnknownType,
    #[error("'gpus' values must be integers")]
    FractionalGpus,
    #[error("DiskInfo should not be set for {0} resource")]
    DiskOnOther(String),
    #[error("Invalid reservation: {0}")]
    ReservationRole(RoleError),
    #[error("Invalid reservation: role \"*\" cannot be reserved")]
    ReservedToAny,
    #[error("Invalid reservation: 'reservation.type' is missing")]
    ReservationType,
    #[error("Invalid refined reservation: a refined reservation cannot be STATIC")]
    RefinedStatic,
    #[error("Invalid refined reservation: role '{outer}' is not a refinement of '{inner}'")]
    NotARefinement { outer: Role, inner: Role },
    #[error("'Resource.role' and 'Resource.reservation' must not be set with 'Resource.reservations'")]
    MixedReservations,
    #[error("Invalid disk: {0}")]
    Disk(&'static str),
    #[error("Persistent volumes cannot be created from unreserved resources")]
    UnreservedVolume,
    #[error("Persistent volumes cannot be created from revocable resources")]
    RevocableVolume,
    #[error("Expecting 'volume' to be set for persistent volume")]
    NoVolume,
    #[error("Expecting 'host_path' to be unset for persistent volume")]
    VolumeHostPath,
    #[error("Expecting persistent volume to be in RW mode")]
    VolumeReadOnly,
    #[error("Only persistent volumes can be shared")]
    SharedOther,
}

impl Resource {
    /// Judges all that can be seen from the resource alone.
    ///
    /// Source: Mesos resource model.
    pub fn check(&self) -> Result<(), ResourceError> {
        self.fault().map_or(Ok(()), |fault| Err(ResourceError { resource: self.to_string(), fault }))
    }

    fn fault(&self) -> Option<ResourceFault> {
        if self.name.is_empty() {
            return Some(ResourceFault::NoName);
        }
        if let Value::Scalar(amount) = self.value {
            if !amount.is_positive() {
                return Some(ResourceFault::NotPositive);
            }
            if &*self.name == "gpus" && !amount.is_integral() {
                return Some(ResourceFault::FractionalGpus);
            }
        }
        self.reservations_fault().or_else(|| self.disk_fault())
    }

    fn reservations_fault(&self) -> Option<ResourceFault> {
        let mut below: Option<&Role> = None;
        for reservation in &self.reservations {
            if reservation.role.is_any() {
                return Some(ResourceFault::ReservedToAny);
            }
            if let Err(why) = reservation.role.check() {
                return Some(ResourceFault::ReservationRole(why));
            }
            if let Some(inner) = below {
                if reservation.kind == ReservationKind::Static {
                    return Some(ResourceFault::RefinedStatic);
                }
                if !reservation.role.is_strict_descendant_of(inner) {
                    return Some(ResourceFault::NotARefinement {
                        outer: reservation.role.clone(),
                        inner: inner.clone(),
                    });
                }
            }
            below = Some(&reservation.role);
        }
        None
    }

    fn disk_fault(&self) -> Option<ResourceFault> {
        let Some(disk) = &self.disk else {
            return self.shared.then_some(ResourceFault::SharedOther);
        };
        if &*self.name != "disk" {
            return Some(ResourceFault::DiskOnOther(self.name.to_string()));
        }
        if let Some(source) = &disk.source
            && source.root.is_some()
            && !matches!(source.kind, DiskKind::Path | DiskKind::Mount)
        {
            return Some(ResourceFault::Disk("a block or raw disk has no root"));
        }
        let Some(persistence) = &disk.persistence else {
            return self.shared.then_some(ResourceFault::SharedOther);
        };
        if crate::id::check_id(&persistence.id).is_err() {
            return Some(ResourceFault::Disk("the persistence id is not a valid name"));
        }
        if self.is_unreserved() {
            return Some(ResourceFault::UnreservedVolume);
        }
        if self.revocable {
            return Some(ResourceFault::RevocableVolume);
        }
        match &disk.volume {
            None => Some(ResourceFault::NoVolume),
            Some(volume) if volume.host_path.is_some() => Some(ResourceFault::VolumeHostPath),
            Some(volume) if volume.mode != VolumeMode::ReadWrite => Some(ResourceFault::VolumeReadOnly),
            Some(_) => None,
        }
    }
}

impl super::Resources {
    /// The first persistence id that a role has twice in this bag.
    pub fn duplicate_persistence(&self) -> Option<std::sync::Arc<str>> {
        let mut seen = BTreeSet::new();
        self.iter().filter(|resource| !resource.shared).find_map(|resource| {
            let id = &resource.disk.as_ref()?.persistence.as_ref()?.id;
            (!seen.insert((resource.reserved_to(), id))).then(|| id.clone())
        })
    }

    /// The first name that is here both for keeps and revocable.
    pub fn mixed_revocable(&self) -> Option<std::sync::Arc<str>> {
        self.iter()
            .filter(|resource| resource.revocable)
            .find(|revocable| self.iter().any(|other| !other.revocable && other.name == revocable.name))
            .map(|resource| resource.name.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{Disk, Persistence, Reservation, Scalar, Volume};

    #[test]
    fn a_negative_amount_is_named_with_its_role() {
        let mut cpus = Resource::scalar("cpus", Scalar::whole(-1));
        cpus.allocation = Some("roleA".into());
        assert_eq!(
            cpus.check().unwrap_err().to_string(),
            "Resource 'cpus(allocated: roleA):-1' is invalid: Invalid scalar resource: value <= 0"
        );
    }

    #[test]
    fn each_reservation_lies_below_the_one_before() {
        let mut disk = Resource::scalar("disk", Scalar::whole(1));
        disk.reservations = vec![Reservation::fixed("a"), Reservation::dynamic("a/b", None)];
        assert_eq!(disk.check(), Ok(()));
        disk.reservations[1].role = "ab".into();
        assert!(disk.check().is_err());
        disk.reservations = vec![Reservation::fixed("*")];
        assert_eq!(disk.check().unwrap_err().fault, ResourceFault::ReservedToAny);
    }

    #[test]
    fn a_persistent_volume_is_reserved_writable_and_inside() {
        let mut volume = Resource::scalar("disk", Scalar::whole(1));
        volume.disk = Some(Arc::new(Disk {
            persistence: Some(Persistence { id: "v".into(), principal: None }),
            volume: Some(Volume::writable("data")),
            source: None,
        }));
        assert_eq!(volume.check().unwrap_err().fault, ResourceFault::UnreservedVolume);
        volume.reservations = vec![Reservation::dynamic("a", None)];
        assert_eq!(volume.check(), Ok(()));
        volume.shared = true;
        assert_eq!(volume.check(), Ok(()));
        volume.revocable = true;
        assert_eq!(volume.check().unwrap_err().fault, ResourceFault::RevocableVolume);
    }
}
