//! The registry is read, and the agents in it are awaited.

use model::{AgentId, Time};

use super::disown;
use crate::alarms::Alarm;
use crate::effects::{Effect, Effects};
use crate::http::Rejected;
use crate::messages::Input;
use crate::registrar::Registry;
use crate::state::{Disowned, State};

/// The master leads from now on. Agents it has only read of have their time to come back.
///
/// Source: scheduler semantics §9, "Master failover".
pub(super) fn recovered(state: &mut State, registry: Registry) -> Effects {
    state.touch();
    state.world.leading = true;
    state.world.recovered = registry.admitted;
    state.world.unreachable = registry.unreachable;
    state.world.gone = registry.gone;
    if state.world.recovered.is_empty() {
        return Effects::none();
    }
    Effect::Alarm { after: state.settings.agent_reregister_timeout, alarm: Alarm::Recovery }.into()
}

/// Agents that were only read of and did not come are unreachable.
pub(crate) fn recovery_missed(state: &mut State, now: Time) -> Effects {
    let missed: Vec<AgentId> = state.world.recovered.keys().cloned().collect();
    let mut effects = Effects::none();
    for id in missed {
        state.world.tally.recovery_slave_removals += 1;
        effects.extend(disown::begin(state, &id, Disowned::Unreachable, now));
    }
    effects
}

/// Nobody is heard before the registry is read: whoever matters will ask again.
pub(crate) fn not_leading(state: &mut State, input: Input) -> Effects {
    if !matches!(input, Input::Ready { .. }) {
        state.world.tally.dropped_messages += 1;
    }
    match input {
        Input::Ready { asker }
        | Input::Call { asker, .. }
        | Input::Teardown { asker, .. }
        | Input::KillTask { asker, .. } => Effect::Answer { asker, answer: Err(Rejected::Recovering) }.into(),
        Input::Subscribe { stream, outlet, .. } => {
            [Effect::Open { stream: stream.clone(), outlet }, Effect::Close { stream }].into_iter().collect()
        }
        _ => Effects::none(),
    }
}
