//! Maintenance: what is planned, and how far it is.

use api::v1::allocator::InverseOfferStatus;
use api::v1::allocator::inverse_offer_status::Status;
use api::v1::maintenance::cluster_status::DrainingMachine;
use api::v1::maintenance::{ClusterStatus, Schedule, Window};
use model::MachineId;

use crate::state::Snapshot;

/// When which machines are away.
pub(crate) fn schedule(snapshot: &Snapshot) -> Schedule {
    let window = |window: &model::Window| Window {
        machine_ids: window.machines.iter().map(Into::into).collect(),
        unavailability: (&window.unavailability).into(),
    };
    Schedule { windows: snapshot.policy.schedule.iter().map(window).collect() }
}

/// Machines that are about to go, with what frameworks on them answered, and machines that are down.
pub(crate) fn status(snapshot: &Snapshot) -> ClusterStatus {
    let machines = || snapshot.policy.schedule.iter().flat_map(|window| &window.machines);
    let down = |machine: &&MachineId| snapshot.policy.down.contains(machine);
    ClusterStatus {
        draining_machines: machines()
            .filter(|machine| !down(machine))
            .map(|machine| DrainingMachine { id: machine.into(), statuses: statuses(snapshot, machine) })
            .collect(),
        down_machines: machines().filter(down).map(Into::into).collect(),
    }
}

fn statuses(snapshot: &Snapshot, machine: &MachineId) -> Vec<InverseOfferStatus> {
    let on = snapshot.inverse_answers.iter().filter(|((agent, _), _)| {
        snapshot
            .agents
            .get(agent)
            .is_some_and(|agent| machine.is(&agent.info.hostname, &agent.upid.address().ip().to_string()))
    });
    on.map(|((_, framework), answered)| InverseOfferStatus {
        status: if answered.accepted { Status::Accept } else { Status::Decline } as i32,
        framework_id: framework.into(),
        timestamp: answered.at.into(),
    })
    .collect()
}
