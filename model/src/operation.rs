//! What may be done with offered resources, and how it went.

use std::fmt;

use libprocess_wire as wire;

use crate::{
    AgentId, DiskKind, FrameworkId, InvalidGroup, InvalidTask, OperationId, Resource, ResourceProviderId,
    Resources, Scalar, TaskGroup, TaskInfo, UpdateId,
};

/// One step of an ACCEPT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferOperation {
    /// Present when its framework wants to hear how it went.
    pub id: Option<OperationId>,
    pub kind: OperationKind,
}

/// What the step does. Not a message: tasks travel as tasks, the rest as [`Conversion`]s.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OperationKind {
    /// A member that is no task is answered with TASK_ERROR; the others are launched.
    Launch(Vec<Result<TaskInfo, InvalidTask>>),
    LaunchGroup(Result<TaskGroup, InvalidGroup>),
    Convert(Conversion),
    /// Something that is no operation; answered with OPERATION_ERROR if it has an id.
    Invalid {
        name: &'static str,
        message: String,
    },
}

/// A change of resources into others.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conversion {
    /// Pushes a reservation. `source` is for operators: what is reserved now, if not nothing.
    Reserve {
        source: Resources,
        resources: Resources,
    },
    /// Pops the outermost reservation.
    Unreserve {
        resources: Resources,
    },
    /// Makes persistent volumes of reserved disk.
    Create {
        volumes: Resources,
    },
    /// Makes disk of persistent volumes; their content is lost.
    Destroy {
        volumes: Resources,
    },
    GrowVolume {
        volume: Resource,
        addition: Resource,
    },
    ShrinkVolume {
        volume: Resource,
        subtract: Scalar,
    },
    /// Makes a mounted or block disk of raw storage.
    CreateDisk {
        source: Resource,
        target: DiskKind,
        profile: Option<String>,
    },
    DestroyDisk {
        source: Resource,
    },
}

impl OperationKind {
    /// The public name.
    pub const fn name(&self) -> &'static str {
        match self {
            OperationKind::Launch(_) => "LAUNCH",
            OperationKind::LaunchGroup(_) => "LAUNCH_GROUP",
            OperationKind::Convert(conversion) => conversion.name(),
            OperationKind::Invalid { name, .. } => name,
        }
    }
}

impl Conversion {
    /// The public name.
    pub const fn name(&self) -> &'static str {
        match self {
            Conversion::Reserve { .. } => "RESERVE",
            Conversion::Unreserve { .. } => "UNRESERVE",
            Conversion::Create { .. } => "CREATE",
            Conversion::Destroy { .. } => "DESTROY",
            Conversion::GrowVolume { .. } => "GROW_VOLUME",
            Conversion::ShrinkVolume { .. } => "SHRINK_VOLUME",
            Conversion::CreateDisk { .. } => "CREATE_DISK",
            Conversion::DestroyDisk { .. } => "DESTROY_DISK",
        }
    }

    /// Whether the master may count with the result before the agent has confirmed it.
    pub const fn is_speculative(&self) -> bool {
        matches!(
            self,
            Conversion::Reserve { .. }
                | Conversion::Unreserve { .. }
                | Conversion::Create { .. }
                | Conversion::Destroy { .. }
        )
    }
}

/// How an operation stands.
#[wire::part]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OperationState {
    Unsupported,
    Pending,
    Finished,
    Failed,
    Error,
    Dropped,
    Unreachable,
    GoneByOperator,
    Recovering,
    Unknown,
}

impl OperationState {
    pub const ALL: [OperationState; 10] = [
        OperationState::Unsupported,
        OperationState::Pending,
        OperationState::Finished,
        OperationState::Failed,
        OperationState::Error,
        OperationState::Dropped,
        OperationState::Unreachable,
        OperationState::GoneByOperator,
        OperationState::Recovering,
        OperationState::Unknown,
    ];

    /// The public name.
    pub const fn name(self) -> &'static str {
        match self {
            OperationState::Unsupported => "OPERATION_UNSUPPORTED",
            OperationState::Pending => "OPERATION_PENDING",
            OperationState::Finished => "OPERATION_FINISHED",
            OperationState::Failed => "OPERATION_FAILED",
            OperationState::Error => "OPERATION_ERROR",
            OperationState::Dropped => "OPERATION_DROPPED",
            OperationState::Unreachable => "OPERATION_UNREACHABLE",
            OperationState::GoneByOperator => "OPERATION_GONE_BY_OPERATOR",
            OperationState::Recovering => "OPERATION_RECOVERING",
            OperationState::Unknown => "OPERATION_UNKNOWN",
        }
    }

    /// Whether it will never change again.
    pub const fn is_terminal(self) -> bool {
        matches!(
            self,
            OperationState::Finished
                | OperationState::Failed
                | OperationState::Error
                | OperationState::Dropped
                | OperationState::GoneByOperator
        )
    }
}

impl fmt::Display for OperationState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What somebody says about an operation at one moment.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationStatus {
    pub operation_id: Option<OperationId>,
    pub state: OperationState,
    pub message: Option<String>,
    pub converted: Resources,
    /// Present when the update must be acknowledged.
    pub uuid: Option<UpdateId>,
    pub agent_id: Option<AgentId>,
    pub resource_provider_id: Option<ResourceProviderId>,
}

impl OperationStatus {
    /// A status with only what it must have.
    pub fn new(operation_id: Option<OperationId>, state: OperationState) -> Self {
        Self {
            operation_id,
            state,
            message: None,
            converted: Resources::new(),
            uuid: None,
            agent_id: None,
            resource_provider_id: None,
        }
    }
}

/// The record kept of an operation.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Absent when an operator asked.
    pub framework_id: Option<FrameworkId>,
    pub agent_id: Option<AgentId>,
    pub id: Option<OperationId>,
    pub conversion: Conversion,
    pub latest_status: OperationStatus,
    pub statuses: Vec<OperationStatus>,
    /// Its own name between master and agent.
    pub uuid: UpdateId,
}
