//! A master's views, and the bodies of `/state`, `/state-summary`, `/slaves` and `/frameworks`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use model::{
    AgentCapabilities, AgentId, AgentInfo, DrainInfo, ExecutorInfo, FaultDomain, FrameworkId, FrameworkInfo,
    Offer, OfferConstraints, Resources, Task, TaskState, Time,
};

use super::build::{Build, body};
use super::fields;
use super::value::{Command, List, Map, by_role, drain_info, full, full_by_role, object, some, write_object};
use crate::json::write::{self, Value};
use crate::v1;

/// All a master shows of itself and its cluster. `/state-summary` counts from the same.
#[derive(Clone, Debug)]
pub struct MasterState<'a> {
    pub build: Build<'a>,
    pub start_time: Time,
    pub elected_time: Option<Time>,
    pub id: &'a str,
    /// `master@ip:port`.
    pub pid: &'a str,
    pub hostname: &'a str,
    /// Public names, such as `AGENT_UPDATE`.
    pub capabilities: &'a [&'a str],
    pub activated_agents: usize,
    pub deactivated_agents: usize,
    pub unreachable_agents: usize,
    pub domain: Option<&'a FaultDomain>,
    pub leader: Option<Leader<'a>>,
    pub cluster: Option<&'a str>,
    pub log_dir: Option<&'a str>,
    pub external_log_file: Option<&'a str>,
    /// `None` for who may not see them.
    pub flags: Option<&'a BTreeMap<String, String>>,
    pub agents: Vec<Agent<'a>>,
    pub recovered_agents: Vec<&'a AgentInfo>,
    pub frameworks: Vec<Framework<'a>>,
    pub completed_frameworks: Vec<Framework<'a>>,
}

/// Who leads.
#[derive(Clone, Copy, Debug)]
pub struct Leader<'a> {
    pub id: &'a str,
    pub pid: &'a str,
    pub port: u16,
    pub hostname: &'a str,
    pub domain: Option<&'a FaultDomain>,
}

/// An agent that is registered.
#[derive(Clone, Debug)]
pub struct Agent<'a> {
    pub id: &'a AgentId,
    pub info: &'a AgentInfo,
    /// `slave(1)@ip:port`.
    pub pid: Cow<'a, str>,
    pub version: &'a str,
    pub capabilities: &'a AgentCapabilities,
    pub registered: Time,
    /// Only when it came back.
    pub reregistered: Option<Time>,
    pub active: bool,
    pub deactivated: bool,
    pub total: Cow<'a, Resources>,
    pub used: Cow<'a, Resources>,
    pub offered: Cow<'a, Resources>,
    pub drain: Option<&'a DrainInfo>,
    pub drain_started: Option<Time>,
}

/// A framework, running or completed.
#[derive(Clone, Debug)]
pub struct Framework<'a> {
    pub id: &'a FrameworkId,
    pub info: &'a FrameworkInfo,
    pub active: bool,
    pub connected: bool,
    pub recovered: bool,
    pub registered: Time,
    /// Shown only when it differs from `registered`.
    pub reregistered: Option<Time>,
    pub unregistered: Option<Time>,
    pub used: Cow<'a, Resources>,
    pub offered: Cow<'a, Resources>,
    pub tasks: Vec<&'a Task>,
    pub unreachable_tasks: Vec<&'a Task>,
    pub completed_tasks: Vec<&'a Task>,
    pub offers: Vec<&'a Offer>,
    pub executors: Vec<(&'a AgentId, &'a ExecutorInfo)>,
    pub offer_constraints: Option<&'a OfferConstraints>,
}

impl Framework<'_> {
    fn all_tasks(&self) -> impl Iterator<Item = &Task> {
        [&self.tasks, &self.unreachable_tasks, &self.completed_tasks].into_iter().flatten().copied()
    }
}

/// `/state`.
pub fn state(master: &MasterState<'_>) -> Vec<u8> {
    body(|out| {
        master.build.write_fields(out);
        fields! { out;
            "start_time": master.start_time,
            "elected_time"?: master.elected_time,
            "id": master.id,
            "pid": master.pid,
            "hostname": master.hostname,
            "capabilities": List(master.capabilities.iter()),
            "activated_slaves": master.activated_agents as f64,
            "deactivated_slaves": master.deactivated_agents as f64,
            "unreachable_slaves": master.unreachable_agents as f64,
            "domain"?: master.domain,
            "leader"?: master.leader.map(|leader| leader.pid),
            "leader_info"?: master.leader,
            "cluster"?: master.cluster,
            "log_dir"?: master.log_dir,
            "external_log_file"?: master.external_log_file,
            "flags"?: master.flags.map(|flags| Map(flags.iter())),
            "slaves": List(master.agents.iter()),
            "recovered_slaves": List(master.recovered_agents.iter().map(|info| Recovered(info))),
            "frameworks": List(master.frameworks.iter()),
            "completed_frameworks": List(master.completed_frameworks.iter()),
            "orphan_tasks": List(None::<bool>.iter()),
            "unregistered_frameworks": List(None::<bool>.iter()),
        }
    })
}

/// `/state-summary`: counts instead of tasks.
pub fn state_summary(master: &MasterState<'_>) -> Vec<u8> {
    let mut on_agent: BTreeMap<&AgentId, (Counts, BTreeSet<&FrameworkId>)> = BTreeMap::new();
    for framework in &master.frameworks {
        for task in framework.all_tasks() {
            let (counts, frameworks) = on_agent.entry(&task.agent_id).or_default();
            counts.add(task.state);
            frameworks.insert(framework.id);
        }
    }
    let nothing = (Counts::default(), BTreeSet::new());
    let agents = master.agents.iter().map(|agent| {
        let (counts, frameworks) = on_agent.get(agent.id).unwrap_or(&nothing);
        object(move |out| {
            agent.write_fields(out);
            counts.write_fields(out);
            fields! { out; "framework_ids": List(frameworks.iter()) }
        })
    });
    let frameworks = master.frameworks.iter().map(|framework| {
        let mut counts = Counts::default();
        let mut agents = BTreeSet::new();
        for task in framework.all_tasks() {
            counts.add(task.state);
            agents.insert(&task.agent_id);
        }
        object(move |out| {
            framework.write_summary(out);
            counts.write_fields(out);
            fields! { out; "slave_ids": List(agents.iter()) }
        })
    });
    body(|out| {
        fields! { out;
            "hostname": master.hostname,
            "cluster"?: master.cluster,
            "slaves": List(agents.clone()),
            "frameworks": List(frameworks.clone()),
        }
    })
}

/// `/slaves`: with every resource by itself.
pub fn slaves(agents: &[Agent<'_>], recovered: &[&AgentInfo]) -> Vec<u8> {
    let full = agents.iter().map(|agent| {
        object(move |out| {
            agent.write_fields(out);
            fields! { out;
                "reserved_resources_full": full_by_role(&agent.total.reservations()),
                "unreserved_resources_full": List(full(&agent.total.unreserved()).iter()),
                "used_resources_full": List(full(&agent.used).iter()),
                "offered_resources_full": List(full(&agent.offered).iter()),
            }
        })
    });
    body(|out| {
        fields! { out;
            "slaves": List(full.clone()),
            "recovered_slaves": List(recovered.iter().map(|info| Recovered(info))),
        }
    })
}

/// `/frameworks`.
pub fn frameworks(frameworks: &[Framework<'_>], completed: &[Framework<'_>]) -> Vec<u8> {
    body(|out| {
        fields! { out;
            "frameworks": List(frameworks.iter()),
            "completed_frameworks": List(completed.iter()),
            "unregistered_frameworks": List(None::<bool>.iter()),
        }
    })
}

impl Value for Leader<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        write_object(out, |out| {
            fields! { out;
                "id": self.id,
                "pid": self.pid,
                "port": u32::from(self.port),
                "hostname": self.hostname,
                "domain"?: self.domain,
            }
        });
    }
}

impl Value for Agent<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        write_object(out, |out| self.write_fields(out));
    }
}

impl Agent<'_> {
    fn write_fields(&self, out: &mut Vec<u8>) {
        let reserved = self.total.reservations();
        fields! { out;
            "id": self.id,
            "hostname": self.info.hostname,
            "port": u32::from(self.info.port),
            "attributes": self.info.attributes,
            "domain"?: self.info.domain,
            "pid": self.pid,
            "registered_time": self.registered,
            "reregistered_time"?: self.reregistered,
            "resources": self.total,
            "used_resources": self.used,
            "offered_resources": self.offered,
            "reserved_resources": by_role(&reserved),
            "unreserved_resources": self.total.unreserved(),
            "active": self.active,
            "deactivated": self.deactivated,
            "version": self.version,
            "capabilities": self.capabilities,
            "drain_info"?: self.drain.map(drain_info),
            "estimated_drain_start_time_seconds"?: self.drain_started,
        }
    }
}

/// An agent of before a failover that has not come back yet.
struct Recovered<'a>(&'a AgentInfo);

impl Value for Recovered<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        let info = self.0;
        write_object(out, |out| {
            fields! { out;
                "id": info.id.as_ref().map_or("", |id| id.as_str()),
                "hostname": info.hostname,
                "port": u32::from(info.port),
                "attributes": info.attributes,
                "domain"?: info.domain,
            }
        });
    }
}

impl Value for Framework<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        write_object(out, |out| self.write_fields(out));
    }
}

impl Framework<'_> {
    fn write_summary(&self, out: &mut Vec<u8>) {
        fields! { out;
            "id": self.id,
            "name": self.info.name,
            "used_resources": self.used,
            "offered_resources": self.offered,
            "capabilities": self.info.capabilities,
            "hostname": self.info.hostname.as_deref().unwrap_or_default(),
            "webui_url": self.info.webui_url.as_deref().unwrap_or_default(),
            "active": self.active,
            "connected": self.connected,
            "recovered": self.recovered,
        }
    }

    fn write_fields(&self, out: &mut Vec<u8>) {
        let info = self.info;
        self.write_summary(out);
        fields! { out;
            "user": info.user,
            "failover_timeout": info.failover_timeout.as_secs_f64(),
            "checkpoint": info.checkpoint,
            "registered_time": self.registered,
            "unregistered_time": self.unregistered.unwrap_or(Time::START),
            "principal"?: info.principal,
            "resources": self.used.as_ref().clone() + self.offered.as_ref().clone(),
            "reregistered_time"?: self.reregistered.filter(|time| *time != self.registered),
        }
        write_roles(info, out);
        let executors = self.executors.iter().map(|(agent, info)| Executor { agent, info });
        fields! { out;
            "tasks": List(self.tasks.iter()),
            "unreachable_tasks": List(self.unreachable_tasks.iter()),
            "completed_tasks": List(self.completed_tasks.iter()),
            "offers": List(self.offers.iter()),
            "executors": List(executors.clone()),
            "labels"?: some(&info.labels),
            "offer_constraints": self.offer_constraints.map(v1::scheduler::OfferConstraints::from).unwrap_or_default(),
        }
    }
}

/// The list of roles, or the one of a framework that knows only one.
pub(super) fn write_roles(info: &FrameworkInfo, out: &mut Vec<u8>) {
    if info.capabilities.multi_role() {
        write::one(out, "\"roles\":", &List(info.roles.iter()));
    } else {
        write::one(out, "\"role\":", info.role.as_ref().map_or("*", |role| role.as_str()));
    }
}

impl Value for Offer {
    fn write(&self, out: &mut Vec<u8>) {
        let allocation = object(|out| write::one(out, "\"role\":", &self.role));
        write_object(out, |out| {
            fields! { out;
                "id": self.id,
                "framework_id": self.framework_id,
                "allocation_info": allocation,
                "slave_id": self.agent_id,
                "resources": self.resources,
            }
        });
    }
}

#[derive(Clone)]
struct Executor<'a> {
    agent: &'a AgentId,
    info: &'a ExecutorInfo,
}

impl Value for Executor<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        let Executor { agent, info } = self;
        let role = info.resources.iter().find_map(|resource| resource.allocation.as_ref());
        write_object(out, |out| {
            fields! { out;
                "executor_id": info.id,
                "name": info.name.as_deref().unwrap_or_default(),
                "framework_id": info.framework_id.as_ref().map_or("", |id| id.as_str()),
                "command": Command(info.command.as_ref()),
                "resources": info.resources,
                "role"?: role,
                "labels"?: some(&info.labels),
                "type"?: info.kind,
                "slave_id": agent,
            }
        });
    }
}

/// How many tasks are in each of the states a summary shows.
#[derive(Clone, Copy, Debug, Default)]
struct Counts([u64; COUNTED.len()]);

const COUNTED: [TaskState; 10] = [
    TaskState::Staging,
    TaskState::Starting,
    TaskState::Running,
    TaskState::Killing,
    TaskState::Finished,
    TaskState::Killed,
    TaskState::Failed,
    TaskState::Lost,
    TaskState::Error,
    TaskState::Unreachable,
];

impl Counts {
    fn add(&mut self, state: TaskState) {
        if let Some(at) = COUNTED.iter().position(|counted| *counted == state) {
            self.0[at] += 1;
        }
    }

    fn write_fields(&self, out: &mut Vec<u8>) {
        for (state, count) in COUNTED.iter().zip(self.0) {
            state.write(out);
            out.push(b':');
            count.write(out);
            out.push(b',');
        }
    }
}
