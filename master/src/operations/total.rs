//! An agent has something else than was counted on.

use model::{AgentId, Resources};

use crate::agents::for_allocator;
use crate::allocator;
use crate::effects::{Effect, Effects};
use crate::offers;
use crate::state::State;

/// Believes it. What was offered was made of what is not there, so it is taken back first.
pub(crate) fn retotal(state: &mut State, id: &AgentId, total: Resources) -> Effects {
    if state.agent(id).is_none_or(|agent| agent.total == total) {
        return Effects::none();
    }
    let mut effects = offers::rescind_agent(state, id);
    state.set_total(id, total);
    let agent = state.agent(id).expect("it was there above");
    effects.push(Effect::Allocator(allocator::Input::UpdateAgent(for_allocator(agent))));
    effects
}
