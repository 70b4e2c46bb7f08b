//! A framework wants an executor ended.

use model::call::Shutdown;
use model::messages::ShutdownExecutor;

use crate::effects::Effects;
use crate::state::State;

/// Passes the wish on; what becomes of the executor's tasks is the agent's to say.
///
/// Source: scheduler semantics §5, `SHUTDOWN`.
pub(crate) fn shutdown(state: &State, call: Shutdown) -> Effects {
    let mut effects = Effects::none();
    if let Some(on) = state.agent(&call.agent_id) {
        let Shutdown { framework_id, executor_id, .. } = call;
        effects.send(on, ShutdownExecutor { epoch: state.epoch(), framework_id, executor_id });
    }
    effects
}
