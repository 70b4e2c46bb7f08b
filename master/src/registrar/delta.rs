//! Changes of the registry: small, typed, and the same on every replica.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use libprocess_wire as wire;
use model::{AgentId, AgentInfo, DrainConfig, MachineId, Quota, Time, Weight, Window};

/// One change of the registry. Carries its own time: applying reads no clock.
///
/// Source: Mesos registry operations; one delta replaces the whole content Mesos would write.
#[wire::part]
#[derive(Clone, Debug, PartialEq)]
pub enum Delta {
    /// A master begins to lead. Its place in the log is its epoch.
    RecordLeader {
        /// The master's id.
        master: String,
        /// Where it listens, `host:port`.
        address: String,
    },
    /// An agent registers for the first time.
    AdmitAgent {
        /// The id given to it.
        id: AgentId,
        /// What it says of itself.
        info: Arc<AgentInfo>,
    },
    /// A known agent came back changed.
    UpdateAgent {
        /// Which.
        id: AgentId,
        /// What it says of itself now.
        info: Arc<AgentInfo>,
    },
    /// An agent unregistered, or another took its place: nothing of it is remembered.
    RemoveAgent {
        /// Which.
        id: AgentId,
    },
    /// An agent stopped answering.
    MarkUnreachable {
        /// Which.
        id: AgentId,
        /// Since when, by the master's clock.
        at: Time,
    },
    /// An agent that was unreachable, or forgotten, is back.
    MarkReachable {
        /// Which.
        id: AgentId,
        /// What it says of itself.
        info: Arc<AgentInfo>,
    },
    /// An operator says the agent will never be back.
    MarkGone {
        /// Which.
        id: AgentId,
        /// When this was said.
        at: Time,
    },
    /// Old entries are forgotten, so that the lists stay bounded.
    Prune {
        /// Ids to drop from the unreachable.
        unreachable: BTreeSet<AgentId>,
        /// Ids to drop from the gone.
        gone: BTreeSet<AgentId>,
    },
    /// Operators weigh roles.
    UpdateWeights {
        /// One per role named; others keep theirs.
        weights: Vec<Weight>,
    },
    /// Operators promise roles resources, or limit them. A quota that does neither is forgotten.
    UpdateQuota {
        /// One per role named; others keep theirs.
        quotas: Vec<Quota>,
    },
    /// Operators plan when machines are away, in place of what was planned.
    UpdateSchedule {
        /// All windows.
        windows: Vec<Window>,
    },
    /// Machines are down.
    StartMaintenance {
        /// Which.
        machines: Vec<MachineId>,
    },
    /// Machines are up again, and no longer planned to be away.
    StopMaintenance {
        /// Which.
        machines: Vec<MachineId>,
    },
    /// An agent is emptied; nothing of it is offered.
    DrainAgent {
        /// Which.
        id: AgentId,
        /// How.
        config: DrainConfig,
    },
    /// An agent that was emptied is empty.
    MarkDrained {
        /// Which.
        id: AgentId,
    },
    /// Nothing of an agent is offered.
    DeactivateAgent {
        /// Which.
        id: AgentId,
    },
    /// An agent is offered again.
    ReactivateAgent {
        /// Which.
        id: AgentId,
    },
}

/// The most that one change takes, and that changes take which are stored together. Unit: bytes. The log takes 4 MiB at once,
/// with what is around them.
pub const CHANGE_MAX: usize = 3 << 20;

/// Why a change does not fit the registry as it is now, or never would.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Admitted before, as something else.
    #[error("agent {0} is already admitted")]
    Known(AgentId),
    /// Neither admitted nor unreachable.
    #[error("agent {0} is not known")]
    Unknown(AgentId),
    /// Marked gone; that is final.
    #[error("agent {0} has been marked gone")]
    Gone(AgentId),
    /// More than is ever stored at once.
    #[error("this change of the registry takes {0} bytes, at most {max} are possible; make it in parts", max = CHANGE_MAX)]
    TooLarge(usize),
}

impl fmt::Display for Delta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Delta::RecordLeader { master, address } => write!(f, "record leader {master} at {address}"),
            Delta::AdmitAgent { id, .. } => write!(f, "admit agent {id}"),
            Delta::UpdateAgent { id, .. } => write!(f, "update agent {id}"),
            Delta::RemoveAgent { id } => write!(f, "remove agent {id}"),
            Delta::MarkUnreachable { id, .. } => write!(f, "mark agent {id} unreachable"),
            Delta::MarkReachable { id, .. } => write!(f, "mark agent {id} reachable"),
            Delta::MarkGone { id, .. } => write!(f, "mark agent {id} gone"),
            Delta::Prune { unreachable, gone } => {
                write!(f, "prune {} unreachable and {} gone agents", unreachable.len(), gone.len())
            }
            Delta::UpdateWeights { weights } => write!(f, "update weights of {} roles", weights.len()),
            Delta::UpdateQuota { quotas } => write!(f, "update quotas of {} roles", quotas.len()),
            Delta::UpdateSchedule { windows } => write!(f, "plan {} maintenance windows", windows.len()),
            Delta::StartMaintenance { machines } => write!(f, "{} machines go down", machines.len()),
            Delta::StopMaintenance { machines } => write!(f, "{} machines come up", machines.len()),
            Delta::DrainAgent { id, .. } => write!(f, "drain agent {id}"),
            Delta::MarkDrained { id } => write!(f, "mark agent {id} drained"),
            Delta::DeactivateAgent { id } => write!(f, "deactivate agent {id}"),
            Delta::ReactivateAgent { id } => write!(f, "reactivate agent {id}"),
        }
    }
}
