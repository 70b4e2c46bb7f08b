//! An agent says how an operation went.

use libprocess::Upid;
use model::event::Event;
use model::messages::{AcknowledgeOperation, UpdateOperation};
use model::{AgentId, Operation, OperationState, OperationStatus, UpdateId};

use super::retotal;
use crate::allocator;
use crate::effects::{Effect, Effects};
use crate::state::{State, unallocated};

/// Books the outcome, and passes it on to whoever asked for the operation. Where nobody waits to hear of it, the agent is
/// told at once that it was heard.
///
/// An operation nobody remembers is over: its agent may forget it too.
/// Source: scheduler semantics §4 and §7, "Operation states".
pub(crate) fn update(state: &mut State, from: &Upid, message: UpdateOperation) -> Effects {
    state.world.tally.messages_operation_status_update += 1;
    let UpdateOperation { agent_id, operation: uuid, mut status } = message;
    if state.agent_at(from).is_none_or(|agent| agent.id != agent_id) {
        state.world.tally.invalid_operation_status_updates += 1;
        return Effects::none();
    }
    state.world.tally.valid_operation_status_updates += 1;
    let Some(operation) = state.operation(&agent_id, &uuid).cloned() else {
        return acknowledge(state, &agent_id, uuid);
    };
    status.operation_id = operation.id.clone();
    status.agent_id = Some(agent_id.clone());
    let mut effects = Effects::none();
    if operation.latest_status.state == OperationState::Pending && status.state.is_terminal() {
        effects.extend(settle(state, &agent_id, &operation, &status));
    }
    let hears = operation.framework_id.as_ref().zip(operation.id.as_ref());
    match hears.and_then(|(framework, _)| state.framework(framework)) {
        Some(framework) => {
            let over = status.uuid.is_none() && status.state.is_terminal();
            effects.tell(framework, Event::UpdateOperationStatus(status.into()));
            if over {
                state.remove_operation(&agent_id, &uuid);
            }
        }
        None if status.state.is_terminal() => {
            state.remove_operation(&agent_id, &uuid);
            effects.extend(acknowledge(state, &agent_id, uuid));
        }
        None => {}
    }
    effects
}

/// Books how a pending operation ended.
fn settle(state: &mut State, id: &AgentId, operation: &Operation, status: &OperationStatus) -> Effects {
    let mut effects = Effects::none();
    let Some(agent) = state.agent(id) else { return effects };
    let (held, counted_on, outlived) =
        (agent.held_by(operation), agent.counts_on(operation), agent.outlives(operation));
    let done = status.state == OperationState::Finished;
    state.end_operation(id, &operation.uuid, status.clone());
    match (&operation.framework_id, done) {
        (Some(framework), true) if !held.is_empty() => {
            let outcome = operation.conversion.outcome(&status.converted);
            let (goes, comes) = outcome.expect("something is held for it");
            state.convert(id, &goes, &comes);
            effects.push(Effect::convert(framework, id, goes, comes.clone()));
            effects.push(Effect::recover(framework, id, comes, None));
        }
        (Some(framework), false) if !held.is_empty() => {
            effects.push(Effect::recover(framework, id, held, None));
        }
        // The framework ended meanwhile, and nothing was held any more.
        (_, true) if outlived && !counted_on => effects.extend(correct(state, id, operation, status, false)),
        (_, false) if counted_on => effects.extend(correct(state, id, operation, status, true)),
        _ => {}
    }
    effects
}

/// Carries the conversion out, or back, in what the agent has as a whole.
fn correct(
    state: &mut State,
    id: &AgentId,
    operation: &Operation,
    status: &OperationStatus,
    back: bool,
) -> Effects {
    let exchanged = unallocated(&operation.conversion, &status.converted);
    let (Some(agent), Some((goes, comes))) = (state.agent(id), exchanged) else { return Effects::none() };
    let total = match back {
        true => agent.total.replace(&comes, goes),
        false => agent.total.replace(&goes, comes),
    };
    match total {
        Ok(total) => retotal(state, id, total),
        // The agent tells all it has when it next comes back.
        Err(why) => {
            tracing::warn!(agent = %id, %why, "an operation's outcome does not fit the books");
            Effects::none()
        }
    }
}

/// The agent may forget the operation.
fn acknowledge(state: &State, id: &AgentId, operation: UpdateId) -> Effects {
    let mut effects = Effects::none();
    if let Some(agent) = state.agent(id) {
        effects.send(agent, AcknowledgeOperation { epoch: state.epoch(), operation });
    }
    effects
}

impl Effect {
    /// What a framework holds has become something else.
    pub(crate) fn convert(
        framework: &model::FrameworkId,
        agent: &AgentId,
        before: model::Resources,
        after: model::Resources,
    ) -> Self {
        let (framework, agent) = (framework.clone(), agent.clone());
        Effect::Allocator(allocator::Input::UpdateAllocation { framework, agent, before, after })
    }
}
