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

#[cfg(test)]
mod tests {
    use model::call::{Call, Shutdown};

    use crate::testing::{Stage, to_agents};

    #[test]
    fn a_shutdown_goes_to_the_agent_named_and_to_nobody_else() {
        let mut stage = Stage::new();
        let (agent_id, framework_id) = (stage.agent(1, "cpus:4"), stage.framework());
        let mut shutdown = Shutdown { framework_id, agent_id, executor_id: "e".into() };
        let effects = stage.call(Call::Shutdown(shutdown.clone()));
        assert_eq!(to_agents(&effects), ["slave(1)@127.0.0.1:6001 <- shut down executor e"]);
        shutdown.agent_id = "nope-S7".into();
        assert!(to_agents(&stage.call(Call::Shutdown(shutdown))).is_empty());
    }
}
