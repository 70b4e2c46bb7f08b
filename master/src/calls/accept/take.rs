//! Which offers may be used together.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::{AgentId, FrameworkId, Offer, OfferId, Resources, Role};

use crate::state::State;

/// Offers that were taken together.
pub(super) struct Taken {
    pub(super) agent: AgentId,
    pub(super) role: Role,
    pub(super) resources: Resources,
}

/// Offers that cannot be used together; those the framework did hold were taken all the same.
pub(super) struct Void {
    pub(super) taken: Vec<Arc<Offer>>,
    pub(super) message: String,
}

/// Takes the offers off the table, whether or not they can be used together: an answered offer is void.
///
/// Errors: there is none, one is named twice, gone or another's, or they are not of one agent and one role.
pub(super) fn take(state: &mut State, framework: &FrameworkId, ids: &[OfferId]) -> Result<Taken, Void> {
    let judged = judge(state, framework, ids);
    let taken: Vec<Arc<Offer>> = ids.iter().filter_map(|id| state.take_offer(framework, id)).collect();
    if let Some(framework) = state.framework_mut(framework) {
        framework.counts.offers_accepted += taken.len() as u64;
    }
    match judged {
        Err(message) => Err(Void { taken, message }),
        Ok((agent, role)) => {
            let resources =
                taken.iter().fold(Resources::default(), |sum, offer| sum + offer.resources.clone());
            Ok(Taken { agent, role, resources })
        }
    }
}

fn judge(state: &State, framework: &FrameworkId, ids: &[OfferId]) -> Result<(AgentId, Role), String> {
    let mut seen = BTreeSet::new();
    let mut of: Option<(&AgentId, &Role)> = None;
    for id in ids {
        if !seen.insert(id) {
            return Err(format!("Duplicate offer {id} in offer list"));
        }
        let offer = state.world.offers.get(id).ok_or_else(|| format!("Offer {id} is no longer valid"))?;
        if offer.framework_id != *framework {
            return Err(format!("Offer {id} is not an offer to framework {framework}"));
        }
        match of {
            None => of = Some((&offer.agent_id, &offer.role)),
            Some((agent, _)) if *agent != offer.agent_id => {
                return Err(format!(
                    "Aggregated offers must belong to one single agent. Offer {id} uses agent {} and agent {agent}",
                    offer.agent_id
                ));
            }
            Some((_, role)) if *role != offer.role => {
                return Err(format!(
                    "Aggregated offers must be allocated to the same role. Offer {id} uses role {} but another is \
                     using role {role}",
                    offer.role
                ));
            }
            Some(_) => {}
        }
    }
    of.map(|(agent, role)| (agent.clone(), role.clone())).ok_or_else(|| "No offers specified".to_owned())
}
