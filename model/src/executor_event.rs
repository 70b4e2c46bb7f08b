//! What an executor is told.

use crate::{AgentInfo, ContainerId, ExecutorInfo, FrameworkInfo, KillPolicy, TaskId, TaskInfo, UpdateId};

/// An event on an executor's stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExecutorEvent {
    Subscribed {
        executor: Box<ExecutorInfo>,
        framework: Box<FrameworkInfo>,
        agent: Box<AgentInfo>,
        container_id: Option<ContainerId>,
    },
    Launch(Box<TaskInfo>),
    LaunchGroup(Vec<TaskInfo>),
    Kill {
        task_id: TaskId,
        kill_policy: Option<KillPolicy>,
    },
    /// The agent has this update on disk.
    Acknowledged {
        task_id: TaskId,
        uuid: UpdateId,
    },
    Message {
        data: Vec<u8>,
    },
    Error {
        message: String,
    },
    Shutdown,
    Heartbeat,
}

impl ExecutorEvent {
    /// The public name.
    pub const fn name(&self) -> &'static str {
        match self {
            ExecutorEvent::Subscribed { .. } => "SUBSCRIBED",
            ExecutorEvent::Launch(_) => "LAUNCH",
            ExecutorEvent::LaunchGroup(_) => "LAUNCH_GROUP",
            ExecutorEvent::Kill { .. } => "KILL",
            ExecutorEvent::Acknowledged { .. } => "ACKNOWLEDGED",
            ExecutorEvent::Message { .. } => "MESSAGE",
            ExecutorEvent::Error { .. } => "ERROR",
            ExecutorEvent::Shutdown => "SHUTDOWN",
            ExecutorEvent::Heartbeat => "HEARTBEAT",
        }
    }
}
