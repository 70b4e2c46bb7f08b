//! Masters as they describe themselves.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use model::{MasterCapability, MasterId, MasterInfo};

use super::{ConvertError, owned, same_enum};
use crate::v1;
use crate::v1::master_info::{Capability, capability};

same_enum!(
    capability::Type,
    MasterCapability { AgentUpdate = AgentUpdate, AgentDraining = AgentDraining, QuotaV2 = QuotaV2 }
);
owned!(MasterInfo => v1::MasterInfo);

impl From<&MasterInfo> for v1::MasterInfo {
    fn from(info: &MasterInfo) -> Self {
        // The old field holds an IPv4 address as it lies in memory in network order.
        let ip = match info.address.ip() {
            IpAddr::V4(ip) => u32::from_le_bytes(ip.octets()),
            IpAddr::V6(_) => 0,
        };
        v1::MasterInfo {
            id: info.id.to_string(),
            ip,
            port: u32::from(info.address.port()),
            pid: Some(info.pid.clone()),
            hostname: Some(info.hostname.clone()),
            version: Some(info.version.clone()),
            address: Some(v1::Address {
                hostname: Some(info.hostname.clone()),
                ip: Some(info.address.ip().to_string()),
                port: i32::from(info.address.port()),
            }),
            domain: info.domain.as_ref().map(v1::DomainInfo::from),
            capabilities: info
                .capabilities
                .iter()
                .map(|one| Capability { r#type: Some(capability::Type::from(*one) as i32) })
                .collect(),
        }
    }
}

impl TryFrom<v1::MasterInfo> for MasterInfo {
    type Error = ConvertError;

    fn try_from(info: v1::MasterInfo) -> Result<Self, ConvertError> {
        let said = info.address.as_ref();
        let ip = said
            .and_then(|address| address.ip.as_deref()?.parse::<IpAddr>().ok())
            .unwrap_or(IpAddr::V4(Ipv4Addr::from(info.ip.to_le_bytes())));
        let port = said.and_then(|address| u32::try_from(address.port).ok()).unwrap_or(info.port);
        let port = u16::try_from(port).map_err(|_| ConvertError::new("is not a port").at("port"))?;
        let address = SocketAddr::new(ip, port);
        let hostname = info.hostname.or_else(|| info.address.and_then(|address| address.hostname));
        Ok(MasterInfo {
            id: MasterId::from(info.id),
            pid: info.pid.unwrap_or_else(|| format!("master@{address}")),
            hostname: hostname.unwrap_or_else(|| ip.to_string()),
            address,
            version: info.version.unwrap_or_default(),
            domain: info.domain.and_then(Into::into),
            capabilities: info
                .capabilities
                .into_iter()
                .filter_map(|one| capability::Type::try_from(one.r#type?).ok()?.try_into().ok())
                .collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_old_address_field_is_the_number_clients_expect() {
        let info = MasterInfo {
            id: "m".into(),
            address: "127.0.0.1:5050".parse().unwrap(),
            pid: "master@127.0.0.1:5050".into(),
            hostname: "master1.example".into(),
            version: "1.11.0".into(),
            domain: None,
            capabilities: MasterCapability::ALL.to_vec(),
        };
        let spelled = v1::MasterInfo::from(&info);
        assert_eq!(spelled.ip, 16_777_343);
        assert_eq!(MasterInfo::try_from(spelled), Ok(info));
    }
}
