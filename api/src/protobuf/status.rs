//! A status of a task.

use model::{TaskStatus, Time};

use super::resource;
use super::write::{bytes, double, id, made, message, number, signed, text};
use crate::convert::labels_out;
use crate::v1;

/// The fields of `TaskStatus`.
pub(super) fn write(status: &TaskStatus, out: &mut Vec<u8>) {
    id(out, 1, status.task_id.as_str());
    signed(out, 2, v1::TaskState::from(status.state) as i32);
    if !status.data.is_empty() {
        bytes(out, 3, &status.data);
    }
    if let Some(said) = &status.message {
        text(out, 4, said);
    }
    if let Some(agent) = &status.agent_id {
        id(out, 5, agent.as_str());
    }
    if let Some(seconds) = status.timestamp.map(Time::as_secs_f64) {
        double(out, 6, seconds);
    }
    if let Some(executor) = &status.executor_id {
        id(out, 7, executor.as_str());
    }
    if let Some(healthy) = status.healthy {
        number(out, 8, u64::from(healthy));
    }
    if let Some(source) = status.source {
        signed(out, 9, v1::task_status::Source::from(source) as i32);
    }
    if let Some(reason) = status.reason {
        signed(out, 10, reason.number());
    }
    if let Some(uuid) = &status.uuid {
        bytes(out, 11, uuid.as_bytes());
    }
    made(out, 12, labels_out(&status.labels));
    made(out, 13, status.container_status.as_ref().map(v1::ContainerStatus::from));
    made(out, 14, status.unreachable_time.map(v1::TimeInfo::from));
    made(out, 15, status.check_status.as_ref().map(v1::CheckStatusInfo::from));
    if let Some(exceeded) = &status.limitation {
        message(out, 16, |out| {
            for one in exceeded.iter() {
                message(out, 1, |out| resource::write(one, out));
            }
        });
    }
}
