//! Operations on resources, whoever asks for them: what may be done, and what agents say came of it.
//!
//! 1. [`validate`]: which conversions may be;
//! 2. [`disk`]: the same of those that a resource provider carries out;
//! 3. [`update`]: an agent says how one went;
//! 4. [`total`]: an agent has something else than was counted on.

mod disk;
mod total;
mod update;
pub(crate) mod validate;

pub(crate) use total::retotal;
pub(crate) use update::update;

use model::event::Event;
use model::{FrameworkId, Operation, OperationState, OperationStatus};

use crate::effects::Effects;
use crate::state::State;

/// Tells a framework of one of its operations what the master itself knows; nobody has to acknowledge that.
pub(crate) fn tell(
    state: &State,
    framework: &FrameworkId,
    operation: &Operation,
    into: OperationState,
    message: &str,
    effects: &mut Effects,
) {
    let (Some(to), Some(id)) = (state.framework(framework), &operation.id) else { return };
    let status = OperationStatus {
        message: Some(message.to_owned()),
        agent_id: operation.agent_id.clone(),
        ..OperationStatus::new(Some(id.clone()), into)
    };
    effects.tell(to, Event::UpdateOperationStatus(status.into()));
}
