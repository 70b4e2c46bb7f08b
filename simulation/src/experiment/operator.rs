//! What operators do in the middle of a run, over the operator API.

use std::fmt;

use libprocess::http::{Request, header};
use model::Resources;
use serde_json::{Value, json};

use crate::cluster::Cluster;

/// One thing an operator wants.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// An agent is to be emptied.
    Drain(usize),
    /// It may be used again.
    Reactivate(usize),
    /// A role may have no more than this.
    Quota { role: String, limits: Resources },
    /// A role's part is so much larger than that of one of weight 1.
    Weight { role: String, weight: f64 },
    /// So many machines more.
    Grow(usize),
    /// A job's tasks end.
    Cancel { framework: String, job: String },
}

impl Order {
    /// The call it is, for those that are one; `None` while its agent is unknown.
    pub(super) fn call(&self, cluster: &Cluster) -> Option<Value> {
        let agent = |number: usize| {
            let snapshot = cluster.leader()?;
            let hostname = format!("machine-{number}");
            let found = snapshot.agents.values().find(|agent| agent.info.hostname == hostname)?;
            Some(json!({ "value": found.id.as_str() }))
        };
        match self {
            Order::Drain(number) => {
                let drain = json!({ "agent_id": agent(*number)? });
                Some(json!({ "type": "DRAIN_AGENT", "drain_agent": drain }))
            }
            Order::Reactivate(number) => {
                let reactivate = json!({ "agent_id": agent(*number)? });
                Some(json!({ "type": "REACTIVATE_AGENT", "reactivate_agent": reactivate }))
            }
            Order::Quota { role, limits } => {
                let quantities = limits.scalar_quantities();
                let limits: serde_json::Map<String, Value> = quantities
                    .iter()
                    .map(|(name, amount)| (name.to_string(), json!({ "value": amount.as_f64() })))
                    .collect();
                let update = json!({ "force": true, "quota_configs": [{ "role": role, "limits": limits }] });
                Some(json!({ "type": "UPDATE_QUOTA", "update_quota": update }))
            }
            Order::Weight { role, weight } => {
                let update = json!({ "weight_infos": [{ "role": role, "weight": weight }] });
                Some(json!({ "type": "UPDATE_WEIGHTS", "update_weights": update }))
            }
            Order::Grow(_) | Order::Cancel { .. } => None,
        }
    }
}

/// Makes a call at the leading master.
///
/// Errors: nobody leads, or it refuses.
pub(super) fn ask(cluster: &mut Cluster, call: &Value) -> Result<(), String> {
    let request = Request::post("http://master/api/v1")
        .header(header::CONTENT_TYPE, "application/json")
        .body(call.to_string());
    let mut response = cluster.request(request).ok_or("nobody leads")?;
    let status = response.status;
    let body = cluster.block_on(response.bytes(ANSWER_MAX)).unwrap_or_default();
    match status.is_success() {
        true => Ok(()),
        false => Err(format!("{status}: {}", String::from_utf8_lossy(&body))),
    }
}

/// Unit: bytes.
const ANSWER_MAX: usize = 64 * 1024;

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Order::Drain(agent) => write!(f, "drain agent {agent}"),
            Order::Reactivate(agent) => write!(f, "reactivate agent {agent}"),
            Order::Quota { role, limits } => write!(f, "quota {role} {limits}"),
            Order::Weight { role, weight } => write!(f, "weight {role} {weight}"),
            Order::Grow(agents) => write!(f, "grow by {agents} agents"),
            Order::Cancel { framework, job } => write!(f, "cancel {framework} {job}"),
        }
    }
}
