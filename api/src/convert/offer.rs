//! Offers and inverse offers, spelled for a scheduler; filters.

use model::{Attributes, Filters, InverseOffer, Offer, Role, Unavailability, Url};

use super::resources::{self, Spelling};
use super::simple::attributes_out;
use super::{ConvertError, all, each, maybe};
use crate::v1;
use crate::v1::resource::AllocationInfo;

/// Filters given, or those assumed when none are.
pub(super) fn filters(filters: Option<v1::Filters>) -> Filters {
    filters.and_then(|filters| filters.refuse_seconds).map_or_else(Filters::default, Filters::from_secs)
}

impl From<Filters> for v1::Filters {
    fn from(filters: Filters) -> Self {
        v1::Filters { refuse_seconds: Some(filters.refuse.as_secs_f64()) }
    }
}

/// Spells an offer for a scheduler.
pub(super) fn offer(offer: &Offer, spelling: Spelling) -> v1::Offer {
    v1::Offer {
        id: (&offer.id).into(),
        framework_id: (&offer.framework_id).into(),
        agent_id: (&offer.agent_id).into(),
        hostname: offer.hostname.clone(),
        url: offer.url.as_ref().map(v1::Url::from),
        domain: offer.domain.as_ref().map(v1::DomainInfo::from),
        resources: resources::write(&offer.resources, spelling),
        attributes: attributes_out(&offer.attributes),
        executor_ids: all(&offer.executor_ids),
        unavailability: offer.unavailability.as_ref().map(v1::Unavailability::from),
        allocation_info: spelling.allocation.then(|| AllocationInfo { role: Some(offer.role.to_string()) }),
    }
}

impl From<&Offer> for v1::Offer {
    fn from(meant: &Offer) -> Self {
        offer(meant, Spelling::FULL)
    }
}

impl TryFrom<v1::Offer> for Offer {
    type Error = ConvertError;

    fn try_from(offer: v1::Offer) -> Result<Self, ConvertError> {
        let resources = resources::read(offer.resources)?;
        let role = offer
            .allocation_info
            .and_then(|info| info.role)
            .map(Role::from)
            .or_else(|| resources.iter().find_map(|resource| resource.allocation.clone()))
            .unwrap_or_else(Role::any);
        Ok(Offer {
            id: offer.id.into(),
            framework_id: offer.framework_id.into(),
            agent_id: offer.agent_id.into(),
            hostname: offer.hostname,
            url: maybe::<_, Url>(offer.url, "url")?,
            domain: offer.domain.and_then(Into::into),
            resources,
            attributes: Attributes(each(offer.attributes, "attributes")?),
            executor_ids: offer.executor_ids.into_iter().map(Into::into).collect(),
            unavailability: maybe::<_, Unavailability>(offer.unavailability, "unavailability")?,
            role,
        })
    }
}

/// Spells an inverse offer.
pub fn inverse_offer(offer: &InverseOffer, spelling: Spelling) -> v1::InverseOffer {
    v1::InverseOffer {
        id: (&offer.id).into(),
        url: offer.url.as_ref().map(v1::Url::from),
        framework_id: (&offer.framework_id).into(),
        agent_id: offer.agent_id.as_ref().map(Into::into),
        unavailability: (&offer.unavailability).into(),
        resources: resources::write(&offer.resources, spelling),
    }
}

impl TryFrom<v1::InverseOffer> for InverseOffer {
    type Error = ConvertError;

    fn try_from(offer: v1::InverseOffer) -> Result<Self, ConvertError> {
        Ok(InverseOffer {
            id: offer.id.into(),
            framework_id: offer.framework_id.into(),
            agent_id: offer.agent_id.map(Into::into),
            url: maybe(offer.url, "url")?,
            unavailability: Unavailability::try_from(offer.unavailability)
                .map_err(|error| error.at("unavailability"))?,
            resources: resources::read(offer.resources)?,
        })
    }
}
