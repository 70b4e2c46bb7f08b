//! The record a master or agent keeps of a task.

use std::{collections::BTreeMap, sync::Arc};

use libprocess_wire as wire;

use super::{KillPolicy, Limit, TaskInfo, TaskState, TaskStatus};
use crate::{
    AgentId, ContainerInfo, DiscoveryInfo, ExecutorId, FrameworkId, HealthCheck, Labels, Resources, Role,
    TaskId, UpdateId,
};

/// A task as it is known, without what only its executor needs.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    pub name: String,
    pub id: TaskId,
    pub framework_id: FrameworkId,
    /// `None` for a command task, whose executor is the agent's affair.
    pub executor_id: Option<ExecutorId>,
    pub agent_id: AgentId,
    /// The newest state known.
    pub state: TaskState,
    pub resources: Resources,
    /// One per change of state, oldest first; the last of equal states stays.
    pub statuses: Vec<TaskStatus>,
    /// The state of the last update that was forwarded to the framework.
    pub status_update_state: Option<TaskState>,
    /// The id of that update, which its acknowledgement must name.
    pub status_update_uuid: Option<UpdateId>,
    pub labels: Labels,
    /// Few tasks have these three, and they are large.
    pub discovery: Option<Box<DiscoveryInfo>>,
    pub container: Option<Box<ContainerInfo>>,
    pub health_check: Option<Box<HealthCheck>>,
    pub kill_policy: Option<KillPolicy>,
    /// Who runs it, when the task itself says so.
    pub user: Option<String>,
    pub limits: BTreeMap<Arc<str>, Limit>,
}

impl Task {
    /// The record of a task just accepted.
    pub fn staging(info: &TaskInfo, framework_id: FrameworkId) -> Self {
        let command = info.command.as_ref().or(info.executor.as_ref().and_then(|e| e.command.as_ref()));
        Self {
            name: info.name.clone(),
            id: info.id.clone(),
            framework_id,
            executor_id: info.executor.as_ref().map(|executor| executor.id.clone()),
            agent_id: info.agent_id.clone(),
            state: TaskState::Staging,
            resources: info.resources.clone(),
            statuses: Vec::new(),
            status_update_state: None,
            status_update_uuid: None,
            labels: info.labels.clone(),
            discovery: info.discovery.clone().map(Box::new),
            container: info.container.clone().map(Box::new),
            health_check: info.health_check.clone().map(Box::new),
            kill_policy: info.kill_policy,
            user: command.and_then(|command| command.user.clone()),
            limits: info.limits.clone(),
        }
    }

    /// The role its resources were allocated to.
    pub fn role(&self) -> Option<&Role> {
        self.resources.iter().find_map(|resource| resource.allocation.as_ref())
    }

    /// Keeps a status: one per change of state, without its data.
    ///
    /// Source: Mesos task states and reasons.
    pub fn push_status(&mut self, status: &TaskStatus) {
        if self.statuses.last().is_some_and(|last| last.state == status.state) {
            self.statuses.pop();
        }
        let mut kept = status.clone();
        kept.data = Vec::new();
        // Most tasks never have more than two, and there are very many tasks.
        self.statuses.reserve_exact(1);
        self.statuses.push(kept);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_status_is_kept_per_change_of_state_and_without_data() {
        let info = TaskInfo::new("t", "a".into(), Resources::new());
        let mut task = Task::staging(&info, "f".into());
        for (state, message) in [
            (TaskState::Starting, "1"),
            (TaskState::Running, "2"),
            (TaskState::Running, "3"),
            (TaskState::Finished, "4"),
        ] {
            let mut status = TaskStatus::new("t".into(), state);
            status.message = Some(message.into());
            status.data = vec![1];
            task.push_status(&status);
        }
        let kept: Vec<_> =
            task.statuses.iter().map(|status| status.message.as_deref().unwrap_or("")).collect();
        assert_eq!(kept, ["1", "3", "4"]);
        assert!(task.statuses.iter().all(|status| status.data.is_empty()));
    }
}
