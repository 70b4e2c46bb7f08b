//! The four bodies.

use std::collections::{BTreeMap, BTreeSet};

use model::{AgentId, AgentInfo, FrameworkId};

use super::agent::Recovered;
use super::counts::Counts;
use super::view::{Agent, Framework, Leader, MasterState};
use crate::classic::build::body;
use crate::classic::fields;
use crate::classic::value::{List, Map, full, full_by_role, object, write_object};
use crate::json::write::Value;

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
