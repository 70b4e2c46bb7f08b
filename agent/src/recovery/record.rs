//! What is written down: one fact each, in the order in which they became true.

use std::fmt;

use libprocess_wire as wire;
use model::{
    AgentId, ContainerId, DrainConfig, ExecutorId, ExecutorInfo, FrameworkId, FrameworkInfo, Operation,
    Resources, Task, TaskId, TaskInfo, TaskState, TaskStatus, Time, UpdateId,
};

use super::Known;
use crate::containerizer::{ContainerConfig, Identity};
use crate::state::{Boxed, ContainerEnd, Key};

/// A fact that outlives the agent. Facts of frameworks that do not checkpoint are not written.
///
/// Positions are the format: new facts go to the end.
#[wire::part]
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Record {
    /// The agent was given its id.
    Agent { id: AgentId },
    /// The agent gave its id up.
    Left,
    /// A framework came, or says something else of itself.
    Framework(Box<FrameworkInfo>),
    /// An executor is about to be launched.
    Executor {
        framework: FrameworkId,
        executor: Box<ExecutorInfo>,
        container: ContainerId,
        directory: String,
        generated: bool,
        /// Whether it was given tasks before; in a snapshot.
        used: bool,
    },
    /// Its container exists.
    Held { framework: FrameworkId, executor: ExecutorId, identity: Identity },
    /// It is to be given tasks, together or not at all if they are a group.
    Tasks { framework: FrameworkId, executor: ExecutorId, tasks: Vec<TaskInfo>, group: bool },
    /// It is given the tasks that this one leads.
    Given { framework: FrameworkId, executor: ExecutorId, first: TaskId },
    /// A task it was given, in a snapshot.
    Task { framework: FrameworkId, executor: ExecutorId, task: Box<Task> },
    /// A task has changed.
    Update { framework: FrameworkId, executor: Option<ExecutorId>, status: Box<TaskStatus> },
    /// The scheduler has heard of it.
    Acknowledged { framework: FrameworkId, task: TaskId, uuid: UpdateId },
    /// The executor's container is gone.
    Ended { framework: FrameworkId, executor: ExecutorId },
    /// The framework is gone; nobody is to hear of its tasks.
    FrameworkGone(FrameworkId),
    /// All that is left of a task's updates, in a snapshot.
    Stream {
        framework: FrameworkId,
        task: TaskId,
        executor: Option<ExecutorId>,
        latest: TaskState,
        pending: Vec<TaskStatus>,
        acknowledged: Vec<UpdateId>,
    },
    /// All dynamic reservations and volumes there are.
    Kept(Resources),
    /// An operation came to an end.
    Operation(Box<Operation>),
    /// Whoever asked for it has heard so.
    OperationHeard(UpdateId),
    /// How the agent is being emptied since when, or that it no longer is.
    Drain(Option<(DrainConfig, Time)>),
    /// A container is about to be launched that was asked for over the API.
    Container { id: ContainerId, container: Box<Boxed> },
    /// It exists.
    ContainerHeld { id: ContainerId, identity: Identity },
    /// It ended.
    ContainerEnded { id: ContainerId, end: Box<ContainerEnd> },
    /// Nobody is to hear of it any more.
    ContainerRemoved { id: ContainerId },
    /// What the agent is known as.
    Known(Box<Known>),
    /// All before but what was kept is another agent's: the machine began anew as something else.
    Forgotten,
    /// An executor is on an old driver, which is here; or no longer is.
    Driver { framework: FrameworkId, executor: ExecutorId, pid: Option<String> },
    /// A container that ended had broken a limit; what it used of what was limited.
    ContainerLimited { id: ContainerId, used: Resources },
}

/// What had to wait until something was written down.
#[derive(Clone, Debug)]
pub(crate) enum Durable {
    /// The container may be launched.
    Intent { executor: Key, container: ContainerId },
    /// The program may start.
    Held { container: ContainerId },
    /// The executor may be given the tasks that this one leads.
    Queued { executor: Key, first: TaskId },
    /// The executor may forget the update, and the master may hear it.
    Update { framework: FrameworkId, task: TaskId, uuid: UpdateId },
    /// The containerizer may forget the container.
    Ended { container: ContainerId },
    /// What the operation made may be used, and the master may hear of it.
    Operation { operation: UpdateId },
    /// The container may be launched that was asked for over the API.
    ContainerIntent { id: ContainerId, config: Box<ContainerConfig> },
    /// Whoever waits for it may hear how it ended, and the containerizer may forget it.
    ContainerEnded { id: ContainerId },
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Record::Agent { id } => write!(f, "agent {id}"),
            Record::Left => write!(f, "left"),
            Record::Framework(info) => write!(f, "framework {}", info.name),
            Record::Executor { executor, .. } => write!(f, "executor {}", executor.id),
            Record::Held { executor, .. } => write!(f, "held {executor}"),
            Record::Tasks { tasks, .. } => {
                f.write_str("tasks")?;
                tasks.iter().try_for_each(|task| write!(f, " {}", task.id))
            }
            Record::Given { first, .. } => write!(f, "given {first}"),
            Record::Task { task, .. } => write!(f, "task {}", task.id),
            Record::Update { status, .. } => write!(f, "update {} {}", status.task_id, status.state),
            Record::Acknowledged { task, .. } => write!(f, "acknowledged {task}"),
            Record::Ended { executor, .. } => write!(f, "ended {executor}"),
            Record::FrameworkGone(framework) => write!(f, "framework {framework} gone"),
            Record::Stream { task, .. } => write!(f, "stream {task}"),
            Record::Kept(resources) => write!(f, "kept {resources}"),
            Record::Operation(operation) => f.write_str(operation.conversion.name()),
            Record::OperationHeard(_) => f.write_str("operation heard"),
            Record::Container { id, .. } => write!(f, "container {id}"),
            Record::ContainerHeld { id, .. } => write!(f, "held container {id}"),
            Record::ContainerEnded { id, .. } => write!(f, "ended container {id}"),
            Record::ContainerRemoved { id } => write!(f, "removed container {id}"),
            Record::ContainerLimited { id, .. } => write!(f, "limited container {id}"),
            Record::Known(_) => f.write_str("known"),
            Record::Forgotten => f.write_str("forgotten"),
            Record::Driver { executor, .. } => write!(f, "driver of {executor}"),
            Record::Drain(drain) => f.write_str(if drain.is_some() { "drain" } else { "drained" }),
        }
    }
}

impl fmt::Display for Durable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Durable::Intent { executor, .. } => write!(f, "launch {}", executor.1),
            Durable::Held { .. } => write!(f, "go"),
            Durable::Queued { first, .. } => write!(f, "deliver {first}"),
            Durable::Update { task, .. } => write!(f, "tell of {task}"),
            Durable::Ended { .. } => write!(f, "forget"),
            Durable::ContainerIntent { id, .. } => write!(f, "launch {id}"),
            Durable::ContainerEnded { id } => write!(f, "tell of {id}"),
            Durable::Operation { .. } => write!(f, "tell of operation"),
        }
    }
}
