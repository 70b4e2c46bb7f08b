//! What is asked about operations on resources. None is carried out yet, so none is known.

use std::sync::Arc;

use model::call::{ReconcileOperation, ReconcileOperations};
use model::event::Event;
use model::{OperationState, OperationStatus};

use crate::effects::Effects;
use crate::state::State;

/// An acknowledgement of an update that was never sent.
pub(crate) fn acknowledge(state: &mut State) -> Effects {
    state.world.tally.messages_operation_status_update_acknowledgement += 1;
    Effects::none()
}

/// Answers about each operation named as about one that nobody knows; with none named there is nothing to say.
///
/// Source: scheduler semantics §6, "Operations".
pub(crate) fn reconcile(state: &mut State, call: &ReconcileOperations) -> Effects {
    state.world.tally.messages_reconcile_operations += 1;
    let mut effects = Effects::none();
    let Some(framework) = state.framework(&call.framework_id) else { return effects };
    for asked in &call.operations {
        effects.tell(framework, Event::UpdateOperationStatus(Arc::new(answer(state, asked))));
    }
    effects
}

fn answer(state: &State, asked: &ReconcileOperation) -> OperationStatus {
    let world = &state.world;
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

/// A wish for resources. The built-in allocator does not listen to wishes, so nothing is passed on.
///
/// Source: scheduler semantics §3, "REQUEST".
pub(crate) fn request(state: &mut State) -> Effects {
    state.world.tally.messages_resource_request += 1;
    Effects::none()
}
