//! Taking up what an earlier agent left.

use std::collections::BTreeSet;

use model::format_duration;
use model::{ContainerId, StatusReason, TaskState, Time};

use crate::alarms::{Alarm, Delay};
use crate::config::Recover;
use crate::containerizer::KnownContainer;
use crate::effects::{Effect, Effects};
use crate::master;
use crate::state::{Ending, Life, Phase, Run, State};

/// The journal is read: the containerizer looks for what it names.
pub(crate) fn restored(state: &mut State) -> Effects {
    // Executors all of whose tasks' ends were heard, and frameworks nothing is left of, are history.
    let empty: Vec<_> = state
        .frameworks
        .values()
        .filter(|framework| framework.executors.is_empty())
        .map(|framework| framework.id.clone())
        .collect();
    for id in empty {
        state.frameworks.remove(&id);
    }
    let known = state
        .executors()
        .filter(|executor| executor.run != Run::Ended)
        .map(|executor| KnownContainer {
            id: executor.container.clone(),
            identity: executor.identity.clone(),
        })
        .collect();
    vec![Effect::Recover(known)]
}

/// The containers are looked at; those that ended were told before. The executors in the others may come back now.
pub(crate) fn containers(state: &mut State, running: &[ContainerId], now: Time) -> Effects {
    if state.life != Life::Recovering {
        return Effects::new();
    }
    state.counters.recovery_time = Some(now.since(state.started).as_secs_f64());
    if state.settings.recover == Recover::Cleanup {
        state.life = Life::Reconnecting;
        return master::finish(state);
    }
    state.life = Life::Reconnecting;
    let running: BTreeSet<_> = running.iter().collect();
    let strangers = state
        .executors()
        .filter(|executor| !executor.is_ended() && !running.contains(&executor.container))
        .map(|executor| executor.container.clone())
        .collect::<Vec<_>>();
    for container in strangers {
        tracing::warn!(%container, "the containerizer says nothing of a container; its executor may still come back");
    }
    let wait = state.settings.executor_reregistration_timeout;
    let mut effects = vec![Effect::Wake(Alarm::Reconnected, Delay::Exactly(wait))];
    effects.extend(reconnected(state, false));
    effects
}

/// Opens the agent for business once every executor is back, or `late`, when those that are not are ended.
///
/// Source: agent-semantics §7; the original always waits for the whole time.
pub(crate) fn reconnected(state: &mut State, late: bool) -> Effects {
    if state.life != Life::Reconnecting {
        return Effects::new();
    }
    let missing: Vec<_> = state
        .executors()
        .filter(|executor| executor.phase == Phase::Registering)
        .map(|executor| (executor.framework.clone(), executor.id.clone()))
        .collect();
    if !missing.is_empty() && !late {
        return Effects::new();
    }
    state.life = Life::Running;
    let timeout = format_duration(state.settings.executor_reregistration_timeout);
    let mut effects = Effects::new();
    for key in missing {
        let Some(executor) = state.executor_mut(&key) else { continue };
        executor.phase = Phase::Terminating;
        executor.ending = Some(Ending {
            state: TaskState::Gone,
            reason: StatusReason::ExecutorReregistrationTimeout,
            message: format!("Executor did not re-register within {timeout}"),
            limitation: None,
        });
        effects.push(Effect::Destroy(executor.container.clone()));
    }
    effects.extend(master::look(state, false));
    effects
}
