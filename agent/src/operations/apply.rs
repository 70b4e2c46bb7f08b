//! A master has resources converted.

use std::sync::Arc;

use model::messages::ApplyOperation;
use model::{Conversion, Operation, OperationState, OperationStatus, Resources, UpdateId};

use super::outcome::{Outcome, tell};
use super::work::{self, Step, Work};
use crate::effects::{Effect, Effects};
use crate::recovery::{Durable, Record};
use crate::state::State;

/// Converts what the agent has; volumes once there are directories for them. What it does not have is not converted, and the
/// operation is dropped: this master counted on something that never came about.
///
/// An operation that was heard before is told of again.
/// Source: Mesos agent, offer operations.
pub(crate) fn apply(state: &mut State, message: ApplyOperation) -> Effects {
    let uuid = message.uuid;
    if let Some(known) = state.operations.get_mut(&uuid) {
        Arc::make_mut(known).sent = false;
        return tell(state, uuid);
    }
    let overfull = work::overfull(state).map_or(Ok(()), Err);
    if let Err(why) = overfull.and_then(|()| converted(&state.total, &message.conversion).map(drop)) {
        tracing::warn!(operation = message.conversion.name(), why, "operation dropped");
        return record(state, message, OperationState::Dropped, Some(why));
    }
    match &message.conversion {
        Conversion::Create { .. } => {
            let make = Effect::MakeVolumes(work::places(state, &message.conversion));
            state.work = Some(Work::new(Step::Making(Box::new(message))));
            vec![make]
        }
        Conversion::Destroy { .. } => {
            state.work = Some(Work::new(Step::Removing(uuid)));
            record(state, message, OperationState::Pending, None)
        }
        _ => record(state, message, OperationState::Finished, None),
    }
}

/// Agents count what they have without the role it is allocated to.
fn converted(total: &Resources, conversion: &Conversion) -> Result<Resources, String> {
    let (goes, comes) = conversion.exchange().map_err(|why| why.to_string())?;
    total.replace(&goes.unallocate(), comes.unallocate()).map_err(|why| why.to_string())
}

/// Writes down what comes of an operation that was just heard; what it converts is converted if it is done, or will be.
pub(super) fn record(
    state: &mut State,
    message: ApplyOperation,
    into: OperationState,
    why: Option<String>,
) -> Effects {
    let ApplyOperation { framework_id, operation_id, conversion, uuid, .. } = message;
    if matches!(into, OperationState::Finished | OperationState::Pending) {
        state.total =
            converted(&state.total, &conversion).expect("it was tried, and nothing was converted since");
    }
    let mut operation = Operation {
        framework_id,
        agent_id: state.id.clone(),
        latest_status: OperationStatus::new(operation_id.clone(), OperationState::Pending),
        id: operation_id,
        conversion,
        statuses: Vec::new(),
        uuid,
    };
    operation.latest_status.agent_id = operation.agent_id.clone();
    if into != OperationState::Pending {
        end(state, &mut operation, into, why);
    }
    let kept = Record::Kept(state.total.kept());
    let records = vec![kept, Record::Operation(Box::new(operation.clone()))];
    state.operations.insert(uuid, Arc::new(Outcome::new(operation)));
    vec![Effect::Record { records, then: vec![Durable::Operation { operation: uuid }] }]
}

/// Writes down what came of a DESTROY that was on disk before. Where its volumes cannot be removed, they are there still.
pub(super) fn conclude(state: &mut State, uuid: UpdateId, why: Option<String>) -> Effects {
    let Some(outcome) = state.operations.get(&uuid) else { return Effects::new() };
    let mut operation = outcome.operation.clone();
    let mut records = Vec::new();
    let mut into = OperationState::Finished;
    if why.is_some() {
        into = OperationState::Failed;
        let (volumes, disk) = operation.conversion.exchange().expect("it was converted before");
        let total = state.total.replace(&disk.unallocate(), volumes.unallocate());
        state.total = total.expect("nothing was converted since");
        records.push(Record::Kept(state.total.kept()));
    }
    end(state, &mut operation, into, why);
    records.push(Record::Operation(Box::new(operation.clone())));
    state.operations.insert(uuid, Arc::new(Outcome::new(operation)));
    vec![Effect::Record { records, then: vec![Durable::Operation { operation: uuid }] }]
}

fn end(state: &mut State, operation: &mut Operation, into: OperationState, why: Option<String>) {
    let status = &mut operation.latest_status;
    (status.state, status.message, status.uuid) = (into, why, Some(state.ids.update()));
    operation.statuses.push(status.clone());
}

/// The operation is on disk, and so is its outcome if there is one: then the master may hear of it.
pub(crate) fn durable(state: &mut State, uuid: UpdateId) -> Effects {
    let Some(outcome) = state.operations.get_mut(&uuid).map(Arc::make_mut) else { return Effects::new() };
    if outcome.is_pending() {
        return work::remove(state, uuid).into_iter().collect();
    }
    outcome.durable = true;
    tell(state, uuid)
}

#[cfg(test)]
mod tests {
    use model::messages::ApplyOperation;
    use model::{Conversion, Resources, UpdateId};

    use crate::messages::FromMaster;
    use crate::testing::{EPOCH, World, command_task, volume};

    fn apply(world: &mut World, conversion: Conversion, number: u8) -> Vec<String> {
        world.master(FromMaster::Apply(Box::new(ApplyOperation {
            epoch: EPOCH,
            framework_id: Some("f".into()),
            operation_id: Some("o".into()),
            conversion,
            uuid: UpdateId::from_bytes([number; 16]),
        })))
    }

    fn reserve() -> Conversion {
        let resources = "disk(reservations: [(DYNAMIC,web)]):64".parse().unwrap();
        Conversion::Reserve { source: Resources::new(), resources }
    }

    #[test]
    fn what_is_converted_is_on_disk_before_the_master_hears_of_it() {
        let mut world = World::registered();
        world.hold_disk();
        let told = apply(&mut world, reserve(), 1);
        assert_eq!(
            told,
            ["record kept disk(reservations: [(DYNAMIC,web)]):64, RESERVE; then tell of operation"]
        );
        let told = world.sync();
        assert_eq!(told[0], "to master: operation RESERVE OPERATION_FINISHED");
        assert!(told[1].starts_with("wake after 10s: RetryOperation"), "{told:?}");
    }

    #[test]
    fn what_the_agent_does_not_have_is_not_converted() {
        let mut world = World::registered();
        let before = world.state.total.clone();
        let resources: Resources = "disk(reservations: [(DYNAMIC,web)]):64".parse().unwrap();
        let told = apply(&mut world, Conversion::Unreserve { resources }, 1).join("\n");
        assert!(told.contains("to master: operation UNRESERVE OPERATION_DROPPED"), "{told}");
        assert_eq!(world.state.total, before);
    }

    #[test]
    fn a_volume_is_a_directory_that_its_tasks_see() {
        let mut world = World::registered();
        apply(&mut world, reserve(), 1);
        let told = apply(&mut world, Conversion::Create { volumes: volume("v", 64) }, 2);
        assert!(told.contains(&"make volumes /w/volumes/roles/web/v".to_owned()), "{told:?}");

        let mut task = command_task("t");
        task.resources += volume("v", 64).allocate(&"web".into());
        world.run(task, true);
        let told = world.launched("t");
        assert!(told.iter().any(|line| line.starts_with("link 1 volumes into /w/slaves/S0/")), "{told:?}");

        let told = apply(&mut world, Conversion::Destroy { volumes: volume("v", 64) }, 3);
        assert!(told.contains(&"remove volumes /w/volumes/roles/web/v".to_owned()), "{told:?}");
    }

    #[test]
    fn a_restarted_agent_has_what_it_had_and_tells_what_was_not_heard() {
        let mut world = World::registered();
        apply(&mut world, reserve(), 1);
        let total = world.state.total.clone();
        let mut world = world.restart();
        assert_eq!(world.state.total, total);
        let told = world.recovered_and_registered().join("\n");
        assert!(told.contains("to master: operation RESERVE OPERATION_FINISHED"), "{told}");
        let told = world.master(FromMaster::AcknowledgeOperation(model::messages::AcknowledgeOperation {
            epoch: EPOCH,
            operation: UpdateId::from_bytes([1; 16]),
        }));
        assert_eq!(told, ["record operation heard"]);
        assert!(world.state.operations.is_empty());
    }
}
