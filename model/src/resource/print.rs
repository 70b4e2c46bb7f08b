//! How resources read in messages: `cpus(allocated: web):1; disk(reservations: [(DYNAMIC,web)])[v:data]:64`.

use std::fmt;

use super::{Disk, Reservation, ReservationKind, Resource, Resources, Value};
use crate::container::VolumeMode;

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Scalar(amount) => amount.fmt(f),
            Value::Ranges(ranges) => ranges.fmt(f),
            Value::Set(set) => set.fmt(f),
        }
    }
}

impl fmt::Display for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            ReservationKind::Static => "STATIC",
            ReservationKind::Dynamic => "DYNAMIC",
        };
        write!(f, "({kind},{}", self.role)?;
        if let Some(principal) = &self.principal {
            write!(f, ",{principal}")?;
        }
        if !self.labels.is_empty() {
            write!(f, ",{}", self.labels)?;
        }
        f.write_str(")")
    }
}

impl fmt::Display for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        if let Some(source) = &self.source {
            f.write_str(source.kind.name())?;
            let marks: Vec<&str> = [&source.vendor, &source.id, &source.profile]
                .into_iter()
                .filter_map(Option::as_deref)
                .collect();
            if !marks.is_empty() {
                write!(f, "({})", marks.join(","))?;
            }
            if let Some(root) = &source.root {
                write!(f, ":{root}")?;
            }
            separator = ",";
        }
        if let Some(persistence) = &self.persistence {
            write!(f, "{separator}{}", persistence.id)?;
        }
        if let Some(volume) = &self.volume {
            f.write_str(":")?;
            if let Some(host_path) = &volume.host_path {
                write!(f, "{host_path}:")?;
            }
            f.write_str(&volume.container_path)?;
            if volume.mode == VolumeMode::ReadOnly {
                f.write_str(":ro")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if let Some(role) = &self.allocation {
            write!(f, "(allocated: {role})")?;
        }
        if !self.reservations.is_empty() {
            f.write_str("(reservations: [")?;
            for (index, reservation) in self.reservations.iter().enumerate() {
                write!(f, "{}{reservation}", if index == 0 { "" } else { "," })?;
            }
            f.write_str("])")?;
        }
        if let Some(disk) = &self.disk {
            write!(f, "[{disk}]")?;
        }
        if self.revocable {
            f.write_str("{REV}")?;
        }
        if self.shared {
            f.write_str("<SHARED>")?;
        }
        write!(f, ":{}", self.value)
    }
}

impl fmt::Display for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (resource, copies)) in self.counted().enumerate() {
            write!(f, "{}{resource}", if index == 0 { "" } else { "; " })?;
            if resource.shared {
                write!(f, "<{copies}>")?;
            }
        }
        Ok(())
    }
}
