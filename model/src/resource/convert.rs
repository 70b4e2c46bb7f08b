//! What operations make of resources.

use super::{Resource, Resources};
use crate::Conversion;

/// Why resources cannot be converted. The text is public.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConversionError {
    #[error("{have} does not contain {want}")]
    NotContained { have: Resources, want: Resources },
    #[error("{0} waits for the agent")]
    NotSpeculative(&'static str),
}

impl Conversion {
    /// What goes and what comes instead.
    ///
    /// Errors: when only the agent knows what becomes of them.
    pub fn exchange(&self) -> Result<(Resources, Resources), ConversionError> {
        match self {
            Conversion::Reserve { source, resources } if source.is_empty() => {
                Ok((resources.pop_reservation(), resources.clone()))
            }
            Conversion::Reserve { source, resources } => Ok((source.clone(), resources.clone())),
            Conversion::Unreserve { resources } => Ok((resources.clone(), resources.pop_reservation())),
            Conversion::Create { volumes } => Ok((volumes.map(strip_volume), volumes.clone())),
            Conversion::Destroy { volumes } => Ok((volumes.clone(), volumes.map(strip_volume))),
            Conversion::GrowVolume { .. }
            | Conversion::ShrinkVolume { .. }
            | Conversion::CreateDisk { .. }
            | Conversion::DestroyDisk { .. } => Err(ConversionError::NotSpeculative(self.name())),
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
    /// Errors: when it does not hold what goes, or only the agent knows what comes.
    pub fn apply(&self, conversion: &Conversion) -> Result<Resources, ConversionError> {
        let (goes, comes) = conversion.exchange()?;
        match self.checked_sub(&goes) {
            Some(rest) => Ok(rest + comes),
            None => Err(ConversionError::NotContained { have: self.clone(), want: goes }),
        }
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
        assert_eq!(made.disk(), crate::Scalar::whole(100));
        let back = [Conversion::Destroy { volumes }, Conversion::Unreserve { resources: reserved }];
        assert_eq!(back.iter().try_fold(made, |bag, step| bag.apply(step)), Ok(start));
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
