//! A status of a task.

use model::{TaskStatus, Time};

use super::resource;
use super::write::Backwards;
use crate::convert::{Spelling, labels_out};
use crate::v1;

/// The fields of `TaskStatus`.
pub(super) fn write(status: &TaskStatus, out: &mut Backwards) {
    if let Some(exceeded) = &status.limitation {
        out.message(16, |out| resource::list(1, exceeded, Spelling::FULL, out));
    }
    out.made(15, status.check_status.as_ref().map(v1::CheckStatusInfo::from));
    out.made(14, status.unreachable_time.map(v1::TimeInfo::from));
    out.made(13, status.container_status.as_ref().map(v1::ContainerStatus::from));
    out.made(12, labels_out(&status.labels));
    if let Some(uuid) = &status.uuid {
        out.bytes(11, uuid.as_bytes());
    }
    if let Some(reason) = status.reason {
        out.signed(10, reason.number());
    }
    if let Some(source) = status.source {
        out.signed(9, v1::task_status::Source::from(source) as i32);
    }
    if let Some(healthy) = status.healthy {
        out.number(8, u64::from(healthy));
    }
    if let Some(executor) = &status.executor_id {
        out.id(7, executor.as_str());
    }
    if let Some(seconds) = status.timestamp.map(Time::as_secs_f64) {
        out.double(6, seconds);
    }
    if let Some(agent) = &status.agent_id {
        out.id(5, agent.as_str());
    }
    if let Some(said) = &status.message {
        out.text(4, said);
    }
    if !status.data.is_empty() {
        out.bytes(3, &status.data);
    }
    out.signed(2, v1::TaskState::from(status.state) as i32);
    out.id(1, status.task_id.as_str());
}
