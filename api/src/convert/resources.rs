//! Resources, which have three spellings.
//!
//! | spelling | reservations as | for |
//! |---|---|---|
//! | refined | `reservations[]` | frameworks with RESERVATION_REFINEMENT, executors |
//! | legacy | `role` and `reservation` | frameworks without |
//! | endpoint | both, as far as the old one reaches | operators |
//!
//! Inwards all three are understood.

use std::sync::Arc;

use model::framework::FrameworkCapabilities;
use model::resource::ResourceFault;
use model::{
    Disk, DiskKind, DiskSource, Persistence, Quantities, Ranges, Reservation, ReservationKind, Resource,
    ResourceError, Resources, Role, Scalar, Set, Value, Volume,
};

use super::simple::{labels, labels_out, range, ranges_out, scalar_out, set_out};
use super::{ConvertError, same_enum};
use crate::v1;
use crate::v1::resource::{AllocationInfo, DiskInfo, ReservationInfo, disk_info};

/// How reservations are spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Refined,
    Legacy,
    Endpoint,
}

/// How resources are spelled for somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spelling {
    pub format: Format,
    /// Whether they see to which role it is allocated.
    pub allocation: bool,
}

impl Spelling {
    /// All there is, in the new form.
    pub const FULL: Spelling = Spelling { format: Format::Refined, allocation: true };

    /// What operators read.
    pub const ENDPOINT: Spelling = Spelling { format: Format::Endpoint, allocation: true };

    /// What a scheduler with these capabilities expects.
    pub fn for_scheduler(capabilities: &FrameworkCapabilities) -> Self {
        let format = if capabilities.reservation_refinement() { Format::Refined } else { Format::Legacy };
        Self { format, allocation: capabilities.multi_role() }
    }

    /// What an executor of a framework with these capabilities expects.
    pub fn for_executor(capabilities: &FrameworkCapabilities) -> Self {
        Self { format: Format::Refined, allocation: capabilities.multi_role() }
    }
}

/// Reads a list; each must be valid by itself, and none may claim a number or name that another has.
pub fn read(resources: Vec<v1::Resource>) -> Result<Resources, ConvertError> {
    let mut bag = Resources::new();
    for spelled in resources {
        let resource = Resource::try_from(spelled)?;
        if !matches!(resource.value, Value::Scalar(_))
            && let Some(name) = bag.overlap(&Resources::from(resource.clone()))
        {
            return Err(ConvertError::new(format!("Resources of '{name}' overlap")));
        }
        bag.insert(resource);
    }
    Ok(bag)
}

/// Spells a bag.
pub fn write(resources: &Resources, spelling: Spelling) -> Vec<v1::Resource> {
    resources.iter().map(|resource| write_one(resource, spelling)).collect()
}

impl TryFrom<v1::Resource> for Resource {
    type Error = ConvertError;

    fn try_from(spelled: v1::Resource) -> Result<Self, ConvertError> {
        let mut resource = Resource::new(spelled.name, Scalar::ZERO);
        resource.allocation = spelled.allocation_info.and_then(|info| info.role).map(Role::from);
        resource.revocable = spelled.revocable.is_some();
        resource.shared = spelled.shared.is_some();
        resource.provider_id = spelled.provider_id.map(Into::into);
        let refuse = |resource: &Resource, fault| {
            ConvertError::new(ResourceError { resource: resource.to_string(), fault }.to_string())
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

same_enum!(disk_info::source::Type, DiskKind { Path = Path, Mount = Mount, Block = Block, Raw = Raw });

impl TryFrom<DiskInfo> for Disk {
    type Error = ConvertError;

    fn try_from(info: DiskInfo) -> Result<Self, ConvertError> {
        Ok(Disk {
            persistence: info.persistence.map(|persistence| Persistence {
                id: persistence.id.into(),
                principal: persistence.principal.map(Into::into),
            }),
            volume: super::maybe::<_, Volume>(info.volume, "volume")?,
            source: super::maybe::<_, DiskSource>(info.source, "source")?,
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
        let kind =
            super::required::<disk_info::source::Type, DiskKind>(source.r#type).map_err(|e| e.at("type"))?;
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

/// Reads amounts by name, as quota and offer filters give them; negative ones are refused.
pub fn read_quantities(
    amounts: impl IntoIterator<Item = (String, v1::value::Scalar)>,
) -> Result<Quantities, ConvertError> {
    amounts
        .into_iter()
        .map(|(name, amount)| match Scalar::from_f64(amount.value) {
            Ok(amount) if amount >= Scalar::ZERO => Ok((name, amount)),
            Ok(_) => Err(ConvertError::new("must be non-negative").at(&name)),
            Err(error) => Err(ConvertError::new(error.to_string()).at(&name)),
        })
        .collect()
}

/// Spells amounts by name.
pub fn write_quantities(amounts: &Quantities) -> std::collections::BTreeMap<String, v1::value::Scalar> {
    amounts.iter().map(|(name, amount)| (name.to_string(), scalar_out(amount))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelled(name: &str, amount: f64) -> v1::Resource {
        v1::Resource {
            name: name.into(),
            r#type: v1::value::Type::Scalar as i32,
            scalar: Some(v1::value::Scalar { value: amount }),
            ..Default::default()
        }
    }

    fn refusal(resource: v1::Resource) -> String {
        Resource::try_from(resource).unwrap_err().to_string()
    }

    #[test]
    fn the_old_and_the_new_spelling_mean_the_same() {
        let mut old = spelled("disk", 64.0);
        old.role = Some("web".into());
        old.reservation = Some(ReservationInfo { principal: Some("me".into()), ..Default::default() });
        let meant = Resource::try_from(old.clone()).unwrap();
        assert_eq!(meant.reservations, [Reservation::dynamic("web", Some("me"))]);
        assert_eq!(write_one(&meant, Spelling { format: Format::Legacy, allocation: false }), old);
        let both = write_one(&meant, Spelling::ENDPOINT);
        assert_eq!((both.role.as_deref(), both.reservations.len()), (Some("web"), 1));
        assert_eq!(Resource::try_from(both).as_ref(), Ok(&meant));
        assert_eq!(Resource::try_from(write_one(&meant, Spelling::FULL)), Ok(meant));
    }

    #[test]
    fn spellings_that_contradict_each_other_are_refused() {
        let mut mixed = spelled("cpus", 1.0);
        mixed.role = Some("a".into());
        mixed.reservations = vec![ReservationInfo::from(&Reservation::fixed("b"))];
        assert!(refusal(mixed).contains("must not be set with"));
        let mut free = spelled("cpus", 1.0);
        free.reservation = Some(ReservationInfo::default());
        assert!(refusal(free).contains("cannot be reserved"));
    }

    #[test]
    fn what_is_no_amount_is_refused_with_its_name() {
        let mut negative = spelled("cpus", -1.0);
        negative.allocation_info = Some(AllocationInfo { role: Some("roleA".into()) });
        assert_eq!(
            refusal(negative),
            "Resource 'cpus(allocated: roleA):-1' is invalid: Invalid scalar resource: value <= 0"
        );
        assert!(refusal(spelled("cpus", f64::NAN)).contains("not a finite number"));
        assert!(refusal(spelled("cpus", f64::INFINITY)).contains("not a finite number"));
        assert!(refusal(spelled("cpus", 1e300)).contains("out of range"));
        let mut typed = spelled("ports", 1.0);
        typed.r#type = v1::value::Type::Ranges as i32;
        assert!(refusal(typed).contains("Invalid ranges resource"));
    }
}
