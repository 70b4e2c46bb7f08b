//! Who runs tasks on an agent.

use std::time::Duration;

use libprocess_wire as wire;

use crate::{CommandInfo, ContainerInfo, DiscoveryInfo, ExecutorId, FrameworkId, Labels, Resources};

/// A process that receives tasks from an agent and reports on them.
#[wire::part]
#[derive(Clone, Debug, PartialEq)]
pub struct ExecutorInfo {
    pub id: ExecutorId,
    pub kind: Option<ExecutorKind>,
    /// Filled in by the master when the framework left it out.
    pub framework_id: Option<FrameworkId>,
    pub command: Option<CommandInfo>,
    /// Few executors have one, and it is large.
    pub container: Option<Box<ContainerInfo>>,
    pub resources: Resources,
    pub name: Option<String>,
    /// Free text shown beside the name; an old field that tools still read.
    pub source: Option<String>,
    /// For the executor alone; empty when absent.
    pub data: Vec<u8>,
    /// As large, and as few.
    pub discovery: Option<Box<DiscoveryInfo>>,
    pub shutdown_grace_period: Option<Duration>,
    pub labels: Labels,
}

impl Eq for ExecutorInfo {}

impl ExecutorInfo {
    /// An executor of which only the name is known.
    pub fn new(id: impl Into<ExecutorId>) -> Self {
        Self {
            id: id.into(),
            kind: None,
            framework_id: None,
            command: None,
            container: None,
            resources: Resources::new(),
            name: None,
            source: None,
            data: Vec::new(),
            discovery: None,
            shutdown_grace_period: None,
            labels: Labels::default(),
        }
    }
}

/// Whose program the executor is.
#[wire::part]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ExecutorKind {
    /// Ours, which runs task groups.
    Default,
    /// The framework's own.
    Custom,
}
