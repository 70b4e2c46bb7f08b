//! Frameworks as they describe themselves.

use std::collections::BTreeMap;

use model::framework::{FrameworkCapabilities, FrameworkCapability, OfferFilter};
use model::{FrameworkId, FrameworkInfo, Role};

use super::resources::{read_quantities, write_quantities};
use super::simple::{labels, labels_out, role_names, roles};
use super::{ConvertError, owned, same_enum};
use crate::v1;
use crate::v1::framework_info::{Capability, capability};
use crate::v1::offer_filters::{MinAllocatableResources, ResourceQuantities};

same_enum!(
    capability::Type,
    FrameworkCapability {
        RevocableResources = RevocableResources,
        TaskKillingState = TaskKillingState,
        GpuResources = GpuResources,
        SharedResources = SharedResources,
        PartitionAware = PartitionAware,
        MultiRole = MultiRole,
        ReservationRefinement = ReservationRefinement,
        RegionAware = RegionAware,
    }
);
owned!(FrameworkInfo => v1::FrameworkInfo);

/// The framework's id; an empty one is none.
pub(super) fn framework_id(id: Option<v1::FrameworkId>) -> Option<FrameworkId> {
    id.filter(|id| !id.value.is_empty()).map(Into::into)
}

impl TryFrom<v1::FrameworkInfo> for FrameworkInfo {
    type Error = ConvertError;

    fn try_from(info: v1::FrameworkInfo) -> Result<Self, ConvertError> {
        let seconds = info.failover_timeout.unwrap_or(0.0);
        let failover_timeout = model::time::duration_from_secs(seconds).map_err(|error| {
            let why = if seconds < 0.0 { "it must be non-negative".to_owned() } else { error.to_string() };
            ConvertError::new(format!("The framework failover_timeout ({seconds}) is invalid: {why}"))
        })?;
        Ok(FrameworkInfo {
            user: info.user,
            name: info.name,
            id: framework_id(info.id),
            failover_timeout,
            checkpoint: info.checkpoint.unwrap_or(false),
            role: info.role.map(Role::from),
            roles: roles(info.roles),
            hostname: info.hostname,
            principal: info.principal,
            webui_url: info.webui_url,
            capabilities: info
                .capabilities
                .into_iter()
                .filter_map(|capability| capability::Type::try_from(capability.r#type?).ok()?.try_into().ok())
                .collect(),
            labels: labels(info.labels),
            offer_filters: info
                .offer_filters
                .into_iter()
                .map(|(role, filter)| match offer_filter(filter) {
                    Ok(filter) => Ok((Role::from(role), filter)),
                    Err(error) => Err(error.at(&format!("offer_filters[{role}]"))),
                })
                .collect::<Result<_, _>>()?,
        })
    }
}

impl From<&FrameworkInfo> for v1::FrameworkInfo {
    fn from(info: &FrameworkInfo) -> Self {
        v1::FrameworkInfo {
            user: info.user.clone(),
            name: info.name.clone(),
            id: info.id.as_ref().map(Into::into),
            failover_timeout: Some(info.failover_timeout.as_secs_f64()),
            checkpoint: Some(info.checkpoint),
            role: info.role.as_ref().map(ToString::to_string),
            roles: role_names(&info.roles),
            hostname: info.hostname.clone(),
            principal: info.principal.clone(),
            webui_url: info.webui_url.clone(),
            capabilities: capabilities(&info.capabilities),
            labels: labels_out(&info.labels),
            offer_filters: info
                .offer_filters
                .iter()
                .map(|(role, filter)| (role.to_string(), v1::OfferFilters::from(filter)))
                .collect::<BTreeMap<_, _>>(),
        }
    }
}

fn capabilities(capabilities: &FrameworkCapabilities) -> Vec<Capability> {
    capabilities.iter().map(|one| Capability { r#type: Some(capability::Type::from(one) as i32) }).collect()
}

/// Source: Mesos scheduler HTTP API, `SUBSCRIBE`: quantities in offer filters are not empty.
fn offer_filter(filter: v1::OfferFilters) -> Result<OfferFilter, ConvertError> {
    let Some(least) = filter.min_allocatable_resources else { return Ok(OfferFilter::default()) };
    let mut wanted = Vec::with_capacity(least.quantities.len());
    for quantities in least.quantities {
        if quantities.quantities.is_empty() {
            return Err(ConvertError::new("Invalid min_allocatable_resources: quantities must not be empty"));
        }
        wanted.push(read_quantities(quantities.quantities)?);
    }
    Ok(OfferFilter { min_allocatable: Some(wanted) })
}

impl From<&OfferFilter> for v1::OfferFilters {
    fn from(filter: &OfferFilter) -> Self {
        v1::OfferFilters {
            min_allocatable_resources: filter.min_allocatable.as_ref().map(|least| MinAllocatableResources {
                quantities: least
                    .iter()
                    .map(|amounts| ResourceQuantities { quantities: write_quantities(amounts) })
                    .collect(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capability_we_do_not_know_is_left_out() {
        let spelled = v1::FrameworkInfo {
            capabilities: [Some(5), Some(99), None, Some(0)].map(|r#type| Capability { r#type }).to_vec(),
            ..Default::default()
        };
        let info = FrameworkInfo::try_from(spelled).unwrap();
        assert_eq!(info.capabilities.iter().collect::<Vec<_>>(), [FrameworkCapability::PartitionAware]);
    }

    #[test]
    fn a_failover_timeout_nobody_can_wait_for_is_refused() {
        for seconds in [-1.0, f64::NAN, 1e300] {
            let spelled = v1::FrameworkInfo { failover_timeout: Some(seconds), ..Default::default() };
            let error = FrameworkInfo::try_from(spelled).unwrap_err().to_string();
            assert!(error.starts_with("The framework failover_timeout"), "{error}");
        }
    }
}
