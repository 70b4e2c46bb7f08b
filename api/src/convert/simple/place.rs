//! Where things are: domains, addresses, machines.

use model::{Address, FaultDomain, MachineId, Parameter, Url};

use super::super::{ConvertError, all};
use crate::{json, v1};

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

/// A fault domain as flags spell it: a DomainInfo in JSON.
///
/// Errors: it is not one, or says no fault domain, or gives a part of it no name.
pub fn fault_domain(text: &str) -> Result<FaultDomain, String> {
    const SHAPE: &str = r#"as in {"fault_domain": {"region": {"name": "r"}, "zone": {"name": "z"}}}"#;
    let domain: v1::DomainInfo =
        json::from_slice(text.as_bytes()).map_err(|error| format!("{error}; a domain is written {SHAPE}"))?;
    let domain: Option<FaultDomain> = domain.into();
    let domain = domain.ok_or_else(|| format!("`fault_domain` is missing, {SHAPE}"))?;
    match domain.region.is_empty() || domain.zone.is_empty() {
        true => Err("`region` and `zone` need a name each".to_owned()),
        false => Ok(domain),
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

/// What may be filled in by a machine's address alone is absent when it is empty.
fn named(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
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
    fn a_fault_domain_is_read_or_refused_with_its_shape() {
        let text = r#"{"fault_domain": {"region": {"name": "north"}, "zone": {"name": "a"}}}"#;
        assert_eq!(fault_domain(text), Ok(FaultDomain { region: "north".into(), zone: "a".into() }));
        for (text, said) in [
            ("{}", "`fault_domain` is missing"),
            ("north", "a domain is written"),
            (r#"{"fault_domain": {"region": {"name": "north"}}}"#, "a domain is written"),
            (r#"{"fault_domain": {"region": {"name": ""}, "zone": {"name": "a"}}}"#, "need a name each"),
        ] {
            let refused = fault_domain(text).unwrap_err();
            assert!(refused.contains(said), "{text}: {refused}");
        }
    }
}
