//! A framework is ended by itself, or by an operator.

use model::{FrameworkId, Time};

use crate::effects::{Effect, Effects};
use crate::frameworks;
use crate::http::Rejected;
use crate::messages::Asker;
use crate::state::State;

/// Ends the framework and everything it runs.
///
/// Source: scheduler HTTP API, `TEARDOWN`.
pub(crate) fn teardown(state: &mut State, framework: &FrameworkId, now: Time) -> Effects {
    state.world.tally.messages_unregister_framework += 1;
    frameworks::remove(state, framework, now)
}

/// The same, asked for by an operator, who need not read its stream.
pub(crate) fn operator_teardown(
    state: &mut State,
    framework: &FrameworkId,
    asker: Asker,
    now: Time,
) -> Effects {
    if state.framework(framework).is_none() {
        return Effect::Answer { asker, answer: Err(Rejected::NoSuchFramework) }.into();
    }
    let mut effects = frameworks::remove(state, framework, now);
    effects.push(Effect::Answer { asker, answer: Ok(()) });
    effects
}
