//! What operators have decreed of roles, machines and agents. The master keeps the same, and changes it the same way.

use std::collections::{BTreeMap, BTreeSet};

use libprocess_wire as wire;
use model::{
    AgentId, AgentInfo, DrainInfo, DrainState, MachineId, MachineMode, Quota, Role, Unavailability, Window,
};

use super::delta::Delta;

/// Decrees that outlive a master.
#[wire::part]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Policy {
    /// Roles that are promised something, or limited.
    pub quotas: BTreeMap<Role, Quota>,
    /// When which machines are away.
    pub schedule: Vec<Window>,
    /// Machines of the schedule that are down.
    pub down: BTreeSet<MachineId>,
    /// Agents that are emptied, or are empty.
    pub drains: BTreeMap<AgentId, DrainInfo>,
    /// Agents of which nothing is offered.
    pub deactivated: BTreeSet<AgentId>,
}

impl Policy {
    /// The policy after a change; a change of something else leaves it as it is.
    pub fn after(&self, delta: &Delta) -> Policy {
        let mut policy = self.clone();
        match delta {
            Delta::UpdateQuota { quotas } => {
                for quota in quotas {
                    match quota.guarantees.is_empty() && quota.limits.is_empty() {
                        true => drop(policy.quotas.remove(&quota.role)),
                        false => drop(policy.quotas.insert(quota.role.clone(), quota.clone())),
                    }
                }
            }
            Delta::UpdateSchedule { windows } => {
                policy.schedule = windows.clone();
                let planned =
                    |machine: &MachineId| windows.iter().any(|window| window.machines.contains(machine));
                policy.down.retain(planned);
            }
            Delta::StartMaintenance { machines } => policy.down.extend(machines.iter().cloned()),
            Delta::StopMaintenance { machines } => {
                policy.down.retain(|machine| !machines.contains(machine));
                for window in &mut policy.schedule {
                    window.machines.retain(|machine| !machines.contains(machine));
                }
                policy.schedule.retain(|window| !window.machines.is_empty());
            }
            Delta::DrainAgent { id, config } => {
                let info = DrainInfo { state: DrainState::Draining, config: *config };
                policy.drains.insert(id.clone(), info);
                policy.deactivated.insert(id.clone());
            }
            Delta::MarkDrained { id } => {
                if let Some(drain) = policy.drains.get_mut(id) {
                    drain.state = DrainState::Drained;
                }
            }
            Delta::DeactivateAgent { id } => drop(policy.deactivated.insert(id.clone())),
            Delta::ReactivateAgent { id } | Delta::RemoveAgent { id } | Delta::MarkGone { id, .. } => {
                policy.drains.remove(id);
                policy.deactivated.remove(id);
            }
            Delta::Prune { unreachable, .. } => {
                policy.drains.retain(|id, _| !unreachable.contains(id));
                policy.deactivated.retain(|id| !unreachable.contains(id));
            }
            Delta::RecordLeader { .. }
            | Delta::AdmitAgent { .. }
            | Delta::UpdateAgent { .. }
            | Delta::MarkUnreachable { .. }
            | Delta::MarkReachable { .. }
            | Delta::UpdateWeights { .. } => {}
        }
        policy
    }

    /// Whether an agent is being emptied just now.
    pub fn draining(&self, id: &AgentId) -> Option<&DrainInfo> {
        self.drains.get(id).filter(|drain| drain.state == DrainState::Draining)
    }

    /// When the machine an agent is on is away.
    pub fn unavailability(&self, info: &AgentInfo, ip: &str) -> Option<Unavailability> {
        let here = |machine: &MachineId| machine.is(&info.hostname, ip);
        let window = self.schedule.iter().find(|window| window.machines.iter().any(here))?;
        Some(window.unavailability)
    }

    /// Where a machine of the schedule stands; `None` for any other.
    pub fn mode(&self, machine: &MachineId) -> Option<MachineMode> {
        let planned = self.schedule.iter().any(|window| window.machines.contains(machine));
        match self.down.contains(machine) {
            true => Some(MachineMode::Down),
            false => planned.then_some(MachineMode::Draining),
        }
    }

    /// Whether the machine is down.
    pub fn is_down(&self, hostname: &str, ip: &str) -> bool {
        self.down.iter().any(|machine| machine.is(hostname, ip))
    }
}
