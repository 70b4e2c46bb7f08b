//! A task as the operator API spells it in JSON, written without the message in between: an answer has hundreds of thousands
//! of them, and making each field anew takes longer than writing it. What few tasks have is spelled by its message.

use model::{Resource, Task, TaskStatus, Time, Value as Amount};

use super::write::{self, Value};
use crate::convert::labels_out;
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
    if !task.resources.is_empty() {
        list(out, "\"resources\":", task.resources.iter(), resource);
    }
    if !task.statuses.is_empty() {
        list(out, "\"statuses\":", task.statuses.iter(), status);
    }
    if let Some(state) = task.status_update_state {
        write::name(out, "\"status_update_state\":", state.name());
    }
    let uuid = task.status_update_uuid.map(|uuid| uuid.as_bytes().to_vec());
    write::optional(out, "\"status_update_uuid\":", &uuid);
    write::optional(out, "\"labels\":", &labels_out(&task.labels));
    write::optional(out, "\"discovery\":", &task.discovery.as_deref().map(v1::DiscoveryInfo::from));
    write::optional(out, "\"container\":", &task.container.as_deref().map(v1::ContainerInfo::from));
    write::optional(out, "\"health_check\":", &task.health_check.as_deref().map(v1::HealthCheck::from));
    write::optional(out, "\"kill_policy\":", &task.kill_policy.as_ref().map(v1::KillPolicy::from));
    write::optional(out, "\"user\":", &task.user);
    write::map(out, "\"limits\":", &crate::convert::limits_out(&task.limits));
    write::close(out, b'}');
}

/// An id, which is an object with one field.
struct Id<'a>(&'a str);

impl Value for Id<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"value\":");
        self.0.write(out);
        out.push(b'}');
    }
}

fn list<T>(out: &mut Vec<u8>, key: &str, items: impl Iterator<Item = T>, each: impl Fn(T, &mut Vec<u8>)) {
    out.extend_from_slice(key.as_bytes());
    out.push(b'[');
    for item in items {
        each(item, out);
        out.push(b',');
    }
    write::close(out, b']');
    out.push(b',');
}

fn resource(resource: &Resource, out: &mut Vec<u8>) {
    let Resource { name, value, reservations, disk, provider_id, .. } = resource;
    let plain = reservations.is_empty() && disk.is_none() && provider_id.is_none();
    match value {
        Amount::Scalar(amount) if plain && !resource.revocable && !resource.shared => {
            out.extend_from_slice(b"{\"name\":");
            name.write(out);
            out.extend_from_slice(b",\"type\":\"SCALAR\",\"scalar\":{\"value\":");
            amount.write(out);
            out.push(b'}');
            if let Some(role) = &resource.allocation {
                out.extend_from_slice(b",\"allocation_info\":{\"role\":");
                role.as_str().write(out);
                out.push(b'}');
            }
            out.push(b'}');
        }
        _ => v1::Resource::from(resource).write(out),
    }
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
    write::optional(out, "\"uuid\":", &status.uuid.map(|uuid| uuid.as_bytes().to_vec()));
    write::optional(out, "\"healthy\":", &status.healthy);
    write::optional(out, "\"labels\":", &labels_out(&status.labels));
    let container = status.container_status.as_ref().map(v1::ContainerStatus::from);
    write::optional(out, "\"container_status\":", &container);
    write::optional(out, "\"unreachable_time\":", &status.unreachable_time.map(v1::TimeInfo::from));
    write::close(out, b'}');
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::{
        Disk, KillPolicy, Label, Labels, Limit, Persistence, Reservation, Resources, Scalar, StatusReason,
        StatusSource, TaskInfo, TaskState, UpdateId, Volume,
    };

    use super::*;

    fn check(task: &Task) {
        let mut out = Vec::new();
        write(task, &mut out);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("JSON is text");
        assert_eq!(text(out), text(crate::json::to_vec(&v1::Task::from(task))));
    }

    fn task() -> Task {
        let resources: Resources =
            "cpus(allocated: web):0.1;mem(allocated: web):32".parse().expect("resources");
        Task::staging(&TaskInfo::new("t \"1\"", "a".into(), resources), "f".into())
    }

    #[test]
    fn a_task_of_which_little_is_known_is_spelled_as_its_message() {
        check(&task());
        check(&Task { resources: Resources::new(), ..task() });
    }

    #[test]
    fn a_task_of_which_everything_is_known_is_too() {
        let mut full = task();
        full.executor_id = Some("e".into());
        full.user = Some("root".to_owned());
        full.labels = Labels(vec![Label { key: "k".into(), value: Some("v".into()) }]);
        full.kill_policy = Some(KillPolicy { grace_period: Some(std::time::Duration::from_secs(3)) });
        full.limits =
            [(Arc::from("cpus"), Limit::Infinite), (Arc::from("mem"), Limit::Finite(Scalar::whole(64)))]
                .into();
        let mut volume = Resource::scalar("disk", Scalar::whole(8));
        volume.reservations = vec![Reservation::dynamic("web", Some("p"))];
        volume.disk = Some(Arc::new(Disk {
            persistence: Some(Persistence { id: "v".into(), principal: None }),
            volume: Some(Volume::writable("data")),
            source: None,
        }));
        full.resources.insert(volume);
        full.resources +=
            &"ports(allocated: web):[1-2,5-9];gpus(allocated: web):1".parse::<Resources>().unwrap();
        for state in TaskState::ALL {
            let mut status = TaskStatus::new(full.id.clone(), state);
            status.source = Some(StatusSource::Agent);
            status.reason = Some(StatusReason::FrameworkRemoved);
            status.message = Some("said\n".to_owned());
            status.agent_id = Some("a".into());
            status.executor_id = Some("e".into());
            status.timestamp = Some(Time::from_nanos(1_795_226_805_395_301_000));
            status.unreachable_time = status.timestamp;
            status.uuid = Some(UpdateId::from_bytes([7; 16]));
            status.healthy = Some(false);
            status.labels = full.labels.clone();
            status.container_status = Some(model::ContainerStatus {
                container_id: Some(model::ContainerId::new("c")),
                ..model::ContainerStatus::default()
            });
            full.push_status(&status);
            status.limitation = Some(full.resources.clone());
            full.statuses.push(status);
            full.state = state;
            full.status_update_state = Some(state);
            full.status_update_uuid = Some(UpdateId::from_bytes([9; 16]));
            check(&full);
        }
    }
}
