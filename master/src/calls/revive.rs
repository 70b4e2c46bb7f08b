//! A framework wants offers again.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::Role;
use model::call::Revive;

use crate::allocator;
use crate::effects::{Effect, Effects};
use crate::offers;
use crate::state::State;

/// Lifts suppression and filters of the roles; none named means all of the framework's. It may be asked to leave agents, too.
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
    offers::allow_asking(state, &call.framework_id);
    Effect::Allocator(allocator::Input::Revive { framework: call.framework_id, roles }).into()
}

#[cfg(test)]
mod tests {
    use model::call::{Call, Revive, Suppress};

    use crate::testing::{ROLE, Stage, to_allocator};

    #[test]
    fn a_revived_role_is_no_longer_suppressed() {
        let mut stage = Stage::new();
        let framework_id = stage.framework();
        let suppress = Suppress { framework_id: framework_id.clone(), roles: Vec::new() };
        assert_eq!(to_allocator(&stage.call(Call::Suppress(suppress))), ["suppress m-0000"]);
        assert_eq!(stage.state.framework(&framework_id).unwrap().suppressed.len(), 1);

        let revive = Revive { framework_id: framework_id.clone(), roles: vec![ROLE.into()] };
        assert_eq!(to_allocator(&stage.call(Call::Revive(revive))), ["revive m-0000 in web"]);
        assert!(stage.state.framework(&framework_id).unwrap().suppressed.is_empty());
    }

    #[test]
    fn one_role_it_does_not_have_drops_the_whole_call() {
        let mut stage = Stage::new();
        let framework_id = stage.framework();
        let revive = Revive { framework_id, roles: vec![ROLE.into(), "other".into()] };
        assert!(to_allocator(&stage.call(Call::Revive(revive))).is_empty());
    }
}
