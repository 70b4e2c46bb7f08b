//! What an executor may ask of its agent, already valid in shape.

use crate::{ExecutorId, FrameworkId, TaskInfo, TaskStatus};

/// An executor's call, and who makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecutorCall {
    pub framework_id: FrameworkId,
    pub executor_id: ExecutorId,
    pub kind: ExecutorCallKind,
}

/// The call itself.
#[expect(clippy::large_enum_variant, reason = "one is held at a time, and most are updates")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExecutorCallKind {
    /// Opens the stream; names what the agent may have missed while it was away.
    Subscribe {
        unacknowledged_tasks: Vec<TaskInfo>,
        unacknowledged_updates: Vec<TaskStatus>,
    },
    /// A status with a uuid.
    Update(TaskStatus),
    /// Bytes for the scheduler.
    Message {
        data: Vec<u8>,
    },
    Heartbeat,
}

impl ExecutorCallKind {
    /// The public name.
    pub const fn name(&self) -> &'static str {
        match self {
            ExecutorCallKind::Subscribe { .. } => "SUBSCRIBE",
            ExecutorCallKind::Update(_) => "UPDATE",
            ExecutorCallKind::Message { .. } => "MESSAGE",
            ExecutorCallKind::Heartbeat => "HEARTBEAT",
        }
    }
}
