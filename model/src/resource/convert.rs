//! What operations make of resources.

use super::{Resource, Resources};
use crate::{Conversion, Scalar};

/// Why resources cannot be converted. The text is public.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConversionError {
    #[error("{} does not contain {want}", or_nothing(have))]
    NotContained { have: Resources, want: Resources },
    #[error("{0} needs a resource provider")]
    NeedsProvider(&'static str),
    #[error("a volume of {size} cannot lose {subtract}")]
    TooSmall { size: Scalar, subtract: Scalar },
}

/// Nothing in particular is spelled as the original spells an empty bag.
fn or_nothing(bag: &Resources) -> String {
    if bag.is_empty() { "{}".to_owned() } else { bag.to_string() }
}

impl Conversion {
    /// The same, with what says no role given to this one.
    pub fn allocate_missing(self, role: &crate::Role) -> Conversion {
        let one = |mut resource: Resource| {
            resource.allocation.get_or_insert_with(|| role.clone());
            resource
        };
        match self {
            Conversion::Reserve { source, resources } => Conversion::Reserve {
                source: source.allocate_missing(role),
                resources: resources.allocate_missing(role),
            },
            Conversion::Unreserve { resources } => {
                Conversion::Unreserve { resources: resources.allocate_missing(role) }
            }
            Conversion::Create { volumes } => Conversion::Create { volumes: volumes.allocate_missing(role) },
            Conversion::Destroy { volumes } => {
                Conversion::Destroy { volumes: volumes.allocate_missing(role) }
            }
            Conversion::GrowVolume { volume, addition } => {
                Conversion::GrowVolume { volume: one(volume), addition: one(addition) }
            }
            Conversion::ShrinkVolume { volume, subtract } => {
                Conversion::ShrinkVolume { volume: one(volume), subtract }
            }
            Conversion::CreateDisk { source, target, profile } => {
                Conversion::CreateDisk { source: one(source), target, profile }
            }
            Conversion::DestroyDisk { source } => Conversion::DestroyDisk { source: one(source) },
        }
    }

    /// What goes and what comes instead. Both count the same, whatever they are kept for.
    ///
    /// Errors: only a resource provider knows what comes, or nothing would be left of the volume.
    pub fn exchange(&self) -> Result<(Resources, Resources), ConversionError> {
        match self {
            Conversion::Reserve { source, resources } if source.is_empty() => {
                Ok((resources.pop_reservation(), resources.clone()))
            }
            Conversion::Reserve { source, resources } => Ok((source.clone(), resources.clone())),
            Conversion::Unreserve { resources } => Ok((resources.clone(), resources.pop_reservation())),
            Conversion::Create { volumes } => Ok((volumes.map(strip_volume), volumes.clone())),
            Conversion::Destroy { volumes } => Ok((volumes.clone(), volumes.map(strip_volume))),
            Conversion::GrowVolume { volume, addition } => {
                let mut grown = volume.clone();
                grown.value.add(&addition.value);
                Ok(([volume.clone(), addition.clone()].into_iter().collect(), grown.into()))
            }
            Conversion::ShrinkVolume { volume, subtract } => {
                let size = volume.value.quantity();
                if *subtract >= size || !subtract.is_positive() {
                    return Err(ConversionError::TooSmall { size, subtract: *subtract });
                }
                let (mut shrunk, mut freed) = (volume.clone(), volume.clone());
                shrunk.value = (size - *subtract).into();
                strip_volume(&mut freed);
                freed.value = (*subtract).into();
                Ok((volume.clone().into(), [shrunk, freed].into_iter().collect()))
            }
            Conversion::CreateDisk { .. } | Conversion::DestroyDisk { .. } => {
                Err(ConversionError::NeedsProvider(self.name()))
            }
        }
    }
}

impl Conversion {
    /// What goes, whoever knows what comes.
    ///
    /// Errors: when nothing would be left of the volume.
    pub fn takes(&self) -> Result<Resources, ConversionError> {
        match self {
            Conversion::CreateDisk { source, .. } | Conversion::DestroyDisk { source } => {
                Ok(source.clone().into())
            }
            _ => self.exchange().map(|(goes, _)| goes),
        }
    }

    /// What went and what came, once it is done. What came of a disk says its provider; it is allocated as the disk was.
    ///
    /// Errors: when nothing would be left of the volume.
    pub fn outcome(&self, converted: &Resources) -> Result<(Resources, Resources), ConversionError> {
        match self {
            Conversion::CreateDisk { source, .. } | Conversion::DestroyDisk { source } => {
                let came = match &source.allocation {
                    Some(role) => converted.unallocate().allocate(role),
                    None => converted.unallocate(),
                };
                Ok((source.clone().into(), came))
            }
            _ => self.exchange(),
        }
    }
}

/// The disk a persistent volume is made of.
fn strip_volume(resource: &mut Resource) {
    resource.shared = false;
    let Some(disk) = &resource.disk else { return };
    resource.disk = disk.source.clone().map(|source| {
        std::sync::Arc::new(super::Disk { persistence: None, volume: None, source: Some(source) })
    });
}

impl Resources {
    /// The bag after a conversion.
    ///
    /// Errors: when it does not hold what goes, or nobody here knows what comes.
    pub fn apply(&self, conversion: &Conversion) -> Result<Resources, ConversionError> {
        let (goes, comes) = conversion.exchange()?;
        self.replace(&goes, comes)
    }

    /// The bag with something else in place of a part of it.
    ///
    /// Errors: when it does not hold that part.
    pub fn replace(&self, goes: &Resources, comes: Resources) -> Result<Resources, ConversionError> {
        match self.checked_sub(goes) {
            Some(rest) => Ok(rest + comes),
            None => Err(ConversionError::NotContained { have: self.clone(), want: goes.clone() }),
        }
    }

    /// What operations made of something else, and an agent must not forget: dynamic reservations and volumes.
    pub fn kept(&self) -> Resources {
        self.filter(|resource| resource.is_dynamically_reserved() || resource.is_persistent_volume())
    }

    /// All of it as it was before any operation: without volumes and dynamic reservations.
    pub fn original(&self) -> Resources {
        self.map(|resource| {
            strip_volume(resource);
            resource.reservations.retain(|kept| kept.kind == super::ReservationKind::Static);
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{Disk, Persistence, Volume};

    fn bag(text: &str) -> Resources {
        text.parse().unwrap()
    }

    #[test]
    fn what_has_nothing_is_told_as_that() {
        let why = Resources::new().replace(&bag("cpus:1"), Resources::new()).unwrap_err();
        assert_eq!(why.to_string(), "{} does not contain cpus:1");
    }

    #[test]
    fn disk_is_reserved_made_a_volume_and_given_back() {
        let start = bag("cpus(allocated: r):1;disk(allocated: r):100");
        let reserved = bag("disk(allocated: r)(reservations: [(DYNAMIC,r)]):64");
        let volumes = reserved.map(|disk| {
            disk.disk = Some(Arc::new(Disk {
                persistence: Some(Persistence { id: "v".into(), principal: None }),
                volume: Some(Volume::writable("data")),
                source: None,
            }));
        });
        let steps = [
            Conversion::Reserve { source: Resources::new(), resources: reserved.clone() },
            Conversion::Create { volumes: volumes.clone() },
        ];
        let made = steps.iter().try_fold(start.clone(), |bag, step| bag.apply(step)).unwrap();
        assert!(made.contains(&volumes));
        assert_eq!(made.disk(), Scalar::whole(100));
        let back = [Conversion::Destroy { volumes }, Conversion::Unreserve { resources: reserved }];
        assert_eq!(back.iter().try_fold(made, |bag, step| bag.apply(step)), Ok(start));
    }

    #[test]
    fn a_volume_grows_and_shrinks_and_counts_the_same() {
        let volume = |size: i64| {
            let mut volume = Resource::scalar("disk", Scalar::whole(size));
            volume.reservations = vec![crate::Reservation::dynamic("r", None)];
            volume.disk = Some(Arc::new(Disk {
                persistence: Some(Persistence { id: "v".into(), principal: None }),
                volume: Some(Volume::writable("data")),
                source: None,
            }));
            volume
        };
        let addition = bag("disk(reservations: [(DYNAMIC,r)]):8").iter().next().unwrap().clone();
        let start = bag("cpus:1") + Resources::from(volume(64)) + Resources::from(addition.clone());
        let grown = start.apply(&Conversion::GrowVolume { volume: volume(64), addition }).unwrap();
        assert_eq!(grown, bag("cpus:1") + Resources::from(volume(72)));
        let shrink = |by| Conversion::ShrinkVolume { volume: volume(72), subtract: Scalar::whole(by) };
        assert_eq!(grown.apply(&shrink(8)), Ok(start.clone()));
        assert!(grown.apply(&shrink(72)).is_err(), "something must be left");
        assert_eq!(start.kept().disk(), Scalar::whole(72));
        assert_eq!(start.original(), bag("cpus:1;disk:72"));
    }

    #[test]
    fn what_is_not_there_is_named() {
        let have = bag("cpus(allocated: roleA):0.1;mem(allocated: roleA):32");
        let resources = bag("disk(allocated: roleA)(reservations: [(DYNAMIC,roleA)]):64");
        let error = have.apply(&Conversion::Reserve { source: Resources::new(), resources }).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cpus(allocated: roleA):0.1; mem(allocated: roleA):32 does not contain disk(allocated: roleA):64"
        );
    }
}
