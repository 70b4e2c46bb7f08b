//! Offers are taken back, and their frameworks are told.

use std::time::Duration;

use model::event::Event;
use model::{AgentId, Filters, OfferId};

use crate::effects::{Effect, Effects};
use crate::state::State;

/// Takes one offer back. An answer to it that is under way will find it gone.
///
/// Source: scheduler semantics §3: recovered without a filter, so the same framework may be offered it again at once.
pub(crate) fn rescind(state: &mut State, id: &OfferId) -> Effects {
    take_back(state, id, None)
}

/// The same for something an operator asked: the framework is not offered it again at once, so that the operator is first.
pub(crate) fn rescind_for_operator(state: &mut State, id: &OfferId) -> Effects {
    take_back(state, id, Some(Filters::default().refuse))
}

fn take_back(state: &mut State, id: &OfferId, refuse: Option<Duration>) -> Effects {
    let Some(framework) = state.world.offers.get(id).map(|offer| offer.framework_id.clone()) else {
        return Effects::none();
    };
    let Some(offer) = state.take_offer(&framework, id) else { return Effects::none() };
    let mut effects = Effects::from(Effect::recover_offer(&offer, refuse));
    if let Some(framework) = state.framework(&framework) {
        effects.tell(framework, Event::Rescind { offer_id: offer.id.clone() });
    }
    effects
}

/// Takes all offers of an agent back.
pub(crate) fn rescind_agent(state: &mut State, id: &AgentId) -> Effects {
    let Some(agent) = state.agent(id) else { return Effects::none() };
    let offers: Vec<OfferId> = agent.offers.iter().cloned().collect();
    let mut effects = Effects::none();
    for offer in offers {
        effects.extend(rescind(state, &offer));
    }
    effects
}
