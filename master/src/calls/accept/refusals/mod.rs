//! What the reference refuses, case by case, as frameworks spell it: each is refused in words that say why, and nothing has
//! changed after it but that the offer is gone.
//!
//! 1. [`tasks`]: LAUNCH; 2. [`groups`]: LAUNCH_GROUP; 3. [`conversions`]: operations on resources; 4. [`offers`]: what may be used
//!    together.
//!
//! Source: scheduler semantics §4.

mod conversions;
mod groups;
mod offers;
mod tasks;

use api::content::{self, MediaType};
use api::v1;
use model::call::Call;
use model::{AgentId, FrameworkId, OfferId, Resources};
use serde_json::{Value, json};

use crate::effects::Effects;
use crate::testing::{Stage, events, to_agents, to_allocator};

const ALL: &str = "cpus:4;mem:1024;disk:200;gpus:2;ports:[1-100]";

/// A framework, and an agent all of which it is offered again and again.
struct Refusing {
    stage: Stage,
    agent: AgentId,
    framework: FrameworkId,
}

impl Refusing {
    fn new() -> Refusing {
        let mut stage = Stage::new();
        let (agent, framework) = (stage.agent(1, ALL), stage.framework());
        Refusing { stage, agent, framework }
    }

    /// An ACCEPT of all that is free, read as if it had come over HTTP.
    fn accept(&mut self, operations: &[Value]) -> Effects {
        let offer = self.stage.offer_all(&self.framework, &self.agent);
        self.accept_offers(&[offer], operations)
    }

    fn accept_offers(&mut self, offers: &[OfferId], operations: &[Value]) -> Effects {
        let offers: Vec<Value> = offers.iter().map(|id| json!({"value": id.as_str()})).collect();
        let call = json!({
            "type": "ACCEPT", "framework_id": {"value": self.framework.as_str()},
            "accept": {"offer_ids": offers, "operations": operations, "filters": {"refuse_seconds": 0.0}},
        });
        let text = call.to_string();
        let call = content::decode_call::<v1::scheduler::Call>(text.as_bytes(), MediaType::Json);
        self.stage.call(Call::try_from(call.expect("a call")).expect("one with its parts"))
    }

    /// What is there: it is the same before and after something is refused.
    fn there(&self) -> (Resources, Resources, Resources, Vec<String>) {
        let agent = self.stage.state.agent(&self.agent).expect("it is registered");
        let tasks = self.stage.state.framework(&self.framework).expect("it is subscribed").tasks.values();
        let tasks = tasks.map(|task| format!("{} {}", task.id, task.state)).collect();
        (agent.total.clone(), agent.free.clone(), agent.used_total.clone(), tasks)
    }

    /// Has operations refused, with these words in what the framework is told.
    fn refused(&mut self, operations: &[Value], told: &[&str]) {
        let before = self.there();
        let effects = self.accept(operations);
        self.unchanged(before, &effects, told);
    }

    fn unchanged(
        &self,
        before: (Resources, Resources, Resources, Vec<String>),
        effects: &Effects,
        told: &[&str],
    ) {
        let said = events(effects);
        assert!(
            !said.is_empty() && said.iter().all(|event| told.iter().all(|word| event.contains(word))),
            "{told:?} should be in {said:#?}"
        );
        assert_eq!(to_agents(effects), [""; 0], "{told:?}");
        assert!(to_allocator(effects).iter().all(|line| line.starts_with("recover ")), "{told:?}");
        assert_eq!(self.there(), before, "{told:?}");
    }
}

/// A value with some of it put in place of what was there; `null` takes it out.
fn with(mut value: Value, change: &Value) -> Value {
    match (&mut value, change) {
        (Value::Object(fields), Value::Object(changes)) => {
            for (name, change) in changes {
                match change {
                    Value::Null => drop(fields.remove(name)),
                    change => {
                        let before = fields.remove(name).unwrap_or_else(|| json!({}));
                        fields.insert(name.clone(), with(before, change));
                    }
                }
            }
            value
        }
        _ => change.clone(),
    }
}

fn scalar(name: &str, amount: f64) -> Value {
    json!({"name": name, "type": "SCALAR", "scalar": {"value": amount}})
}

/// A reserved volume.
fn volume(id: &str, size: f64) -> Value {
    with(
        scalar("disk", size),
        &json!({
            "reservations": [{"type": "DYNAMIC", "role": "web"}],
            "disk": {"persistence": {"id": id}, "volume": {"container_path": "data", "mode": "RW"}},
        }),
    )
}

fn ports(from: u64, to: u64) -> Value {
    json!({"name": "ports", "type": "RANGES", "ranges": {"range": [{"begin": from, "end": to}]}})
}
