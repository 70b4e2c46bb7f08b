//! A task as the operator API spells it in protobuf.

use model::Task;

use super::write::Backwards;
use super::{resource, status};
use crate::convert::{Spelling, labels_out, limits_out};
use crate::v1;

/// The fields of `Task`.
pub(crate) fn write(task: &Task, out: &mut Backwards) {
    // A map is a list of pairs, in which prost leaves out what is as usual.
    for (name, limit) in limits_out(&task.limits).into_iter().rev() {
        out.message(17, |out| {
            out.made(2, Some(limit).filter(|limit| limit.value != 0.0));
            if !name.is_empty() {
                out.text(1, &name);
            }
        });
    }
    out.made(16, task.kill_policy.as_ref().map(v1::KillPolicy::from));
    out.made(15, task.health_check.as_deref().map(v1::HealthCheck::from));
    if let Some(user) = &task.user {
        out.text(14, user);
    }
    out.made(13, task.container.as_deref().map(v1::ContainerInfo::from));
    out.made(12, task.discovery.as_deref().map(v1::DiscoveryInfo::from));
    out.made(11, labels_out(&task.labels));
    if let Some(uuid) = &task.status_update_uuid {
        out.bytes(10, uuid.as_bytes());
    }
    if let Some(state) = task.status_update_state {
        out.signed(9, v1::TaskState::from(state) as i32);
    }
    for one in task.statuses.iter().rev() {
        out.message(8, |out| status::write(one, out));
    }
    resource::list(7, &task.resources, Spelling::FULL, out);
    out.signed(6, v1::TaskState::from(task.state) as i32);
    out.id(5, task.agent_id.as_str());
    if let Some(executor) = &task.executor_id {
        out.id(4, executor.as_str());
    }
    out.id(3, task.framework_id.as_str());
    out.id(2, task.id.as_str());
    out.text(1, &task.name);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message;

    use super::*;
    use crate::samples::{full, little, tasks};

    fn check(task: &Task) {
        let mut out = Backwards::default();
        write(task, &mut out);
        assert_eq!(out.written(), v1::Task::from(task).encode_to_vec());
    }

    #[test]
    fn a_task_has_the_bytes_of_its_message() {
        check(&little());
        full().iter().for_each(check);
    }

    proptest! {
        #[test]
        fn any_task_has(task in tasks()) {
            check(&task);
        }
    }
}
