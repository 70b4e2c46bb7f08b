//! Agents as they describe themselves.

use model::{AgentCapabilities, AgentCapability, AgentInfo, Attributes};

use super::resources::{self, Spelling};
use super::simple::attributes_out;
use super::{ConvertError, each, owned, same_enum};
use crate::v1;
use crate::v1::agent_info::{Capability, capability};

same_enum!(
    capability::Type,
    AgentCapability {
        MultiRole = MultiRole,
        HierarchicalRole = HierarchicalRole,
        ReservationRefinement = ReservationRefinement,
        ResourceProvider = ResourceProvider,
        ResizeVolume = ResizeVolume,
        AgentOperationFeedback = AgentOperationFeedback,
        AgentDraining = AgentDraining,
        TaskResourceLimits = TaskResourceLimits,
    }
);
owned!(AgentInfo => v1::AgentInfo);

/// The port an agent has when it says none.
const DEFAULT_PORT: u16 = 5051;

impl TryFrom<v1::AgentInfo> for AgentInfo {
    type Error = ConvertError;

    fn try_from(info: v1::AgentInfo) -> Result<Self, ConvertError> {
        Ok(AgentInfo {
            id: info.id.map(Into::into),
            hostname: info.hostname,
            port: info
                .port
                .map(u16::try_from)
                .transpose()
                .map_err(|_| ConvertError::new("is not a port").at("port"))?
                .unwrap_or(DEFAULT_PORT),
            resources: resources::read(info.resources)?,
            attributes: Attributes(each(info.attributes, "attributes")?),
            domain: info.domain.and_then(Into::into),
        })
    }
}

impl From<&AgentInfo> for v1::AgentInfo {
    fn from(info: &AgentInfo) -> Self {
        v1::AgentInfo {
            hostname: info.hostname.clone(),
            port: Some(i32::from(info.port)),
            resources: resources::write(&info.resources, Spelling::FULL),
            attributes: attributes_out(&info.attributes),
            id: info.id.as_ref().map(Into::into),
            domain: info.domain.as_ref().map(v1::DomainInfo::from),
        }
    }
}

/// Spells what an agent knows how to do.
pub fn agent_capabilities(capabilities: &AgentCapabilities) -> Vec<Capability> {
    capabilities.iter().map(|one| Capability { r#type: Some(capability::Type::from(one) as i32) }).collect()
}
