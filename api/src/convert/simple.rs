//! Ids, moments, labels, attributes, addresses: what everything else is made of.

use std::time::Duration;

use model::{
    Address, AgentId, Attribute, AttributeValue, Attributes, ContainerId, ExecutorId, FaultDomain,
    FrameworkId, Label, Labels, MachineId, OfferId, OperationId, Parameter, Range, Ranges,
    ResourceProviderId, Role, Scalar, Set, TaskId, Time, Unavailability, UpdateId, Url,
};

use super::{ConvertError, all};
use crate::v1;

macro_rules! ids {
    ($($name:ident = $v1:ident),* $(,)?) => {$(
        impl From<v1::$v1> for $name {
            fn from(id: v1::$v1) -> Self {
                $name::from(id.value)
            }
        }

        impl From<&$name> for v1::$v1 {
            fn from(id: &$name) -> Self {
                v1::$v1 { value: id.to_string() }
            }
        }

        impl From<$name> for v1::$v1 {
            fn from(id: $name) -> Self {
                Self::from(&id)
            }
        }
    )*};
}

ids! {
    FrameworkId = FrameworkId,
    AgentId = AgentId,
    OfferId = OfferId,
    TaskId = TaskId,
    ExecutorId = ExecutorId,
    OperationId = OperationId,
    ResourceProviderId = ResourceProviderId,
}

impl From<v1::ContainerId> for ContainerId {
    fn from(id: v1::ContainerId) -> Self {
        let mut names = vec![id.value];
        let mut parent = id.parent;
        while let Some(id) = parent {
            names.push(id.value);
            parent = id.parent;
        }
        let outermost = names.pop().expect("it begins with the container's own name");
        names.into_iter().rev().fold(ContainerId::new(outermost), |parent, name| parent.child(name))
    }
}

impl From<&ContainerId> for v1::ContainerId {
    fn from(id: &ContainerId) -> Self {
        let mut spelled = None;
        for name in id.path() {
            spelled = Some(v1::ContainerId { value: name.to_string(), parent: spelled.map(Box::new) });
        }
        spelled.unwrap_or_default()
    }
}

/// An update's id; anything but sixteen bytes is refused with the public text.
pub(super) fn update_id(bytes: &[u8]) -> Result<UpdateId, ConvertError> {
    UpdateId::from_slice(bytes).ok_or_else(|| ConvertError::new("Not a valid UUID"))
}

impl TryFrom<v1::Uuid> for UpdateId {
    type Error = ConvertError;

    fn try_from(uuid: v1::Uuid) -> Result<Self, ConvertError> {
        update_id(&uuid.value)
    }
}

impl From<&UpdateId> for v1::Uuid {
    fn from(id: &UpdateId) -> Self {
        v1::Uuid { value: id.as_bytes().to_vec() }
    }
}

impl From<v1::TimeInfo> for Time {
    fn from(time: v1::TimeInfo) -> Self {
        Time::from_nanos(time.nanoseconds)
    }
}

impl From<Time> for v1::TimeInfo {
    fn from(time: Time) -> Self {
        v1::TimeInfo { nanoseconds: time.nanos() }
    }
}

/// A length of time; a negative one is refused.
pub(super) fn duration(info: v1::DurationInfo) -> Result<Duration, ConvertError> {
    u64::try_from(info.nanoseconds)
        .map(Duration::from_nanos)
        .map_err(|_| ConvertError::new("must be non-negative"))
}

/// A length of time as the API counts it; what it cannot count becomes the longest it can.
pub(super) fn duration_info(duration: Duration) -> v1::DurationInfo {
    v1::DurationInfo { nanoseconds: i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX) }
}

/// Seconds as a double; negative ones, and those no duration can hold, are refused.
pub(super) fn seconds(seconds: f64, field: &str) -> Result<Duration, ConvertError> {
    if seconds < 0.0 {
        return Err(ConvertError::new(format!("Expecting '{field}' to be non-negative")));
    }
    model::time::duration_from_secs(seconds).map_err(|error| ConvertError::new(format!("'{field}': {error}")))
}

/// What may be filled in by a machine's address alone is absent when it is empty.
pub(super) fn named(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

pub(super) fn roles(names: Vec<String>) -> Vec<Role> {
    names.into_iter().map(Role::from).collect()
}

pub(super) fn role_names<'a>(roles: impl IntoIterator<Item = &'a Role>) -> Vec<String> {
    roles.into_iter().map(ToString::to_string).collect()
}

impl From<v1::Label> for Label {
    fn from(label: v1::Label) -> Self {
        Label { key: label.key.into(), value: label.value.map(Into::into) }
    }
}

impl From<&Label> for v1::Label {
    fn from(label: &Label) -> Self {
        v1::Label { key: label.key.to_string(), value: label.value.as_deref().map(Into::into) }
    }
}

impl From<v1::Labels> for Labels {
    fn from(labels: v1::Labels) -> Self {
        labels.labels.into_iter().map(Label::from).collect()
    }
}

pub(super) fn labels(labels: Option<v1::Labels>) -> Labels {
    labels.map(Labels::from).unwrap_or_default()
}

/// Labels as a field: absent when there are none.
pub(super) fn labels_out(labels: &Labels) -> Option<v1::Labels> {
    (!labels.is_empty()).then(|| v1::Labels { labels: all(labels.iter()) })
}

impl From<v1::Parameter> for Parameter {
    fn from(parameter: v1::Parameter) -> Self {
        Parameter { key: parameter.key, value: parameter.value }
    }
}

impl From<&Parameter> for v1::Parameter {
    fn from(parameter: &Parameter) -> Self {
        v1::Parameter { key: parameter.key.clone(), value: parameter.value.clone() }
    }
}

pub(super) fn ranges_out(ranges: &Ranges) -> v1::value::Ranges {
    v1::value::Ranges {
        range: ranges.iter().map(|range| v1::value::Range { begin: range.begin, end: range.end }).collect(),
    }
}

pub(super) fn range(range: v1::value::Range) -> Range {
    Range { begin: range.begin, end: range.end }
}

pub(super) fn set_out(set: &Set) -> v1::value::Set {
    v1::value::Set { item: set.iter().map(ToString::to_string).collect() }
}

pub(super) fn scalar_out(amount: Scalar) -> v1::value::Scalar {
    v1::value::Scalar { value: amount.as_f64() }
}

impl TryFrom<v1::Attribute> for Attribute {
    type Error = ConvertError;

    fn try_from(attribute: v1::Attribute) -> Result<Self, ConvertError> {
        let missing =
            || ConvertError::new(format!("attribute '{}' lacks the value its type names", attribute.name));
        let value = match v1::value::Type::try_from(attribute.r#type) {
            Ok(v1::value::Type::Scalar) => {
                let amount = attribute.scalar.ok_or_else(missing)?.value;
                AttributeValue::Scalar(
                    Scalar::from_f64(amount)
                        .map_err(|error| ConvertError::new(error.to_string()).at("scalar"))?,
                )
            }
            Ok(v1::value::Type::Ranges) => {
                let ranges = attribute.ranges.ok_or_else(missing)?.range;
                AttributeValue::Ranges(
                    Ranges::coalesce(ranges.into_iter().map(range))
                        .map_err(|error| ConvertError::new(error.to_string()).at("ranges"))?,
                )
            }
            Ok(v1::value::Type::Set) => AttributeValue::Set(
                attribute.set.ok_or_else(missing)?.item.into_iter().map(Into::into).collect(),
            ),
            Ok(v1::value::Type::Text) => {
                AttributeValue::Text(attribute.text.ok_or_else(missing)?.value.into())
            }
            Err(_) => return Err(missing()),
        };
        Ok(Attribute { name: attribute.name.into(), value })
    }
}

impl From<&Attribute> for v1::Attribute {
    fn from(attribute: &Attribute) -> Self {
        let mut spelled = v1::Attribute { name: attribute.name.to_string(), ..Default::default() };
        let ty = match &attribute.value {
            AttributeValue::Scalar(amount) => {
                spelled.scalar = Some(scalar_out(*amount));
                v1::value::Type::Scalar
            }
            AttributeValue::Ranges(ranges) => {
                spelled.ranges = Some(ranges_out(ranges));
                v1::value::Type::Ranges
            }
            AttributeValue::Set(set) => {
                spelled.set = Some(set_out(set));
                v1::value::Type::Set
            }
            AttributeValue::Text(text) => {
                spelled.text = Some(v1::value::Text { value: text.to_string() });
                v1::value::Type::Text
            }
        };
        spelled.r#type = ty as i32;
        spelled
    }
}

pub(super) fn attributes_out(attributes: &Attributes) -> Vec<v1::Attribute> {
    all(attributes.iter())
}

impl From<v1::DomainInfo> for Option<FaultDomain> {
    fn from(domain: v1::DomainInfo) -> Self {
        let domain = domain.fault_domain?;
        Some(FaultDomain { region: domain.region.name, zone: domain.zone.name })
    }
}

impl From<&FaultDomain> for v1::DomainInfo {
    fn from(domain: &FaultDomain) -> Self {
        use v1::domain_info::{FaultDomain, fault_domain};
        v1::DomainInfo {
            fault_domain: Some(FaultDomain {
                region: fault_domain::RegionInfo { name: domain.region.clone() },
                zone: fault_domain::ZoneInfo { name: domain.zone.clone() },
            }),
        }
    }
}

impl TryFrom<v1::Address> for Address {
    type Error = ConvertError;

    fn try_from(address: v1::Address) -> Result<Self, ConvertError> {
        let port = u16::try_from(address.port).map_err(|_| ConvertError::new("is not a port").at("port"))?;
        Ok(Address { hostname: address.hostname, ip: address.ip, port })
    }
}

impl From<&Address> for v1::Address {
    fn from(address: &Address) -> Self {
        v1::Address {
            hostname: address.hostname.clone(),
            ip: address.ip.clone(),
            port: i32::from(address.port),
        }
    }
}

impl TryFrom<v1::Url> for Url {
    type Error = ConvertError;

    fn try_from(url: v1::Url) -> Result<Self, ConvertError> {
        Ok(Url {
            scheme: url.scheme,
            address: Address::try_from(url.address).map_err(|error| error.at("address"))?,
            path: url.path,
            query: url.query.into_iter().map(Parameter::from).collect(),
            fragment: url.fragment,
        })
    }
}

impl From<&Url> for v1::Url {
    fn from(url: &Url) -> Self {
        v1::Url {
            scheme: url.scheme.clone(),
            address: v1::Address::from(&url.address),
            path: url.path.clone(),
            query: all(&url.query),
            fragment: url.fragment.clone(),
        }
    }
}

impl TryFrom<v1::Unavailability> for Unavailability {
    type Error = ConvertError;

    fn try_from(unavailability: v1::Unavailability) -> Result<Self, ConvertError> {
        Ok(Unavailability {
            start: unavailability.start.into(),
            duration: unavailability
                .duration
                .map(duration)
                .transpose()
                .map_err(|error| error.at("duration"))?,
        })
    }
}

impl From<&Unavailability> for v1::Unavailability {
    fn from(unavailability: &Unavailability) -> Self {
        v1::Unavailability {
            start: unavailability.start.into(),
            duration: unavailability.duration.map(duration_info),
        }
    }
}

impl From<v1::MachineId> for MachineId {
    fn from(machine: v1::MachineId) -> Self {
        MachineId { hostname: named(machine.hostname).map(|name| name.to_lowercase()), ip: named(machine.ip) }
    }
}

impl From<&MachineId> for v1::MachineId {
    fn from(machine: &MachineId) -> Self {
        v1::MachineId { hostname: machine.hostname.clone(), ip: machine.ip.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nested_container_id_keeps_its_order() {
        let id = ContainerId::new("a").child("b").child("c");
        let spelled = v1::ContainerId::from(&id);
        assert_eq!(spelled.value, "c");
        assert_eq!(spelled.parent.as_ref().map(|id| id.value.as_str()), Some("b"));
        assert_eq!(ContainerId::from(spelled), id);
    }
}
