//! What operators do in the middle of a run, over the interfaces they have.

use std::time::Duration;

use libprocess::http::{Request, header};
use libprocess::sim::Disk;
use model::Resources;
use serde_json::{Value, json};

use crate::cluster::{Cluster, Part, machine};

/// One thing an operator wants.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// An agent is to be emptied.
    Drain(usize),
    /// It may be used again.
    Reactivate(usize),
    /// An agent's machine will be away, from so long after now on.
    Schedule { agent: usize, begins: Duration, lasts: Duration },
    /// A machine that is scheduled is taken down now.
    Down(usize),
    /// It is there again, and its agent is started.
    Up(usize),
    /// A role may have no more than this; as much as there is if it is nothing.
    Quota { role: String, limits: Resources },
    /// A role's part is so much larger than that of one of weight 1.
    Weight { role: String, weight: f64 },
    /// One master more, which is taken in.
    AddMaster,
    /// A master is taken out, and ended.
    RemoveMaster(usize),
    /// Another master is to lead.
    HandOver,
    /// A part ends, and starts again in the newest version.
    Upgrade(Part),
    /// So many machines more.
    Grow(usize),
    /// A job's tasks end.
    Cancel { framework: String, job: String },
}

impl Order {
    /// The agent it is about.
    pub(crate) fn agent(&self) -> Option<usize> {
        match *self {
            Order::Drain(agent)
            | Order::Reactivate(agent)
            | Order::Schedule { agent, .. }
            | Order::Down(agent)
            | Order::Up(agent)
            | Order::Upgrade(Part::Agent(agent)) => Some(agent),
            _ => None,
        }
    }

    /// How many machines it adds.
    pub(crate) fn grows(&self) -> usize {
        if let Order::Grow(agents) = self { *agents } else { 0 }
    }

    /// The call it is, for those that are one.
    ///
    /// Errors: its agent is unknown.
    fn call(&self, cluster: &Cluster) -> Result<Option<Value>, String> {
        let agent = |number: usize| {
            let snapshot = cluster.leader().ok_or_else(nobody)?;
            let hostname = machine(number);
            let found = snapshot.agents.values().find(|agent| agent.info.hostname == hostname);
            let found = found.ok_or_else(|| format!("the leader does not know agent {number}"))?;
            Ok::<_, String>(json!({ "value": found.id.as_str() }))
        };
        let machines = |number: usize| json!([{ "hostname": machine(number) }]);
        Ok(Some(match self {
            Order::Drain(number) => {
                let drain = json!({ "agent_id": agent(*number)? });
                json!({ "type": "DRAIN_AGENT", "drain_agent": drain })
            }
            Order::Reactivate(number) => {
                let reactivate = json!({ "agent_id": agent(*number)? });
                json!({ "type": "REACTIVATE_AGENT", "reactivate_agent": reactivate })
            }
            Order::Schedule { agent, begins, lasts } => {
                let schedule = schedule(cluster, *agent, *begins, *lasts)?;
                let update = json!({ "schedule": { "windows": schedule } });
                json!({ "type": "UPDATE_MAINTENANCE_SCHEDULE", "update_maintenance_schedule": update })
            }
            Order::Down(number) => {
                json!({ "type": "START_MAINTENANCE", "start_maintenance": { "machines": machines(*number) } })
            }
            Order::Up(number) => {
                json!({ "type": "STOP_MAINTENANCE", "stop_maintenance": { "machines": machines(*number) } })
            }
            Order::Quota { role, limits } => {
                let quantities = limits.scalar_quantities();
                let limits: serde_json::Map<String, Value> = quantities
                    .iter()
                    .map(|(name, amount)| (name.to_string(), json!({ "value": amount.as_f64() })))
                    .collect();
                let update = json!({ "force": true, "quota_configs": [{ "role": role, "limits": limits }] });
                json!({ "type": "UPDATE_QUOTA", "update_quota": update })
            }
            Order::Weight { role, weight } => {
                let update = json!({ "weight_infos": [{ "role": role, "weight": weight }] });
                json!({ "type": "UPDATE_WEIGHTS", "update_weights": update })
            }
            _ => return Ok(None),
        }))
    }

    /// Does what is done with masters, machines and their API; a framework's jobs are not.
    ///
    /// Errors: nobody leads, or who leads refuses.
    pub(super) fn perform(&self, cluster: &mut Cluster) -> Result<(), String> {
        if let Some(call) = self.call(cluster)? {
            ask(cluster, "/api/v1", "application/json", call.to_string())?;
        }
        match *self {
            Order::Up(agent) => cluster.restart(Part::Agent(agent), Disk::Kept),
            Order::Grow(agents) => cluster.grow(agents),
            Order::Upgrade(part) => cluster.upgrade(part),
            Order::AddMaster => {
                let address = cluster.add_master().map_err(|error| error.to_string())?;
                ask(cluster, "/log/add", FORM, format!("address={address}"))?;
            }
            Order::RemoveMaster(number) => {
                let address = cluster.master_address(number).ok_or_else(|| format!("no master {number}"))?;
                ask(cluster, "/log/remove", FORM, format!("node={address}"))?;
                cluster.retire(number);
            }
            Order::HandOver => ask(cluster, "/log/transfer", FORM, String::new())?,
            _ => {}
        }
        Ok(())
    }
}

fn nobody() -> String {
    "nobody leads".to_owned()
}

/// The windows there are, and one more.
fn schedule(
    cluster: &Cluster,
    agent: usize,
    begins: Duration,
    lasts: Duration,
) -> Result<Vec<Value>, String> {
    let snapshot = cluster.leader().ok_or_else(nobody)?;
    let nanos = |duration: Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
    let own = machine(agent);
    let mut windows: Vec<Value> = Vec::new();
    for window in &snapshot.policy.schedule {
        let machines: Vec<Value> = window
            .machines
            .iter()
            .filter(|machine| machine.hostname.as_deref() != Some(own.as_str()))
            .map(|machine| json!({ "hostname": machine.hostname }))
            .collect();
        let away = &window.unavailability;
        let mut unavailability = json!({ "start": { "nanoseconds": away.start.nanos() } });
        if let Some(duration) = away.duration {
            unavailability["duration"] = json!({ "nanoseconds": nanos(duration) });
        }
        if !machines.is_empty() {
            windows.push(json!({ "machine_ids": machines, "unavailability": unavailability }));
        }
    }
    let start = cluster.wall_nanos().saturating_add(nanos(begins));
    windows.push(json!({
        "machine_ids": [{ "hostname": own }],
        "unavailability": { "start": { "nanoseconds": start }, "duration": { "nanoseconds": nanos(lasts) } },
    }));
    Ok(windows)
}

const FORM: &str = "application/x-www-form-urlencoded";

/// Posts something to the leading master; one that has just handed the lead over is not the last to be asked.
///
/// Errors: nobody leads, it refuses, or says nothing in time.
fn ask(cluster: &mut Cluster, path: &str, content_type: &str, body: String) -> Result<(), String> {
    let mut answer = Err(nobody());
    for _ in 0..TRIES {
        let request = Request::post(&format!("http://master{path}"))
            .header(header::CONTENT_TYPE, content_type)
            .body(body.clone());
        let Some((status, text)) = cluster.request(request, PATIENCE) else {
            answer = Err("nobody leads, or who leads says nothing".to_owned());
            break;
        };
        if status.is_success() {
            return Ok(());
        }
        answer = Err(format!("{status}: {text}"));
        if !status.is_redirection() {
            break;
        }
        // Whom it names knows of it in a moment.
        cluster.advance(Duration::from_secs(2));
    }
    answer
}

/// How often a redirection is followed.
const TRIES: usize = 3;
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);
