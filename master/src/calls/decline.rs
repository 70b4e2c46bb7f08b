//! A framework does not want what it was offered.

use std::time::Duration;

use model::Filters;
use model::call::Decline;

use crate::effects::{Effect, Effects};
use crate::state::State;

/// Takes the offers back and hands their resources to the allocator.
///
/// Offers that are already gone are skipped: a rescind may have crossed this call on the wire.
/// So are offers of others.
/// Source: scheduler HTTP API, `DECLINE`.
pub(crate) fn decline(state: &mut State, call: Decline) -> Effects {
    state.world.tally.messages_decline_offers += 1;
    let refuse = refusal(state, call.filters);
    call.offer_ids
        .iter()
        .filter_map(|offer| state.take_offer(&call.framework_id, offer))
        .map(|offer| Effect::recover_offer(&offer, refuse))
        .collect()
}

/// For how long the framework refuses what it gives back; `None` if it does not.
///
/// A filter that ended before the next allocation would be none, so it holds at least until then.
/// Source: scheduler semantics §3, "DECLINE / filters".
pub(super) fn refusal(state: &State, filters: Filters) -> Option<Duration> {
    let refuse = filters.refuse;
    (!refuse.is_zero()).then(|| refuse.max(state.settings.filter_min))
}
