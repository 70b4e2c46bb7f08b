//! A task as the operator API spells it in protobuf.

use model::Task;

use super::write::{bytes, id, made, message, signed, text};
use super::{resource, status};
use crate::convert::{labels_out, limits_out};
use crate::v1;

/// The fields of `Task`.
pub(crate) fn write(task: &Task, out: &mut Vec<u8>) {
    text(out, 1, &task.name);
    id(out, 2, task.id.as_str());
    id(out, 3, task.framework_id.as_str());
    if let Some(executor) = &task.executor_id {
        id(out, 4, executor.as_str());
    }
    id(out, 5, task.agent_id.as_str());
    signed(out, 6, v1::TaskState::from(task.state) as i32);
    for one in task.resources.iter() {
        message(out, 7, |out| resource::write(one, out));
    }
    for one in &task.statuses {
        message(out, 8, |out| status::write(one, out));
    }
    if let Some(state) = task.status_update_state {
        signed(out, 9, v1::TaskState::from(state) as i32);
    }
    if let Some(uuid) = &task.status_update_uuid {
        bytes(out, 10, uuid.as_bytes());
    }
    made(out, 11, labels_out(&task.labels));
    made(out, 12, task.discovery.as_deref().map(v1::DiscoveryInfo::from));
    made(out, 13, task.container.as_deref().map(v1::ContainerInfo::from));
    if let Some(user) = &task.user {
        text(out, 14, user);
    }
    made(out, 15, task.health_check.as_deref().map(v1::HealthCheck::from));
    made(out, 16, task.kill_policy.as_ref().map(v1::KillPolicy::from));
    // A map is a list of pairs.
    prost::encoding::btree_map::encode(
        prost::encoding::string::encode,
        prost::encoding::string::encoded_len,
        prost::encoding::message::encode,
        prost::encoding::message::encoded_len,
        17,
        &limits_out(&task.limits),
        out,
    );
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message;

    use super::*;
    use crate::samples::{full, little, tasks};

    fn check(task: &Task) {
        let mut out = b"before".to_vec();
        write(task, &mut out);
        assert_eq!(out.strip_prefix(b"before"), Some(&*v1::Task::from(task).encode_to_vec()));
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
