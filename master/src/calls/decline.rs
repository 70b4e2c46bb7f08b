//! A framework does not want what it was offered.

use std::sync::Arc;

use model::Offer;
use model::call::Decline;

use crate::effects::{Effect, Effects};
use crate::state::State;

/// Takes the offers back and hands their resources to the allocator.
///
/// Offers that are already gone are skipped: a rescind may have crossed this call on the wire.
/// So are offers of others. A refusal of no time at all still says that the offer was seen: the allocator
/// takes a breath before it makes the same one again.
/// Source: scheduler HTTP API, `DECLINE`.
pub(crate) fn decline(state: &mut State, call: Decline) -> Effects {
    state.world.tally.messages_decline_offers += 1;
    let taken: Vec<Arc<Offer>> =
        call.offer_ids.iter().filter_map(|offer| state.take_offer(&call.framework_id, offer)).collect();
    if let Some(framework) = state.framework_mut(&call.framework_id) {
        framework.counts.offers_declined += taken.len() as u64;
    }
    taken.iter().map(|offer| Effect::recover_offer(offer, Some(call.filters.refuse))).collect()
}

#[cfg(test)]
mod tests {
    use model::Filters;
    use model::call::{Call, Decline};

    use crate::testing::{Stage, to_allocator};

    #[test]
    fn a_declined_offer_goes_back_to_the_allocator() {
        let mut stage = Stage::new();
        let (agent, framework) = (stage.agent(1, "cpus:4;mem:1024"), stage.framework());
        let offer = stage.offer(&framework, &agent, "cpus:4;mem:1024");
        let call = Decline { framework_id: framework, offer_ids: vec![offer], filters: Filters::default() };

        let effects = stage.call(Call::Decline(call.clone()));

        let recovered =
            "recover cpus(allocated: web):4; mem(allocated: web):1024 on m-S0 from m-0000, refused 5s";
        assert_eq!(to_allocator(&effects), [recovered]);
        assert!(stage.state.world.offers.is_empty());
        assert!(to_allocator(&stage.call(Call::Decline(call))).is_empty(), "a second answer finds nothing");
    }
}
