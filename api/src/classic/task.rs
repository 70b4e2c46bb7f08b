//! A task wherever an old body shows it, and the pages of `/tasks`.

use model::{ContainerStatus, Limit, Task, TaskInfo, TaskStatus, Time};

use super::fields;
use super::value::{Command, List, Map, some, write_object};
use crate::json::write::Value;
use crate::v1;

/// Which tasks `/tasks` shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskQuery {
    pub framework_id: Option<String>,
    pub task_id: Option<String>,
    /// `None` shows all.
    pub limit: Option<usize>,
    pub offset: usize,
    /// Whether the oldest comes first; else the newest.
    pub ascending: bool,
}

impl TaskQuery {
    const LIMIT: usize = 100;

    /// Reads a query; what is no number counts as absent, as in the original, and a limit below zero shows all.
    pub fn read<'a>(parameter: impl Fn(&str) -> Option<&'a str>) -> TaskQuery {
        let number = |name| parameter(name).and_then(|text| text.parse::<i64>().ok());
        TaskQuery {
            framework_id: parameter("framework_id").filter(|id| !id.is_empty()).map(str::to_owned),
            task_id: parameter("task_id").filter(|id| !id.is_empty()).map(str::to_owned),
            limit: number("limit").map_or(Some(Self::LIMIT), |limit| usize::try_from(limit).ok()),
            offset: number("offset").and_then(|offset| usize::try_from(offset).ok()).unwrap_or(0),
            ascending: parameter("order") == Some("asc"),
        }
    }
}

/// `/tasks`, by the time of each task's first status; those without one are the oldest.
pub fn tasks<'a>(tasks: impl Iterator<Item = &'a Task>, query: &TaskQuery) -> Vec<u8> {
    let wanted = |id: &Option<String>, text: &str| id.as_ref().is_none_or(|id| id == text);
    let mut shown: Vec<&Task> = tasks
        .filter(|task| wanted(&query.framework_id, task.framework_id.as_str()))
        .filter(|task| wanted(&query.task_id, task.id.as_str()))
        .collect();
    let begun = |task: &&Task| task.statuses.first().and_then(|status| status.timestamp);
    shown.sort_by_key(begun);
    if !query.ascending {
        shown.reverse();
    }
    let page = shown.into_iter().skip(query.offset).take(query.limit.unwrap_or(usize::MAX));
    let page: Vec<&Task> = page.collect();
    let mut out = Vec::new();
    write_object(&mut out, |out| {
        fields! { out; "tasks": List(page.iter()) }
    });
    out
}

impl Value for Task {
    fn write(&self, out: &mut Vec<u8>) {
        let limits = (!self.limits.is_empty()).then(|| Map(self.limits.iter()));
        write_object(out, |out| {
            fields! { out;
                "id": self.id,
                "name": self.name,
                "framework_id": self.framework_id,
                "executor_id": self.executor_id.as_ref().map_or("", |id| id.as_str()),
                "slave_id": self.agent_id,
                "state": self.state,
                "resources": self.resources,
                "limits"?: limits,
                "role": self.role().map_or("*", |role| role.as_str()),
                "statuses": List(self.statuses.iter()),
                "user"?: self.user,
                "labels"?: some(&self.labels),
                "discovery"?: self.discovery.as_deref().map(v1::DiscoveryInfo::from),
                "container"?: self.container.as_deref().map(v1::ContainerInfo::from),
                "health_check"?: self.health_check.as_deref().map(v1::HealthCheck::from),
            }
        });
    }
}

impl Value for Limit {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Limit::Finite(amount) => amount.write(out),
            Limit::Infinite => f64::INFINITY.write(out),
        }
    }
}

/// Only what tools look for: neither source nor reason, message nor data.
impl Value for TaskStatus {
    fn write(&self, out: &mut Vec<u8>) {
        write_object(out, |out| {
            fields! { out;
                "state": self.state,
                "timestamp": self.timestamp.unwrap_or(Time::START),
                "labels"?: some(&self.labels),
                "container_status"?: self.container_status,
                "healthy"?: self.healthy,
            }
        });
    }
}

impl Value for ContainerStatus {
    fn write(&self, out: &mut Vec<u8>) {
        let networks = (!self.networks.is_empty()).then(|| List(self.networks.iter()));
        let cgroup = self.cgroup.and_then(|_| v1::ContainerStatus::from(self).cgroup_info);
        write_object(out, |out| {
            fields! { out;
                "container_id"?: self.container_id,
                "network_infos"?: networks,
                "cgroup_info"?: cgroup,
            }
        });
    }
}

/// A task an agent has not handed to its executor yet.
pub(super) struct Queued<'a>(pub(super) &'a TaskInfo);

impl Value for Queued<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        let task = self.0;
        let role = task.resources.iter().find_map(|resource| resource.allocation.as_ref());
        write_object(out, |out| {
            fields! { out;
                "id": task.id,
                "name": task.name,
                "slave_id": task.agent_id,
                "resources": task.resources,
                "role": role.map_or("*", |role| role.as_str()),
                "command"?: task.command.as_ref().map(|command| Command(Some(command))),
                "executor_id"?: task.executor.as_ref().map(|executor| &executor.id),
                "discovery"?: task.discovery.as_ref().map(v1::DiscoveryInfo::from),
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use model::{Resources, TaskInfo, TaskState};

    use super::*;

    fn task(id: &str, begun: Option<i64>) -> Task {
        let mut task = Task::staging(&TaskInfo::new(id, "a".into(), Resources::new()), "f".into());
        if let Some(seconds) = begun {
            let mut status = TaskStatus::new(id.into(), TaskState::Running);
            status.timestamp = Some(Time::from_nanos(seconds * 1_000_000_000));
            task.push_status(&status);
        }
        task
    }

    fn shown(query: &[(&str, &str)]) -> Vec<String> {
        let all = [task("old", Some(1)), task("none", None), task("new", Some(2))];
        let find = |name: &str| query.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
        let body = tasks(all.iter(), &TaskQuery::read(find));
        let body: serde_json::Value = serde_json::from_slice(&body).expect("a body is JSON");
        let tasks = body["tasks"].as_array().expect("a list");
        tasks.iter().map(|task| task["id"].as_str().expect("an id").to_owned()).collect()
    }

    #[test]
    fn the_newest_task_comes_first_unless_asked_otherwise() {
        assert_eq!(shown(&[]), ["new", "old", "none"]);
        assert_eq!(shown(&[("order", "asc")]), ["none", "old", "new"]);
        assert_eq!(shown(&[("order", "what")]), ["new", "old", "none"]);
    }

    #[test]
    fn a_page_has_a_limit_and_an_offset() {
        assert_eq!(shown(&[("limit", "1")]), ["new"]);
        assert_eq!(shown(&[("limit", "1"), ("offset", "1")]), ["old"]);
        assert_eq!(shown(&[("limit", "-1")]).len(), 3);
        assert_eq!(shown(&[("limit", "abc"), ("offset", "x")]).len(), 3);
        assert_eq!(shown(&[("offset", "9")]).len(), 0);
    }

    #[test]
    fn tasks_are_found_by_id() {
        assert_eq!(shown(&[("task_id", "old")]), ["old"]);
        assert_eq!(shown(&[("framework_id", "g")]).len(), 0);
        assert_eq!(shown(&[("framework_id", "f"), ("task_id", "none")]), ["none"]);
    }
}
