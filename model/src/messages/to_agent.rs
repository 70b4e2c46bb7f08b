//! What an agent hears from its master.

use std::net::SocketAddr;
use std::time::Duration;

use libprocess_wire as wire;

use crate::{
    AgentId, Conversion, DrainConfig, ExecutorId, ExecutorInfo, FrameworkId, FrameworkInfo, KillPolicy,
    OperationId, TaskId, TaskInfo, UpdateId,
};

/// The agent is known, under this id.
#[wire::message(name = "master.registered", version = 1)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    pub epoch: u64,
    pub agent_id: AgentId,
    /// Without a ping for this long, the agent looks for its master again.
    pub ping_timeout: Duration,
}

/// The agent is known again.
#[wire::message(name = "master.reregistered", version = 1)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reregistered {
    pub epoch: u64,
    pub agent_id: AgentId,
    /// Without a ping for this long, the agent looks for its master again.
    pub ping_timeout: Duration,
    /// Tasks the master knows and the agent did not name; it reports on each.
    pub reconcile: Vec<(FrameworkId, TaskId)>,
    /// Operations of which the same is true.
    pub reconcile_operations: Vec<UpdateId>,
    /// How the agent is to be emptied, if it is.
    pub drain: Option<DrainConfig>,
}

/// Are you there?
#[wire::message(name = "master.ping", version = 1)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ping {
    pub epoch: u64,
    /// Whether the master counts the agent as connected; if not, it registers again.
    pub connected: bool,
}

/// Run a task.
#[wire::message(name = "master.run_task", version = 1)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunTask {
    pub epoch: u64,
    pub framework: FrameworkInfo,
    pub task: TaskInfo,
    /// Whether the master counts the executor as new. The agent drops the task if it knows better.
    pub launch_executor: bool,
}

/// Run tasks together or not at all.
#[wire::message(name = "master.run_task_group", version = 1)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunTaskGroup {
    pub epoch: u64,
    pub framework: FrameworkInfo,
    pub executor: ExecutorInfo,
    pub tasks: Vec<TaskInfo>,
    /// Whether the master counts the executor as new. The agent drops the tasks if it knows better.
    pub launch_executor: bool,
}

/// End a task.
#[wire::message(name = "master.kill_task", version = 1)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KillTask {
    pub epoch: u64,
    pub framework_id: FrameworkId,
    pub task_id: TaskId,
    /// Instead of the task's own.
    pub kill_policy: Option<KillPolicy>,
}

/// End an executor and all its tasks.
#[wire::message(name = "master.shutdown_executor", version = 1)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShutdownExecutor {
    pub epoch: u64,
    pub framework_id: FrameworkId,
    pub executor_id: ExecutorId,
}

/// End all a framework runs here.
#[wire::message(name = "master.shutdown_framework", version = 1)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShutdownFramework {
    pub epoch: u64,
    pub framework_id: FrameworkId,
}

/// Bytes from a scheduler to its executor, as well as can be.
#[wire::message(name = "master.framework_message", version = 1)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameworkMessage {
    pub epoch: u64,
    pub framework_id: FrameworkId,
    pub executor_id: ExecutorId,
    pub data: Vec<u8>,
}

/// The scheduler has heard this update; the next of its task may go.
#[wire::message(name = "master.acknowledge", version = 1)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcknowledgeStatus {
    pub epoch: u64,
    pub framework_id: FrameworkId,
    pub task_id: TaskId,
    pub uuid: UpdateId,
}

/// What a framework says of itself has changed.
#[wire::message(name = "master.update_framework", version = 1)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateFramework {
    pub epoch: u64,
    pub framework: FrameworkInfo,
}

/// Stop; the agent may not come back under its id.
#[wire::message(name = "master.shutdown_agent", version = 1)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShutdownAgent {
    pub epoch: u64,
    /// Why, for the log.
    pub message: String,
}

/// Convert resources. The answer is an [`UpdateOperation`](super::UpdateOperation), sent until acknowledged.
#[wire::message(name = "master.apply_operation", version = 1)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplyOperation {
    pub epoch: u64,
    /// Absent when an operator asked.
    pub framework_id: Option<FrameworkId>,
    /// Present when the framework wants to hear how it went.
    pub operation_id: Option<OperationId>,
    pub conversion: Conversion,
    /// The operation's own name.
    pub uuid: UpdateId,
}

/// Whoever asked for the operation has heard how it went, or nobody is there to hear it.
#[wire::message(name = "master.acknowledge_operation", version = 1)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcknowledgeOperation {
    pub epoch: u64,
    pub operation: UpdateId,
}

/// End all tasks; new ones are not taken until the agent is empty.
#[wire::message(name = "master.drain_agent", version = 1)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrainAgent {
    pub epoch: u64,
    pub config: DrainConfig,
}

/// The master that was asked does not lead. This says who does, as far as it knows; if nobody does, it says so again
/// once somebody does.
#[wire::message(name = "master.leader", version = 1)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaderIs {
    pub leader: Option<SocketAddr>,
}
