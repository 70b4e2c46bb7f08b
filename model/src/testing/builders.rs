//! Values with only what matters said.

use std::time::Duration;

use crate::{
    AgentInfo, Attributes, CommandInfo, ExecutorInfo, ExecutorKind, FrameworkCapabilities,
    FrameworkCapability, FrameworkInfo, Offer, Resources, Role, TaskInfo, TaskState, TaskStatus,
};

/// `resources("cpus:4;mem:1024")`.
pub fn resources(text: &str) -> Resources {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

/// A number of seconds.
pub const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A modern framework: MULTI_ROLE, PARTITION_AWARE, RESERVATION_REFINEMENT, with these roles.
pub fn framework(name: &str, roles: &[&str]) -> FrameworkInfo {
    FrameworkInfo {
        roles: roles.iter().map(|role| Role::from(*role)).collect(),
        capabilities: FrameworkCapabilities::from_iter([
            FrameworkCapability::MultiRole,
            FrameworkCapability::PartitionAware,
            FrameworkCapability::ReservationRefinement,
        ]),
        ..FrameworkInfo::new(name, "root")
    }
}

/// An agent without an id.
pub fn agent(hostname: &str, text: &str) -> AgentInfo {
    AgentInfo {
        id: None,
        hostname: hostname.to_owned(),
        port: 5051,
        resources: resources(text),
        attributes: Attributes::default(),
        domain: None,
    }
}

/// A task that is neither command nor for an executor yet.
pub fn task(id: &str, agent_id: &str, text: &str) -> TaskInfo {
    TaskInfo::new(id, agent_id.into(), resources(text))
}

/// A task that runs a line of shell.
pub fn command_task(id: &str, agent_id: &str, text: &str, line: &str) -> TaskInfo {
    TaskInfo { command: Some(CommandInfo::shell(line)), ..task(id, agent_id, text) }
}

/// A framework's own executor.
pub fn executor(id: &str, text: &str) -> ExecutorInfo {
    ExecutorInfo {
        kind: Some(ExecutorKind::Custom),
        command: Some(CommandInfo::shell("exec ./executor")),
        resources: resources(text),
        ..ExecutorInfo::new(id)
    }
}

/// An offer with resources allocated to its role.
pub fn offer(id: &str, framework_id: &str, agent_id: &str, role: &str, text: &str) -> Offer {
    let role = Role::from(role);
    Offer {
        id: id.into(),
        framework_id: framework_id.into(),
        agent_id: agent_id.into(),
        hostname: agent_id.to_owned(),
        url: None,
        domain: None,
        resources: resources(text).allocate(&role),
        attributes: Attributes::default(),
        executor_ids: Vec::new(),
        unavailability: None,
        role,
    }
}

/// A status with only a state.
pub fn status(task_id: &str, state: TaskState) -> TaskStatus {
    TaskStatus::new(task_id.into(), state)
}
