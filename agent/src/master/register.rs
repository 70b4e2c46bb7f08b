//! Asking to be taken in, again and again.

use std::time::Duration;

use api::classic::build::API_VERSION;
use libprocess::Upid;
use model::messages::{RegisterAgent, ReregisterAgent, RunningExecutor};
use model::{AgentCapabilities, AgentCapability};

use crate::alarms::{Alarm, Delay};
use crate::effects::{Effect, Effects, ToMaster};
use crate::state::{Link, State};

/// The longest wait between two attempts.
const BACKOFF_MAX: Duration = Duration::from_secs(60);

/// Looks for a master, the first of the list first.
///
/// At its start an agent asks at once; one that lost its master waits a random while first, since all others lost it
/// too.
/// Source: Mesos agent recovery; the wait at the start is left out.
pub(crate) fn look(state: &mut State, lost: bool) -> Effects {
    let Some(master) = state.settings.masters.first().cloned() else { return Effects::new() };
    state.link = Link::Registering { master: master.clone(), attempt: 0 };
    let mut effects = vec![Effect::Link(master)];
    if lost {
        let alarm = Alarm::Register { attempt: 0 };
        effects.push(Effect::Wake(alarm, Delay::Within(state.settings.registration_backoff_factor)));
    } else {
        effects.extend(attempt(state, 0));
    }
    effects
}

/// Nobody answered: the next master of the list is asked.
pub(crate) fn again(state: &mut State, attempt_due: u32) -> Effects {
    let masters = &state.settings.masters;
    let Link::Registering { master, attempt: made } = &mut state.link else { return Effects::new() };
    if *made != attempt_due || masters.is_empty() {
        return Effects::new();
    }
    let next = masters[attempt_due as usize % masters.len()].clone();
    let mut effects = Effects::new();
    // Linked anew even if it is the same one: it may have come up since.
    *master = next.clone();
    effects.push(Effect::Link(next));
    effects.extend(attempt(state, attempt_due));
    effects
}

/// The connection to a master broke, or it ended.
pub(crate) fn lost(state: &mut State, peer: &Upid) -> Effects {
    match &state.link {
        Link::Registered { master, .. } if is(master, peer) => {
            tracing::warn!(%master, "master lost");
            look(state, true)
        }
        // An attempt is due anyway.
        _ => Effects::new(),
    }
}

/// Whether two addresses mean the same process, whichever life of it.
pub(crate) fn is(master: &Upid, peer: &Upid) -> bool {
    master.id() == peer.id() && master.address() == peer.address()
}

fn attempt(state: &mut State, attempt: u32) -> Effects {
    let factor = state.settings.registration_backoff_factor;
    let next = attempt + 1;
    if let Link::Registering { attempt, .. } = &mut state.link {
        *attempt = next;
    }
    let wait = factor.saturating_mul(1 << next.min(16)).min(BACKOFF_MAX);
    vec![
        Effect::ToMaster(request(state)),
        Effect::Wake(Alarm::Register { attempt: next }, Delay::Within(wait.max(factor))),
    ]
}

/// What a master is asked: to give an id, or to take in all that runs.
pub(crate) fn request(state: &State) -> ToMaster {
    let info = state.info();
    let version = API_VERSION.to_owned();
    let capabilities = capabilities();
    if state.id.is_none() {
        let total = state.total.clone();
        return ToMaster::Register(Box::new(RegisterAgent { info, version, capabilities, total }));
    }
    let frameworks = state.frameworks.values().map(|framework| framework.info.as_ref().clone()).collect();
    let executors = state
        .executors()
        .filter(|executor| !executor.generated && !executor.is_ended())
        .map(|executor| RunningExecutor {
            framework_id: executor.framework.clone(),
            executor: executor.info.as_ref().clone(),
        })
        .collect();
    let mut tasks = Vec::new();
    for executor in state.executors() {
        tasks.extend(
            executor.queued_tasks().map(|info| model::Task::staging(info, executor.framework.clone())),
        );
        tasks.extend(
            executor.tasks.values().chain(executor.terminated.values()).map(|task| task.as_ref().clone()),
        );
    }
    ToMaster::Reregister(Box::new(ReregisterAgent {
        info,
        version,
        capabilities,
        frameworks,
        executors,
        tasks,
        total: state.total.clone(),
        // What is not on disk yet is told of as soon as it is.
        operations: state.operations.values().map(|outcome| outcome.operation.clone()).collect(),
    }))
}

/// What this agent knows how to do. Resource providers are not among it yet, but masters insist on the name.
pub(crate) fn capabilities() -> AgentCapabilities {
    AgentCapability::ALL.into_iter().collect()
}
