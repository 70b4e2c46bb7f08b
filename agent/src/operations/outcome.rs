//! What came of an operation is told until somebody has heard it.

use std::sync::Arc;
use std::time::Duration;

use model::messages::{AcknowledgeOperation, Instead, UpdateOperation};
use model::{Conversion, Operation, OperationState, OperationStatus, Resource, UpdateId};

use crate::alarms::{Alarm, Delay};
use crate::effects::{Effect, Effects, ToMaster};
use crate::recovery::Record;
use crate::state::State;

/// The first wait for an acknowledgement; it doubles up to [`RETRY_MAX`].
const RETRY_MIN: Duration = Duration::from_secs(10);
const RETRY_MAX: Duration = Duration::from_secs(600);

/// An operation whose end nobody has acknowledged.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub operation: Operation,
    /// Whether it would survive a crash; until then nobody hears of it.
    pub durable: bool,
    /// Whether it was sent to the present master.
    pub sent: bool,
    /// How often it was sent.
    pub attempt: u32,
}

impl Outcome {
    pub(crate) fn new(operation: Operation) -> Self {
        Self { operation, durable: false, sent: false, attempt: 0 }
    }

    /// Whether it has yet to be carried out.
    pub(crate) fn is_pending(&self) -> bool {
        self.operation.latest_status.state == OperationState::Pending
    }
}

/// Sends the outcome, unless it is on its way, not on disk, or there is no master.
///
/// Source: Mesos operation status updates, which are retried like those of tasks.
pub(super) fn tell(state: &mut State, uuid: UpdateId) -> Effects {
    if state.link.registered().is_none() {
        return Effects::new();
    }
    let Some(agent_id) = state.id.clone() else { return Effects::new() };
    let Some(outcome) = state.operations.get_mut(&uuid).map(Arc::make_mut) else { return Effects::new() };
    if outcome.sent || !outcome.durable {
        return Effects::new();
    }
    outcome.sent = true;
    let wait = RETRY_MIN.saturating_mul(1 << outcome.attempt.min(10)).min(RETRY_MAX);
    let retry = Alarm::RetryOperation { operation: uuid, attempt: outcome.attempt };
    let status = outcome.operation.latest_status.clone();
    let name = outcome.operation.conversion.name();
    let instead = (status.state != OperationState::Finished).then(|| instead(state));
    let update = UpdateOperation { agent_id, operation: uuid, status, instead };
    vec![
        Effect::ToMaster(ToMaster::Operation { name, update: Box::new(update) }),
        Effect::Wake(retry, Delay::Exactly(wait)),
    ]
}

/// What there is, for a master that counted on something else.
fn instead(state: &State) -> Instead {
    let operations = state.operations.values().map(|outcome| outcome.operation.clone()).collect();
    Instead { total: state.total.clone(), operations }
}

/// Nobody acknowledged in time: once more, waiting twice as long.
pub(crate) fn retry(state: &mut State, uuid: UpdateId, attempt: u32) -> Effects {
    let Some(outcome) = state.operations.get_mut(&uuid).map(Arc::make_mut) else { return Effects::new() };
    if !outcome.sent || outcome.attempt != attempt {
        return Effects::new();
    }
    outcome.attempt += 1;
    outcome.sent = false;
    tell(state, uuid)
}

/// A master took the agent in: it is sent every outcome, as if none had been sent.
pub(crate) fn resume(state: &mut State) -> Effects {
    let all: Vec<UpdateId> = state.operations.keys().copied().collect();
    let mut effects = Effects::new();
    for uuid in all {
        if let Some(outcome) = state.operations.get_mut(&uuid).map(Arc::make_mut) {
            outcome.sent = false;
            // Not from zero: an alarm of the earlier attempt may still be set, and must not count for this one.
            outcome.attempt = if outcome.attempt == 0 { 0 } else { outcome.attempt + 1 };
        }
        effects.extend(tell(state, uuid));
    }
    effects
}

/// The master counts on an operation that never came here: it is told so.
pub(crate) fn missing(state: &State, uuid: UpdateId) -> Effects {
    let Some(agent_id) = state.id.clone().filter(|_| !state.operations.contains_key(&uuid)) else {
        return Effects::new();
    };
    let mut status = OperationStatus::new(None, OperationState::Dropped);
    status.message = Some("Reconciliation: operation unknown to the agent".to_owned());
    let update =
        Box::new(UpdateOperation { agent_id, operation: uuid, status, instead: Some(instead(state)) });
    vec![Effect::ToMaster(ToMaster::Operation { name: "unknown", update })]
}

/// Why there is no such volume, if an operation that was to make it failed a moment ago.
pub(crate) fn not_made<'a>(state: &'a State, volume: &Resource) -> Option<&'a str> {
    let volume = Resource { allocation: None, ..volume.clone() };
    let failed = state.operations.values().rev().map(|outcome| &outcome.operation).find(|operation| {
        operation.latest_status.state == OperationState::Failed
            && matches!(&operation.conversion, Conversion::Create { volumes } if volumes.unallocate().contains_one(&volume))
    });
    failed.and_then(|operation| operation.latest_status.message.as_deref())
}

/// Somebody has heard it.
pub(crate) fn acknowledged(state: &mut State, message: &AcknowledgeOperation) -> Effects {
    match state.operations.remove(&message.operation) {
        Some(_) => {
            let heard = Record::OperationHeard(message.operation);
            vec![Effect::Record { records: vec![heard], then: Vec::new() }]
        }
        None => Effects::new(),
    }
}
