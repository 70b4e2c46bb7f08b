//! A master has resources converted.

use std::sync::Arc;

use model::messages::ApplyOperation;
use model::{Conversion, Operation, OperationState, OperationStatus, Resources, UpdateId};

use super::outcome::{Outcome, tell};
use super::volumes;
use crate::effects::{Effect, Effects};
use crate::recovery::{Durable, Record};
use crate::state::State;

/// Converts what the agent has. What it does not have is not converted, and the operation is dropped: this master counted
/// on something that never came about.
///
/// An operation that was heard before is told of again.
/// Source: Mesos agent, offer operations.
pub(crate) fn apply(state: &mut State, message: ApplyOperation) -> Effects {
    let ApplyOperation { framework_id, operation_id, conversion, uuid, .. } = message;
    if let Some(known) = state.operations.get_mut(&uuid) {
        Arc::make_mut(known).sent = false;
        return tell(state, uuid);
    }
    let mut status = OperationStatus::new(operation_id.clone(), OperationState::Finished);
    match converted(&state.total, &conversion) {
        Ok(total) => state.total = total,
        Err(why) => {
            tracing::warn!(operation = conversion.name(), why, "operation dropped");
            status.state = OperationState::Dropped;
            status.message = Some(why);
        }
    }
    status.uuid = Some(state.ids.update());
    status.agent_id = state.id.clone();
    let operation = Operation {
        framework_id,
        agent_id: state.id.clone(),
        id: operation_id,
        conversion,
        latest_status: status.clone(),
        statuses: vec![status],
        uuid,
    };
    let records = vec![Record::Kept(state.total.kept()), Record::Operation(Box::new(operation.clone()))];
    state.operations.insert(uuid, Arc::new(Outcome::new(operation)));
    vec![Effect::Record { records, then: vec![Durable::Operation { operation: uuid }] }]
}

/// Agents count what they have without the role it is allocated to.
fn converted(total: &Resources, conversion: &Conversion) -> Result<Resources, String> {
    let (goes, comes) = conversion.exchange().map_err(|why| why.to_string())?;
    total.replace(&goes.unallocate(), comes.unallocate()).map_err(|why| why.to_string())
}

/// The outcome is on disk: volumes come and go, and the master may hear of it.
pub(crate) fn durable(state: &mut State, uuid: UpdateId) -> Effects {
    let Some(outcome) = state.operations.get_mut(&uuid).map(Arc::make_mut) else { return Effects::new() };
    outcome.durable = true;
    let mut effects = Effects::new();
    if outcome.operation.latest_status.state == OperationState::Finished {
        let layout = &state.settings.layout;
        match &outcome.operation.conversion {
            Conversion::Create { volumes } => {
                let places = volumes::places(layout, volumes);
                effects.extend(places.into_iter().map(|place| Effect::MakeVolume { place, fresh: true }));
            }
            Conversion::Destroy { volumes } => {
                effects.extend(volumes::places(layout, volumes).into_iter().map(Effect::RemoveVolume));
            }
            _ => {}
        }
    }
    effects.extend(tell(state, uuid));
    effects
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
        assert!(told.contains(&"make volume /w/volumes/roles/web/v".to_owned()), "{told:?}");

        let mut task = command_task("t");
        task.resources += volume("v", 64).allocate(&"web".into());
        world.run(task, true);
        let told = world.launched("t");
        assert!(told.iter().any(|line| line.starts_with("link 1 volumes into /w/slaves/S0/")), "{told:?}");

        let told = apply(&mut world, Conversion::Destroy { volumes: volume("v", 64) }, 3);
        assert!(told.contains(&"remove volume /w/volumes/roles/web/v".to_owned()), "{told:?}");
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
