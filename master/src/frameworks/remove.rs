//! A framework ends: torn down, or too long away.

use std::sync::Arc;

use model::messages::{AcknowledgeOperation, ShutdownFramework};
use model::{AgentId, ExecutorId, FrameworkId, Operation, StatusReason, TaskState, Time, UpdateId};

use crate::alarms::Slot;
use crate::allocator;
use crate::effects::{Effect, Effects};
use crate::offers;
use crate::state::{Connection, State};
use crate::tasks;

/// Ends everything of the framework and remembers it among the completed.
///
/// Its scheduler hears nothing but the end of its stream: whoever tears down knows.
/// Source: scheduler semantics §2, 9 and 10.
pub(crate) fn remove(state: &mut State, id: &FrameworkId, now: Time) -> Effects {
    let Some(framework) = state.framework(id).cloned() else { return Effects::none() };
    let mut effects = Effects::none();

    state.preemptions.forget(id);
    let epoch = state.epoch();
    for agent in state.world.agents.values() {
        effects.send(agent, ShutdownFramework { epoch, framework_id: id.clone() });
    }
    let mut returned = Effects::none();
    offers::discard(state, id, &mut returned);
    drop(returned); // `RemoveFramework` below frees all of it at once.

    for (task, known) in &framework.tasks {
        // The record of one that ended and was not acknowledged says how it ended.
        if !known.state.is_terminal() {
            let (into, reason) = (TaskState::Killed, StatusReason::FrameworkRemoved);
            tasks::end(state, id, task, into, reason, "Framework was removed", now);
        }
        tasks::complete(state, id, task);
    }
    for task in framework.unreachable_tasks.keys() {
        tasks::complete_unreachable(state, id, task);
    }
    for (agent, executor) in executors(state, &framework.agents.iter().cloned().collect::<Vec<_>>(), id) {
        state.remove_executor(id, &agent, &executor);
    }

    for (agent, uuid, over) in pending(state, id) {
        if over {
            state.remove_operation(&agent, &uuid);
            if let Some(agent) = state.agent(&agent) {
                effects.send(agent, AcknowledgeOperation { epoch, operation: uuid });
            }
        } else {
            state.orphan_operation(&agent, &uuid);
        }
    }

    effects.push(Effect::Allocator(allocator::Input::RemoveFramework(id.clone())));
    if let Some(stream) = framework.stream() {
        effects.push(Effect::Close { stream });
    }
    effects.push(Effect::Disarm(Slot::Failover(id.clone())));
    let mut ended = state.remove_framework(id).expect("it was there above");
    let end = Arc::make_mut(&mut ended);
    end.unregistered = Some(now);
    end.connection = Connection::Disconnected { deadline: now };
    let completed = &mut state.world.completed_frameworks;
    completed.push_back(ended);
    while completed.len() > state.settings.max_completed_frameworks {
        completed.pop_front();
    }
    effects
}

/// The framework's operations: where, which, and whether only an acknowledgement is missing.
fn pending(state: &State, id: &FrameworkId) -> Vec<(AgentId, UpdateId, bool)> {
    let of = |operation: &Operation| {
        let over = operation.latest_status.state.is_terminal();
        Some((operation.agent_id.clone()?, operation.uuid, over))
    };
    state.operations_of(id).filter_map(of).collect()
}

/// The framework's executors on these agents.
fn executors(state: &State, agents: &[AgentId], id: &FrameworkId) -> Vec<(AgentId, ExecutorId)> {
    agents
        .iter()
        .filter_map(|agent| Some((agent, state.agent(agent)?.used.get(id)?)))
        .flat_map(|(agent, used)| used.executors.keys().map(|executor| (agent.clone(), executor.clone())))
        .collect()
}
