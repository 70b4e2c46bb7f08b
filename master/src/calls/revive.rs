//! A framework wants offers again.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::Role;
use model::call::Revive;

use crate::allocator;
use crate::effects::{Effect, Effects};
use crate::state::State;

/// Lifts suppression and filters of the roles; none named means all of the framework's.
///
/// One role it does not have drops the whole call.
/// Source: scheduler semantics §3, "REVIVE / SUPPRESS".
pub(crate) fn revive(state: &mut State, call: Revive) -> Effects {
    state.world.tally.messages_revive_offers += 1;
    let roles: BTreeSet<Role> = call.roles.into_iter().collect();
    let Some(framework) = state.framework_mut(&call.framework_id) else { return Effects::none() };
    if !roles.is_subset(&framework.info.subscribed_roles()) {
        return Effects::none();
    }
    if !framework.suppressed.is_empty() {
        let suppressed = Arc::make_mut(&mut framework.suppressed);
        suppressed.retain(|role| !roles.is_empty() && !roles.contains(role));
    }
    Effect::Allocator(allocator::Input::Revive { framework: call.framework_id, roles }).into()
}
