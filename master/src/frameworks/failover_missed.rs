//! A framework's time to come back is over.

use model::{FrameworkId, Time};

use super::remove;
use crate::effects::Effects;
use crate::state::{Connection, State};

/// Ends the framework, unless it came back since the alarm was set.
pub(crate) fn failover_missed(state: &mut State, id: &FrameworkId, deadline: Time, now: Time) -> Effects {
    match state.framework(id).map(|framework| &framework.connection) {
        Some(Connection::Disconnected { deadline: set }) if *set == deadline => remove(state, id, now),
        _ => Effects::none(),
    }
}
