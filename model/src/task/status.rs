//! One report on a task.

use libprocess_wire as wire;

use super::{StatusReason, StatusSource, TaskState};
use crate::{AgentId, CheckStatus, ContainerStatus, ExecutorId, Labels, Resources, TaskId, Time, UpdateId};

/// What somebody says about a task at one moment.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskStatus {
    pub task_id: TaskId,
    pub state: TaskState,
    pub message: Option<String>,
    pub source: Option<StatusSource>,
    pub reason: Option<StatusReason>,
    /// From the executor to the scheduler; empty when absent.
    pub data: Vec<u8>,
    pub agent_id: Option<AgentId>,
    pub executor_id: Option<ExecutorId>,
    pub timestamp: Option<Time>,
    /// Present when the update must be acknowledged.
    pub uuid: Option<UpdateId>,
    /// Present when a health check has said something.
    pub healthy: Option<bool>,
    pub check_status: Option<CheckStatus>,
    pub labels: Labels,
    pub container_status: Option<ContainerStatus>,
    /// Since when its agent is out of reach.
    pub unreachable_time: Option<Time>,
    /// What was exceeded, when a limit ended it.
    pub limitation: Option<Resources>,
}

impl TaskStatus {
    /// A status with only what it must have.
    pub fn new(task_id: TaskId, state: TaskState) -> Self {
        Self {
            task_id,
            state,
            message: None,
            source: None,
            reason: None,
            data: Vec::new(),
            agent_id: None,
            executor_id: None,
            timestamp: None,
            uuid: None,
            healthy: None,
            check_status: None,
            labels: Labels::default(),
            container_status: None,
            unreachable_time: None,
            limitation: None,
        }
    }
}
