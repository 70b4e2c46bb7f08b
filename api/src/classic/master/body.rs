//! The four bodies.

use std::collections::{BTreeMap, BTreeSet};

use model::{AgentId, AgentInfo, FrameworkId};

use super::agent::Recovered;
use super::counts::Counts;
use super::parts;
use super::view::{Agent, Framework, Leader, MasterState};
use crate::classic::build::body;
use crate::classic::fields;
use crate::classic::value::{List, full, full_by_role, object, write_object};
use crate::json::write::Value;

/// `/state`, whole. Large ones are better written in [`parts`].
pub fn state(master: &MasterState<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    parts::begin(master, &mut out);
    list(&mut out, &master.agents, parts::agent);
    out.extend_from_slice(parts::RECOVERED.as_bytes());
    list(&mut out, &master.recovered_agents, |info, out| parts::recovered(info, out));
    for (before, frameworks) in
        [(parts::FRAMEWORKS, &master.frameworks), (parts::COMPLETED, &master.completed_frameworks)]
    {
        out.extend_from_slice(before.as_bytes());
        list(&mut out, frameworks, |framework, out| framework.write(out));
    }
    out.extend_from_slice(parts::END.as_bytes());
    out
}

fn list<T>(out: &mut Vec<u8>, items: &[T], write: impl Fn(&T, &mut Vec<u8>)) {
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write(item, out);
    }
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
