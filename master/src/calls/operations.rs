//! What is asked about operations on resources.

use std::sync::Arc;

use model::call::{AcknowledgeOperationStatus, ReconcileOperation, ReconcileOperations, Request};
use model::event::Event;
use model::messages::AcknowledgeOperation;
use model::{FrameworkId, Operation, OperationState, OperationStatus, Time, UpdateId};

use crate::allocator;
use crate::effects::{Effect, Effects};
use crate::preemption;
use crate::state::State;

/// A framework has heard how an operation went: master and agent may forget it.
///
/// Dropped when the agent is away (it will tell again), or when no such update was sent.
/// Source: scheduler semantics §5, `ACKNOWLEDGE_OPERATION_STATUS`.
pub(crate) fn acknowledge(state: &mut State, call: &AcknowledgeOperationStatus) -> Effects {
    state.world.tally.messages_operation_status_update_acknowledgement += 1;
    let mut effects = Effects::none();
    let Some((on, uuid)) = acknowledged(state, call) else {
        state.world.tally.invalid_operation_status_update_acknowledgements += 1;
        return effects;
    };
    if let Some(agent) = state.agent(&on) {
        effects.send(agent, AcknowledgeOperation { epoch: state.epoch(), operation: uuid });
    }
    state.remove_operation(&on, &uuid);
    state.world.tally.valid_operation_status_update_acknowledgements += 1;
    effects
}

/// Where the operation is whose end the call acknowledges.
fn acknowledged(state: &State, call: &AcknowledgeOperationStatus) -> Option<(model::AgentId, UpdateId)> {
    let told = |operation: &&Operation| {
        operation.id.as_ref() == Some(&call.operation_id)
            && call.agent_id.as_ref().is_none_or(|agent| operation.agent_id.as_ref() == Some(agent))
            && operation.latest_status.uuid == Some(call.uuid)
            && operation.latest_status.state.is_terminal()
    };
    let operation = state.operations_of(&call.framework_id).find(told)?;
    let agent = state.agent(operation.agent_id.as_ref()?).filter(|agent| agent.connected())?;
    Some((agent.id.clone(), operation.uuid))
}

/// Answers about each operation named; with none named, about all that have a name.
///
/// Source: scheduler semantics §6, "Operations".
pub(crate) fn reconcile(state: &mut State, call: &ReconcileOperations) -> Effects {
    state.world.tally.messages_reconcile_operations += 1;
    let mut effects = Effects::none();
    let id = &call.framework_id;
    let Some(framework) = state.framework(id) else { return effects };
    let answers: Vec<OperationStatus> = match call.operations.is_empty() {
        true => state.operations_of(id).filter(|known| known.id.is_some()).map(latest).collect(),
        false => call.operations.iter().map(|asked| answer(state, id, asked)).collect(),
    };
    for status in answers {
        effects.tell(framework, Event::UpdateOperationStatus(Arc::new(status)));
    }
    effects
}

/// The newest that is known. It is an answer, so nobody has to acknowledge it.
fn latest(operation: &Operation) -> OperationStatus {
    OperationStatus { uuid: None, ..operation.latest_status.clone() }
}

fn answer(state: &State, framework: &FrameworkId, asked: &ReconcileOperation) -> OperationStatus {
    let world = &state.world;
    let meant = |known: &&Operation| {
        known.id.as_ref() == Some(&asked.operation_id)
            && asked.agent_id.as_ref().is_none_or(|agent| known.agent_id.as_ref() == Some(agent))
    };
    if let Some(known) = state.operations_of(framework).find(meant) {
        return latest(known);
    }
    let (into, message) = match &asked.agent_id {
        Some(agent) if world.recovered.contains_key(agent) => {
            (OperationState::Recovering, "Operation's agent is recovering")
        }
        Some(agent) if world.agents.contains_key(agent) => (OperationState::Unknown, "Operation is unknown"),
        Some(agent) if world.unreachable.contains_key(agent) => {
            (OperationState::Unreachable, "Operation's agent is unreachable")
        }
        Some(agent) if world.gone.contains_key(agent) => {
            (OperationState::GoneByOperator, "Operation's agent has been marked gone")
        }
        Some(_) => (OperationState::Unknown, "Operation is unknown"),
        None => (OperationState::Unknown, "Operation is unknown and no 'agent_id' was provided"),
    };
    OperationStatus {
        message: Some(format!("Reconciliation: {message}")),
        agent_id: asked.agent_id.clone(),
        resource_provider_id: asked.resource_provider_id.clone(),
        ..OperationStatus::new(Some(asked.operation_id.clone()), into)
    }
}

/// A wish for resources, for the allocator to hear or not.
///
/// Source: scheduler semantics §3, "REQUEST".
pub(crate) fn request(state: &mut State, call: Request, now: Time) -> Effects {
    state.world.tally.messages_resource_request += 1;
    let Request { framework_id, requests } = call;
    let mut effects = preemption::wished(state, &framework_id, &requests, now);
    effects.push(Effect::Allocator(allocator::Input::Request { framework: framework_id, requests }));
    effects
}
