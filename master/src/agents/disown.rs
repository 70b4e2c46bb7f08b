//! An agent leaves the registered ones: unreachable, unregistered, or replaced.

use std::sync::Arc;

use model::event::Event;
use model::messages::ShutdownAgent;
use model::{
    AgentId, ExecutorId, FrameworkId, OperationState, StatusReason, TaskId, TaskState, Time, UpdateId,
};

use crate::alarms::Slot;
use crate::allocator;
use crate::effects::{Effect, Effects};
use crate::messages::Asker;
use crate::offers;
use crate::operations;
use crate::registrar::Delta;
use crate::state::{Admission, Disowned, State};
use crate::tasks;

/// What everybody is told of an agent that is gone.
const GONE: &str = "Agent has been marked gone";

/// Asks the registrar to write that the agent leaves. Nothing changes before it has.
pub(super) fn begin(state: &mut State, id: &AgentId, why: Disowned, now: Time) -> Effects {
    begin_for(state, id, why, Asker::default(), now)
}

/// An operator says that the agent will never be back. The caller knows that nothing else waits for it.
pub(crate) fn mark_gone(state: &mut State, id: &AgentId, asker: Asker, now: Time) -> Effects {
    begin_for(state, id, Disowned::Gone, asker, now)
}

/// The agent's machine is down.
pub(crate) fn take_down(state: &mut State, id: &AgentId, now: Time) -> Effects {
    let Some(agent) = state.agent(id) else { return Effects::none() };
    let mut effects = Effects::none();
    let message = "Machine is down for maintenance".to_owned();
    effects.send(agent, ShutdownAgent { epoch: state.epoch(), message });
    effects.extend(begin(state, id, Disowned::Down, now));
    effects
}

fn begin_for(state: &mut State, id: &AgentId, why: Disowned, asker: Asker, now: Time) -> Effects {
    if state.admissions.awaits(id) {
        return Effects::none();
    }
    state.admissions.wait(id.clone(), Admission::Disowning(why, asker));
    let delta = match why {
        Disowned::Unreachable => Delta::MarkUnreachable { id: id.clone(), at: now },
        Disowned::Gone => Delta::MarkGone { id: id.clone(), at: now },
        Disowned::Unregistered | Disowned::Replaced | Disowned::Down => Delta::RemoveAgent { id: id.clone() },
    };
    Effect::Record(delta).into()
}

/// It is written: everybody who had something there is told.
///
/// The allocator hears of it first, so that nothing of the agent is offered while its books are cleared.
/// Source: scheduler semantics §9, "Unreachable" and "Unregister".
pub(super) fn finish(state: &mut State, id: &AgentId, why: Disowned, at: Time, now: Time) -> Effects {
    count(state, why);
    let mut effects = Effects::none();
    if let Some(agent) = state.agent(id) {
        if why == Disowned::Gone {
            let message = GONE.to_owned();
            effects.send(agent, ShutdownAgent { epoch: state.epoch(), message });
        }
        effects.push(Effect::Unlink(agent.upid.clone()));
        effects.push(Effect::Disarm(Slot::AgentReturn(id.clone())));
        effects.push(Effect::Allocator(allocator::Input::RemoveAgent(id.clone())));
        effects.extend(offers::rescind_agent(state, id));
        effects.extend(offers::rescind_inverse(state, id));
        let on: Vec<FrameworkId> =
            state.agent(id).map(|agent| agent.used.keys().cloned().collect()).unwrap_or_default();
        for framework in on {
            clear(state, id, &framework, why, at, now, &mut effects);
        }
        state.remove_agent(id);
    }
    state.touch();
    state.world.recovered.remove(id);
    match why {
        Disowned::Unreachable => drop(state.world.unreachable.insert(id.clone(), at)),
        Disowned::Gone => {
            state.world.unreachable.remove(id);
            state.world.gone.insert(id.clone(), at);
            left_behind(state, id, now, &mut effects);
        }
        Disowned::Unregistered | Disowned::Replaced | Disowned::Down => {}
    }
    if why != Disowned::Unreachable {
        state.world.drain_started.remove(id);
    }
    tracing::info!(agent = %id, ?why, "agent removed");
    for framework in state.world.frameworks.values() {
        effects
            .tell(framework, Event::Failure { agent_id: Some(id.clone()), executor_id: None, status: None });
    }
    effects
}

/// Takes a framework's tasks and executors off the agent. What they held is not given back to the allocator:
/// it forgets the agent as a whole.
fn clear(
    state: &mut State,
    id: &AgentId,
    framework: &FrameworkId,
    why: Disowned,
    at: Time,
    now: Time,
    effects: &mut Effects,
) {
    let Some(used) = state.agent(id).and_then(|agent| agent.used.get(framework)) else { return };
    let tasks: Vec<TaskId> = used.tasks.iter().cloned().collect();
    let executors: Vec<ExecutorId> = used.executors.keys().cloned().collect();
    let pending: Vec<UpdateId> = used.operations.iter().copied().collect();
    let aware = state.framework(framework).is_some_and(|framework| framework.partition_aware());
    let (into, message) = match why {
        Disowned::Unreachable => (TaskState::Unreachable.for_framework(aware), "Agent became unreachable"),
        Disowned::Unregistered => (TaskState::Lost, "Agent unregistered"),
        Disowned::Replaced => (TaskState::Lost, "Another agent registered at the same address"),
        Disowned::Gone => (TaskState::GoneByOperator.for_framework(aware), GONE),
        Disowned::Down => (TaskState::Lost, "Machine is down for maintenance"),
    };
    let reason = match why {
        Disowned::Gone if aware => StatusReason::AgentRemovedByOperator,
        _ => StatusReason::AgentRemoved,
    };
    for task in tasks {
        let over = state
            .framework(framework)
            .and_then(|f| f.tasks.get(&task))
            .is_some_and(|t| t.state.is_terminal());
        if !over
            && let Some((mut status, _)) = tasks::end(state, framework, &task, into, reason, message, now)
        {
            status.unreachable_time = (why == Disowned::Unreachable).then_some(at);
            if let Some(framework) = state.framework(framework) {
                effects.tell(framework, Event::Update(Arc::new(status)));
            }
        }
        match why {
            Disowned::Unreachable if !over => tasks::leave_behind(state, framework, &task),
            _ => tasks::complete(state, framework, &task),
        }
    }
    for executor in executors {
        state.remove_executor(framework, id, &executor);
    }
    for uuid in pending {
        let Some(operation) = state.remove_operation(id, &uuid) else { continue };
        let (into, message) = match why {
            Disowned::Unreachable => (OperationState::Unreachable, "Agent became unreachable"),
            Disowned::Gone => {
                state
                    .world
                    .tally
                    .operation_ended(operation.conversion.name(), OperationState::GoneByOperator);
                (OperationState::GoneByOperator, GONE)
            }
            Disowned::Unregistered | Disowned::Replaced | Disowned::Down => continue,
        };
        operations::tell(state, framework, &operation, into, message, effects);
    }
}

/// Tasks that were out of reach on an agent that is gone: gone with it.
fn left_behind(state: &mut State, id: &AgentId, now: Time, effects: &mut Effects) {
    for (framework, task) in state.left_behind.remove(id).unwrap_or_default() {
        let Some(on) = state.framework(&framework) else { continue };
        if on.unreachable_tasks.get(&task).is_none_or(|known| known.agent_id != *id) {
            continue;
        }
        let aware = on.partition_aware();
        let into = TaskState::GoneByOperator.for_framework(aware);
        let reason = match aware {
            true => StatusReason::AgentRemovedByOperator,
            false => StatusReason::AgentRemoved,
        };
        let status = tasks::status(&task, Some(id), into, reason, GONE, now);
        state.task_ended(&framework, into, &status);
        state.note_status(&framework, &status, into);
        tasks::complete_gone(state, &framework, &task, &status);
        if let Some(framework) = state.framework(&framework) {
            effects.tell(framework, Event::Update(Arc::new(status)));
        }
    }
}

fn count(state: &mut State, why: Disowned) {
    let tally = &mut state.world.tally;
    tally.slave_removals += 1;
    match why {
        Disowned::Unreachable => {
            tally.slave_removals_unhealthy += 1;
            tally.slave_unreachable_completed += 1;
        }
        Disowned::Unregistered => tally.slave_removals_unregistered += 1,
        Disowned::Replaced => tally.slave_removals_registered += 1,
        Disowned::Gone | Disowned::Down => {}
    }
}
