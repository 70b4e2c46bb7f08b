//! What a master hears from agents.

use libprocess_wire as wire;

use crate::{
    AgentCapabilities, AgentId, AgentInfo, ExecutorId, ExecutorInfo, FrameworkId, FrameworkInfo, Operation,
    OperationStatus, Resources, Task, TaskState, TaskStatus, UpdateId,
};

/// An agent that has no id yet asks for one. Sent again until answered.
#[wire::message(name = "agent.register", version = 1)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisterAgent {
    /// What it is; `id` is absent.
    pub info: AgentInfo,
    /// Its version: three integers.
    pub version: String,
    pub capabilities: AgentCapabilities,
    /// What operations of an earlier life have made of its resources.
    pub total: Resources,
}

/// An agent that has an id comes to this master, with all it runs. Sent again until answered.
#[wire::message(name = "agent.reregister", version = 1)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReregisterAgent {
    /// What it is; `id` is present.
    pub info: AgentInfo,
    /// Its version: three integers.
    pub version: String,
    pub capabilities: AgentCapabilities,
    /// The frameworks whose tasks or executors it holds.
    pub frameworks: Vec<FrameworkInfo>,
    /// Executors whose container is not gone, without the generated ones of command tasks.
    pub executors: Vec<RunningExecutor>,
    /// Tasks that are not finished, or whose last update is not acknowledged.
    pub tasks: Vec<Task>,
    /// What operations have made of its resources.
    pub total: Resources,
    /// Operations whose outcome is not acknowledged.
    pub operations: Vec<Operation>,
}

/// An executor on an agent.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningExecutor {
    pub framework_id: FrameworkId,
    pub executor: ExecutorInfo,
}

/// An agent leaves for good.
#[wire::message(name = "agent.unregister", version = 1)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnregisterAgent {
    pub agent_id: AgentId,
}

/// A status update on its way to the scheduler. Sent again until acknowledged.
#[wire::message(name = "agent.update", version = 1)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateStatus {
    pub framework_id: FrameworkId,
    pub agent_id: AgentId,
    /// The oldest update of its task that is not acknowledged; its uuid is present.
    pub status: TaskStatus,
    /// The newest state the agent knows, which may be further on than the update.
    pub latest_state: TaskState,
}

/// An executor's container is gone.
#[wire::message(name = "agent.executor_exited", version = 1)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecutorExited {
    pub framework_id: FrameworkId,
    pub agent_id: AgentId,
    pub executor_id: ExecutorId,
    /// The wait status as the kernel gives it; -1 if nobody knows.
    pub status: i32,
}

/// Bytes from an executor to its scheduler, as well as can be.
#[wire::message(name = "agent.executor_message", version = 1)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecutorMessage {
    pub framework_id: FrameworkId,
    pub agent_id: AgentId,
    pub executor_id: ExecutorId,
    pub data: Vec<u8>,
}

/// The answer to a ping.
#[wire::message(name = "agent.pong", version = 1)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pong {
    pub agent_id: AgentId,
}

/// All that may be given to tasks which can be ended for it. Said again whenever it changes, and to each master anew.
#[wire::message(name = "agent.oversubscribed", version = 1)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Oversubscribed {
    pub agent_id: AgentId,
    /// In all, with what such tasks have.
    pub revocable: Resources,
}

/// How an operation went, as it was told before what an agent has instead could be said with it.
#[wire::message(name = "agent.update_operation", version = 1)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateOperationV1 {
    pub agent_id: AgentId,
    pub operation: UpdateId,
    pub status: OperationStatus,
}

/// How an operation went. Sent again until acknowledged.
#[wire::message(name = "agent.update_operation", version = 2, was = UpdateOperationV1)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateOperation {
    pub agent_id: AgentId,
    /// The operation's own name, as the master gave it.
    pub operation: UpdateId,
    /// Its uuid is present.
    pub status: OperationStatus,
    /// Present when the operation did not come about, so that a master that counted on it learns what there is instead.
    pub instead: Option<Instead>,
}

/// What an agent has, and which operations that comes of.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instead {
    pub total: Resources,
    /// Those the agent has heard of and not been told that they were heard of. Earlier ones are in the total; whatever else
    /// the master has asked for has yet to reach the agent.
    pub operations: Vec<Operation>,
}

impl From<UpdateOperationV1> for UpdateOperation {
    fn from(UpdateOperationV1 { agent_id, operation, status }: UpdateOperationV1) -> Self {
        Self { agent_id, operation, status, instead: None }
    }
}

impl From<&UpdateOperation> for UpdateOperationV1 {
    fn from(new: &UpdateOperation) -> Self {
        Self { agent_id: new.agent_id.clone(), operation: new.operation, status: new.status.clone() }
    }
}
