//! An agent's views, and the bodies of `/state`, `/containers` and `/monitor/statistics`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use model::{
    AgentCapabilities, Attributes, ContainerId, ContainerStatus, DrainConfig, ExecutorId, ExecutorInfo,
    FaultDomain, FrameworkId, FrameworkInfo, Resources, Task, TaskInfo, Time,
};

use super::build::{Build, body};
use super::fields;
use super::master::write_roles;
use super::task::Queued;
use super::value::{List, Map, by_role, drain_config, full, full_by_role, object, some, write_object};
use crate::json::write::Value;
use crate::json::{Message, sorted};
use crate::v1;

/// All an agent shows of itself.
#[derive(Clone, Debug)]
pub struct AgentState<'a> {
    pub build: Build<'a>,
    pub start_time: Time,
    /// Empty before the first registration.
    pub id: &'a str,
    /// `slave(1)@ip:port`.
    pub pid: &'a str,
    pub hostname: &'a str,
    pub capabilities: &'a AgentCapabilities,
    pub domain: Option<&'a FaultDomain>,
    pub drain: Option<&'a DrainConfig>,
    pub drain_started: Option<Time>,
    pub total: Cow<'a, Resources>,
    /// What executors and tasks use, with roles.
    pub allocated: Cow<'a, Resources>,
    pub attributes: &'a Attributes,
    pub master_hostname: Option<&'a str>,
    pub log_dir: Option<&'a str>,
    pub external_log_file: Option<&'a str>,
    /// `None` for who may not see them.
    pub flags: Option<&'a BTreeMap<String, String>>,
    pub frameworks: Vec<Framework<'a>>,
    pub completed_frameworks: Vec<Framework<'a>>,
}

/// A framework that has or had executors here.
#[derive(Clone, Debug)]
pub struct Framework<'a> {
    pub id: &'a FrameworkId,
    pub info: &'a FrameworkInfo,
    pub executors: Vec<Executor<'a>>,
    pub completed_executors: Vec<Executor<'a>>,
}

/// One executor with its tasks.
#[derive(Clone, Debug)]
pub struct Executor<'a> {
    pub info: &'a ExecutorInfo,
    pub container_id: &'a ContainerId,
    /// The sandbox, as an absolute path.
    pub directory: &'a str,
    /// Its own and those of its tasks.
    pub resources: Cow<'a, Resources>,
    /// Whether it was made by the agent for one command task; its type is not shown then.
    pub is_command: bool,
    pub tasks: Vec<&'a Task>,
    pub queued_tasks: Vec<&'a TaskInfo>,
    /// Ended ones, acknowledged or not.
    pub completed_tasks: Vec<&'a Task>,
}

/// One executor's container.
#[derive(Clone, Debug)]
pub struct Container<'a> {
    pub framework_id: &'a FrameworkId,
    pub executor_id: &'a ExecutorId,
    pub executor_name: &'a str,
    pub source: &'a str,
    pub container_id: &'a ContainerId,
    pub status: Option<Cow<'a, ContainerStatus>>,
    pub statistics: Option<v1::ResourceStatistics>,
}

/// `/state`.
pub fn state(agent: &AgentState<'_>) -> Vec<u8> {
    let reserved = agent.total.reservations();
    body(|out| {
        agent.build.write_fields(out);
        fields! { out;
            "start_time": agent.start_time,
            "id": agent.id,
            "pid": agent.pid,
            "hostname": agent.hostname,
            "capabilities": agent.capabilities,
            "domain"?: agent.domain,
            "drain_config"?: agent.drain.map(drain_config),
            "estimated_drain_start_time_seconds"?: agent.drain_started.map(|time| time.nanos() / 1_000_000_000),
            "resources": agent.total,
            "reserved_resources": by_role(&reserved),
            "unreserved_resources": agent.total.unreserved(),
            "reserved_resources_full": full_by_role(&reserved),
            "unreserved_resources_full": List(full(&agent.total.unreserved()).iter()),
            "reserved_resources_allocated": by_role(&agent.allocated.reservations()),
            "unreserved_resources_allocated": agent.allocated.unreserved(),
            "resource_providers": List(None::<bool>.iter()),
            "attributes": agent.attributes,
            "master_hostname"?: agent.master_hostname,
            "log_dir"?: agent.log_dir,
            "external_log_file"?: agent.external_log_file,
            "flags"?: agent.flags.map(|flags| Map(flags.iter())),
            "frameworks": List(agent.frameworks.iter()),
            "completed_frameworks": List(agent.completed_frameworks.iter()),
        }
    })
}

/// `/containers`, keys in order.
pub fn containers(containers: &[Container<'_>]) -> Vec<u8> {
    list(containers.iter().map(|container| {
        object(move |out| {
            let status = container.status.as_deref().map(v1::ContainerStatus::from);
            fields! { out;
                "container_id": container.container_id.value(),
                "executor_id": container.executor_id,
                "executor_name": container.executor_name,
                "framework_id": container.framework_id,
                "source": container.source,
                "statistics"?: container.statistics.as_ref().map(Sorted),
                "status"?: status.as_ref().map(Sorted),
            }
        })
    }))
}

/// `/monitor/statistics`: of those that have any; keys in order.
pub fn statistics(containers: &[Container<'_>]) -> Vec<u8> {
    let counted = containers.iter().filter_map(|container| Some((container, container.statistics.as_ref()?)));
    list(counted.map(|(container, statistics)| {
        object(move |out| {
            fields! { out;
                "executor_id": container.executor_id,
                "executor_name": container.executor_name,
                "framework_id": container.framework_id,
                "source": container.source,
                "statistics": Sorted(statistics),
            }
        })
    }))
}

fn list<I: Iterator<Item: Value> + Clone>(items: I) -> Vec<u8> {
    let mut out = Vec::new();
    List(items).write(&mut out);
    out
}

/// A message whose keys are written in order.
struct Sorted<'a, M>(&'a M);

impl<M: Message> Value for Sorted<'_, M> {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&sorted(self.0));
    }
}

impl Value for Framework<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        let info = self.info;
        write_object(out, |out| {
            fields! { out;
                "id": self.id,
                "name": info.name,
                "user": info.user,
                "failover_timeout": info.failover_timeout.as_secs_f64(),
                "checkpoint": info.checkpoint,
                "hostname": info.hostname.as_deref().unwrap_or_default(),
                "principal"?: info.principal,
            }
            write_roles(info, out);
            fields! { out;
                "executors": List(self.executors.iter()),
                "completed_executors": List(self.completed_executors.iter()),
            }
        });
    }
}

impl Value for Executor<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        let info = self.info;
        let role = self.resources.iter().find_map(|resource| resource.allocation.as_ref());
        write_object(out, |out| {
            fields! { out;
                "id": info.id,
                "name": info.name.as_deref().unwrap_or_default(),
                "source": info.source.as_deref().unwrap_or_default(),
                "container": self.container_id.value(),
                "directory": self.directory,
                "resources": self.resources,
                "role"?: role,
                "labels"?: some(&info.labels),
                "type"?: info.kind.filter(|_| !self.is_command),
                "tasks": List(self.tasks.iter()),
                "queued_tasks": List(self.queued_tasks.iter().map(|task| Queued(task))),
                "completed_tasks": List(self.completed_tasks.iter()),
            }
        });
    }
}
