//! Operations that are not over, on every agent.

use api::v1;
use api::v1::master::response::GetOperations;

use crate::state::Snapshot;

/// GET_OPERATIONS.
pub(crate) fn get_operations(snapshot: &Snapshot) -> GetOperations {
    let operations = snapshot.agents.values().flat_map(|agent| agent.operations.values());
    GetOperations { operations: operations.map(|operation| v1::Operation::from(&**operation)).collect() }
}
