//! Offers are taken back without a word.

use model::{FrameworkId, OfferId};

use crate::effects::{Effect, Effects};
use crate::state::State;

/// Takes every offer of the framework back and gives the resources to the allocator, without a filter.
///
/// For frameworks that are not there to hear of it, or that have just said they begin anew.
/// Source: scheduler semantics §2, 6 and 8.
pub(crate) fn discard(state: &mut State, id: &FrameworkId, effects: &mut Effects) {
    super::discard_inverse(state, id);
    let Some(framework) = state.framework(id) else { return };
    let offers: Vec<OfferId> = framework.offers.iter().cloned().collect();
    for offer in offers {
        let taken = state.take_offer(id, &offer).expect("a framework's offers are out");
        effects.push(Effect::recover_offer(&taken, None));
    }
}
