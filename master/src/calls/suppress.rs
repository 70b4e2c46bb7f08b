//! A framework wants no offers.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::Role;
use model::call::Suppress;

use crate::allocator;
use crate::effects::{Effect, Effects};
use crate::state::State;

/// Stops offers for the roles, until revived; none named means all of the framework's.
///
/// One role it does not have drops the whole call.
/// Source: scheduler semantics §3, "REVIVE / SUPPRESS".
pub(crate) fn suppress(state: &mut State, call: Suppress) -> Effects {
    state.world.tally.messages_suppress_offers += 1;
    let roles: BTreeSet<Role> = call.roles.into_iter().collect();
    let Some(framework) = state.framework_mut(&call.framework_id) else { return Effects::none() };
    let subscribed = framework.info.subscribed_roles();
    if !roles.is_subset(&subscribed) {
        return Effects::none();
    }
    let added = if roles.is_empty() { subscribed } else { roles.clone() };
    Arc::make_mut(&mut framework.suppressed).extend(added);
    Effect::Allocator(allocator::Input::Suppress { framework: call.framework_id, roles }).into()
}
