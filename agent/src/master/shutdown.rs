//! The agent is to end, and what else a master may decree.

use std::sync::Arc;

use model::messages::{ShutdownAgent, UnregisterAgent, UpdateFramework};

use crate::effects::{Effect, Effects, ToMaster};
use crate::executors;
use crate::recovery::Record;
use crate::state::{Life, Run, State};

/// The master wants this agent gone, id and all: every executor is shut down, then the agent ends.
pub(crate) fn shutdown(state: &mut State, shutdown: ShutdownAgent) -> Effects {
    tracing::warn!(message = shutdown.message, "master shuts this agent down");
    let mut effects = vec![Effect::Record { records: vec![Record::Left], then: Vec::new() }];
    state.life = Life::Terminating;
    let frameworks: Vec<_> = state.frameworks.keys().cloned().collect();
    for framework in frameworks {
        effects.extend(executors::shutdown_framework(state, &framework));
    }
    if state.frameworks.is_empty() && !effects.iter().any(|effect| matches!(effect, Effect::Stop(_))) {
        effects.push(Effect::Stop(shutdown.message));
    }
    effects
}

/// The agent's owner wants it gone with all it runs, now: containers are destroyed, then the agent ends.
pub(crate) fn finish(state: &mut State) -> Effects {
    let mut effects = Effects::new();
    state.life = Life::Terminating;
    effects.extend(
        state.id.clone().map(|agent_id| Effect::ToMaster(ToMaster::Unregister(UnregisterAgent { agent_id }))),
    );
    let alive: Vec<_> = state
        .executors()
        .filter(|executor| !matches!(executor.run, Run::Ended | Run::Intended))
        .map(|executor| executor.container.clone())
        .collect();
    if state.executors().all(|executor| executor.is_ended()) {
        effects.push(Effect::Stop("told to".to_owned()));
    }
    effects.extend(alive.into_iter().map(Effect::Destroy));
    effects
}

/// A framework says something else of itself.
pub(crate) fn update_framework(state: &mut State, update: UpdateFramework) -> Effects {
    let UpdateFramework { framework, .. } = update;
    let Some(known) = framework.id.as_ref().and_then(|id| state.framework_mut(id)) else {
        return Effects::new();
    };
    known.info = Arc::new(framework);
    let record = known.info.checkpoint.then(|| Record::Framework(Box::new(known.info.as_ref().clone())));
    match record {
        Some(record) => vec![Effect::Record { records: vec![record], then: Vec::new() }],
        None => Effects::new(),
    }
}
