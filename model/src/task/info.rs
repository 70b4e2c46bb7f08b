//! What a framework asks to run.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use libprocess_wire as wire;

use crate::{
    AgentId, Check, CommandInfo, ContainerInfo, DiscoveryInfo, ExecutorInfo, HealthCheck, Labels, Resources,
    Scalar, TaskId,
};

/// A task to launch: a command, or something for an executor.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskInfo {
    pub name: String,
    pub id: TaskId,
    pub agent_id: AgentId,
    pub resources: Resources,
    pub executor: Option<ExecutorInfo>,
    pub command: Option<CommandInfo>,
    pub container: Option<ContainerInfo>,
    pub health_check: Option<HealthCheck>,
    pub check: Option<Check>,
    pub kill_policy: Option<KillPolicy>,
    /// For the executor alone; empty when absent.
    pub data: Vec<u8>,
    pub labels: Labels,
    pub discovery: Option<DiscoveryInfo>,
    pub max_completion_time: Option<Duration>,
    /// How much more than `resources` may be used for a while, by resource name.
    pub limits: BTreeMap<Arc<str>, Limit>,
}

impl TaskInfo {
    /// A task with only what it must have.
    pub fn new(id: impl Into<TaskId>, agent_id: AgentId, resources: Resources) -> Self {
        let id = id.into();
        Self {
            name: id.to_string(),
            id,
            agent_id,
            resources,
            executor: None,
            command: None,
            container: None,
            health_check: None,
            check: None,
            kill_policy: None,
            data: Vec::new(),
            labels: Labels::default(),
            discovery: None,
            max_completion_time: None,
            limits: BTreeMap::new(),
        }
    }
}

/// How a task wants to be ended.
#[wire::part]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KillPolicy {
    /// Between asking and forcing.
    pub grace_period: Option<Duration>,
}

/// An upper bound of use; memory may have none.
#[wire::part]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Limit {
    Finite(Scalar),
    Infinite,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Limit::Finite(amount) => amount.fmt(f),
            Limit::Infinite => f.write_str("inf"),
        }
    }
}

/// Tasks that start together or not at all, in one executor.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskGroup {
    pub executor: ExecutorInfo,
    pub tasks: Vec<TaskInfo>,
}

/// A task that was asked for in a way that is no task. It must be answered with TASK_ERROR.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct InvalidTask {
    pub task_id: TaskId,
    pub agent_id: AgentId,
    pub message: String,
}

/// A group of which something is no task; every member must be answered with TASK_ERROR.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct InvalidGroup {
    pub tasks: Vec<(TaskId, AgentId)>,
    pub message: String,
}
