//! An agent reports on a task.

use std::sync::Arc;

use libprocess::Upid;
use model::TaskState;
use model::event::Event;
use model::messages::UpdateStatus;

use super::end::change;
use crate::effects::Effects;
use crate::state::State;

/// Believes the agent's report and passes it on. What an ended task held is free at once, however long its
/// framework takes to acknowledge.
///
/// That a task is out of reach, or unknown, is not for its agent to say.
/// A framework that is away hears of it when the agent sends it again. An update of a task nobody knows is passed on too:
/// it answers a reconciliation.
/// Source: scheduler semantics §5 and §7.
pub(crate) fn update(state: &mut State, from: &Upid, message: UpdateStatus) -> Effects {
    state.world.tally.messages_status_update += 1;
    let UpdateStatus { framework_id, agent_id, mut status, latest_state } = message;
    let sayable = |state| !matches!(state, TaskState::Unreachable | TaskState::Unknown);
    let known = sayable(status.state)
        && sayable(latest_state)
        && state.agent_at(from).is_some_and(|agent| agent.id == agent_id);
    let Some(framework) = state.framework(&framework_id).filter(|_| known) else {
        state.world.tally.invalid_status_updates += 1;
        return Effects::none();
    };
    let aware = framework.partition_aware();
    status.state = status.state.for_framework(aware);
    let latest = latest_state.for_framework(aware);

    let mut effects = Effects::none();
    effects.tell(framework, Event::Update(Arc::new(status.clone())));
    let here = framework.tasks.get(&status.task_id).is_some_and(|task| task.agent_id == agent_id);
    state.world.tally.valid_status_updates += 1;
    if here {
        effects.extend(change(state, &framework_id, &status, latest));
    }
    effects
}
