//! Statuses the master makes itself.

use model::{AgentId, StatusReason, StatusSource, TaskId, TaskState, TaskStatus, Time};

/// A status from the master. It carries no id of its own, so nobody has to acknowledge it.
pub(crate) fn status(
    task: &TaskId,
    agent: Option<&AgentId>,
    state: TaskState,
    reason: StatusReason,
    message: impl Into<String>,
    now: Time,
) -> TaskStatus {
    TaskStatus {
        source: Some(StatusSource::Master),
        reason: Some(reason),
        message: Some(message.into()),
        agent_id: agent.cloned(),
        timestamp: Some(now),
        ..TaskStatus::new(task.clone(), state)
    }
}
