//! A task as the operator API spells it in JSON, written without the message in between: an answer has hundreds of thousands
//! of them, and making each field anew takes longer than writing it. What few tasks have is spelled by its message.

use model::{Task, TaskStatus, Time, UpdateId};

use super::resource;
use super::write::{self, Id, Value, each};
use crate::convert::{Spelling, labels_out};
use crate::v1;

/// The letters of the task's message.
pub(crate) fn write(task: &Task, out: &mut Vec<u8>) {
    out.push(b'{');
    write::one(out, "\"name\":", &task.name);
    write::one(out, "\"task_id\":", &Id(task.id.as_str()));
    write::one(out, "\"framework_id\":", &Id(task.framework_id.as_str()));
    write::optional(out, "\"executor_id\":", &task.executor_id.as_ref().map(|id| Id(id.as_str())));
    write::one(out, "\"agent_id\":", &Id(task.agent_id.as_str()));
    write::name(out, "\"state\":", task.state.name());
    resource::list(out, "\"resources\":", &task.resources, Spelling::FULL);
    if !task.statuses.is_empty() {
        each(out, "\"statuses\":", task.statuses.iter(), status);
    }
    if let Some(state) = task.status_update_state {
        write::name(out, "\"status_update_state\":", state.name());
    }
    write::optional(out, "\"status_update_uuid\":", &task.status_update_uuid.as_ref().map(bytes));
    write::optional(out, "\"labels\":", &labels_out(&task.labels));
    write::optional(out, "\"discovery\":", &task.discovery.as_deref().map(v1::DiscoveryInfo::from));
    write::optional(out, "\"container\":", &task.container.as_deref().map(v1::ContainerInfo::from));
    write::optional(out, "\"health_check\":", &task.health_check.as_deref().map(v1::HealthCheck::from));
    write::optional(out, "\"kill_policy\":", &task.kill_policy.as_ref().map(v1::KillPolicy::from));
    write::optional(out, "\"user\":", &task.user);
    write::map(out, "\"limits\":", &crate::convert::limits_out(&task.limits));
    write::close(out, b'}');
}

fn status(status: &TaskStatus, out: &mut Vec<u8>) {
    let rare = status.check_status.is_some() || status.limitation.is_some() || !status.data.is_empty();
    if rare {
        return v1::TaskStatus::from(status).write(out);
    }
    out.push(b'{');
    write::one(out, "\"task_id\":", &Id(status.task_id.as_str()));
    write::name(out, "\"state\":", status.state.name());
    write::optional(out, "\"message\":", &status.message);
    let source = status.source.map(|source| v1::task_status::Source::from(source).as_str_name());
    if let Some(source) = source {
        write::name(out, "\"source\":", source);
    }
    if let Some(reason) = status.reason {
        write::name(out, "\"reason\":", reason.name());
    }
    write::optional(out, "\"agent_id\":", &status.agent_id.as_ref().map(|id| Id(id.as_str())));
    write::optional(out, "\"executor_id\":", &status.executor_id.as_ref().map(|id| Id(id.as_str())));
    write::optional(out, "\"timestamp\":", &status.timestamp.map(Time::as_secs_f64));
    write::optional(out, "\"uuid\":", &status.uuid.as_ref().map(bytes));
    write::optional(out, "\"healthy\":", &status.healthy);
    write::optional(out, "\"labels\":", &labels_out(&status.labels));
    let container = status.container_status.as_ref().map(v1::ContainerStatus::from);
    write::optional(out, "\"container_status\":", &container);
    write::optional(out, "\"unreachable_time\":", &status.unreachable_time.map(v1::TimeInfo::from));
    write::close(out, b'}');
}

fn bytes(uuid: &UpdateId) -> &[u8] {
    uuid.as_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::samples::{full, little, tasks};

    fn check(task: &Task) {
        let mut out = Vec::new();
        write(task, &mut out);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("JSON is text");
        assert_eq!(text(out), text(crate::json::to_vec(&v1::Task::from(task))));
    }

    #[test]
    fn a_task_of_which_little_is_known_is_spelled_as_its_message() {
        check(&little());
        check(&Task { resources: model::Resources::new(), ..little() });
    }

    #[test]
    fn a_task_of_which_everything_is_known_is_too() {
        full().iter().for_each(check);
    }

    proptest! {
        #[test]
        fn any_task_is(task in tasks()) {
            check(&task);
        }
    }
}
