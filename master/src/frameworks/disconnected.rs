//! The stream of a scheduler is lost.

use model::{StreamId, Time};

use crate::alarms::Alarm;
use crate::allocator;
use crate::effects::{Effect, Effects};
use crate::offers;
use crate::state::{Connection, State};

/// Puts the framework aside: its offers go back, its tasks run on, and it has its failover timeout to return.
///
/// A stream that another has replaced, or whose framework ended, is nobody's any more.
/// Source: scheduler semantics §2, 8; without a failover timeout the end comes at once.
pub(crate) fn disconnected(state: &mut State, stream: &StreamId, now: Time) -> Effects {
    let Some(id) = state.reader(stream).cloned() else { return Effects::none() };
    let framework = state.framework(&id).expect("a reader is a known framework");
    let patience = framework.info.failover_timeout;
    let deadline = now + patience;

    let mut effects = Effects::from(Effect::Allocator(allocator::Input::DeactivateFramework(id.clone())));
    offers::discard(state, &id, &mut effects);
    state.connect(&id, Connection::Disconnected { deadline });
    effects.push(Effect::Close { stream: stream.clone() });
    effects.push(Effect::Alarm { after: patience, alarm: Alarm::Failover { framework: id, deadline } });
    effects
}
