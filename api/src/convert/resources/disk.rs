//! What makes disk more than an amount.

use model::{Disk, DiskKind, DiskSource, Persistence, Volume};

use super::super::simple::{labels, labels_out};
use super::super::{ConvertError, maybe, required, same_enum};
use crate::v1;
use crate::v1::resource::{DiskInfo, disk_info};

same_enum!(disk_info::source::Type, DiskKind { Path = Path, Mount = Mount, Block = Block, Raw = Raw });

impl TryFrom<DiskInfo> for Disk {
    type Error = ConvertError;

    fn try_from(info: DiskInfo) -> Result<Self, ConvertError> {
        Ok(Disk {
            persistence: info.persistence.map(|persistence| Persistence {
                id: persistence.id.into(),
                principal: persistence.principal.map(Into::into),
            }),
            volume: maybe::<_, Volume>(info.volume, "volume")?,
            source: maybe::<_, DiskSource>(info.source, "source")?,
        })
    }
}

impl From<&Disk> for DiskInfo {
    fn from(disk: &Disk) -> Self {
        DiskInfo {
            persistence: disk.persistence.as_ref().map(|persistence| disk_info::Persistence {
                id: persistence.id.to_string(),
                principal: persistence.principal.as_deref().map(Into::into),
            }),
            volume: disk.volume.as_ref().map(v1::Volume::from),
            source: disk.source.as_ref().map(disk_info::Source::from),
        }
    }
}

impl TryFrom<disk_info::Source> for DiskSource {
    type Error = ConvertError;

    fn try_from(source: disk_info::Source) -> Result<Self, ConvertError> {
        let kind = required::<disk_info::source::Type, DiskKind>(source.r#type).map_err(|e| e.at("type"))?;
        let root = match kind {
            DiskKind::Path => source.path.and_then(|path| path.root),
            DiskKind::Mount => source.mount.and_then(|mount| mount.root),
            DiskKind::Block | DiskKind::Raw => None,
        };
        Ok(DiskSource {
            kind,
            root,
            vendor: source.vendor,
            id: source.id,
            metadata: labels(source.metadata),
            profile: source.profile,
        })
    }
}

impl From<&DiskSource> for disk_info::Source {
    fn from(source: &DiskSource) -> Self {
        disk_info::Source {
            r#type: disk_info::source::Type::from(source.kind) as i32,
            path: (source.kind == DiskKind::Path && source.root.is_some())
                .then(|| disk_info::source::Path { root: source.root.clone() }),
            mount: (source.kind == DiskKind::Mount && source.root.is_some())
                .then(|| disk_info::source::Mount { root: source.root.clone() }),
            vendor: source.vendor.clone(),
            id: source.id.clone(),
            metadata: labels_out(&source.metadata),
            profile: source.profile.clone(),
        }
    }
}
