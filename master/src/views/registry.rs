//! `/registrar(1)/registry`: what the log keeps of this cluster. Written from the committed content while it is read.

use std::iter::once;
use std::sync::Arc;

use api::classic::registry::{self, Standing};
use libprocess::http::{Body, Bytes, Chunks};
use model::{AgentId, MachineId, MasterInfo};

use crate::registrar::Registry;

/// Unit: bytes. A piece is handed over once it has so many.
const PIECE: usize = 64 * 1024;

/// Parts of a document, each a value or what stands around some.
type Parts = Box<dyn Iterator<Item = Vec<u8>> + Send>;

/// The whole of it, and who leads by it; keys in order, as in the original.
pub(crate) fn body(content: Arc<Registry>, leader: Option<&MasterInfo>) -> Body {
    let mut parts = parts(content, leader);
    let pieces = std::iter::from_fn(move || {
        let mut piece = Vec::new();
        while piece.len() < PIECE {
            match parts.next() {
                Some(part) => piece.extend(part),
                None => break,
            }
        }
        (!piece.is_empty()).then(|| Bytes::from(piece))
    });
    Chunks::document(pieces).into()
}

fn parts(content: Arc<Registry>, leader: Option<&MasterInfo>) -> Parts {
    let policy = &content.policy;
    let machines: Vec<Vec<u8>> = policy
        .schedule
        .iter()
        .flat_map(|window| window.machines.iter().map(move |machine| (machine, &window.unavailability)))
        .filter_map(|(id, planned): (&MachineId, _)| Some(registry::machine(id, policy.mode(id)?, planned)))
        .collect();
    let needed = [
        ("AGENT_DRAINING", !policy.drains.is_empty() || !policy.deactivated.is_empty()),
        ("QUOTA_V2", !policy.quotas.is_empty()),
    ];
    let schedules = (!policy.schedule.is_empty()).then(|| registry::schedule(&policy.schedule));
    let quotas: Vec<Vec<u8>> = policy.quotas.values().map(registry::quota).collect();

    let of = content.clone();
    let admitted = content
        .admitted
        .clone()
        .into_iter()
        .map(move |(id, info)| registry::admitted(&id, &info, standing(&of, &id)));
    let of = content.clone();
    let unreachable = content.unreachable.clone().into_iter();
    let unreachable = unreachable.map(move |(id, at)| registry::unreachable(&id, at, standing(&of, &id)));
    let gone = content.gone.clone().into_iter().map(|(id, at)| registry::gone(&id, at));
    let weights = content.weights.clone().into_iter().map(|(_, weight)| registry::weight(&weight));

    object([
        list("\"gone\":{\"slaves\":[", gone, "]}"),
        list("\"machines\":{\"machines\":[", machines.into_iter(), "]}"),
        list("\"master\":", leader.map(registry::leader).into_iter(), ""),
        list(
            "\"minimum_capabilities\":[",
            needed.into_iter().filter(|(_, needed)| *needed).map(|(name, _)| registry::capability(name)),
            "]",
        ),
        list("\"quota_configs\":[", quotas.into_iter(), "]"),
        list("\"schedules\":[", schedules.into_iter(), "]"),
        list("\"slaves\":{\"slaves\":[", admitted, "]}"),
        list("\"unreachable\":{\"slaves\":[", unreachable, "]}"),
        list("\"weights\":[", weights, "]"),
    ])
}

fn standing<'a>(content: &'a Registry, id: &AgentId) -> Standing<'a> {
    let policy = &content.policy;
    Standing { drain: policy.drains.get(id), deactivated: policy.deactivated.contains(id) }
}

/// A field that holds values; none if it holds nothing.
fn list(
    open: &'static str,
    values: impl Iterator<Item = Vec<u8>> + Send + 'static,
    close: &'static str,
) -> Option<Parts> {
    let values = separated(values).peekable();
    some(values).map(|values| -> Parts {
        let text = |text: &'static str| once(text.as_bytes().to_vec());
        Box::new(text(open).chain(values).chain(text(close)))
    })
}

fn some<I: Iterator>(mut values: std::iter::Peekable<I>) -> Option<std::iter::Peekable<I>> {
    values.peek().is_some().then_some(values)
}

/// The same, each but the first behind a comma.
fn separated(values: impl Iterator<Item = Vec<u8>>) -> impl Iterator<Item = Vec<u8>> {
    values.enumerate().map(|(at, mut value)| {
        if at > 0 {
            value.insert(0, b',');
        }
        value
    })
}

/// An object of those fields that are there.
fn object(fields: impl IntoIterator<Item = Option<Parts>>) -> Parts {
    let fields: Vec<Parts> = fields.into_iter().flatten().collect();
    let fields = fields.into_iter().enumerate().flat_map(|(at, field)| {
        let comma = if at > 0 { vec![b','] } else { Vec::new() };
        once(comma).chain(field)
    });
    Box::new(once(vec![b'{']).chain(fields).chain(once(vec![b'}'])))
}

#[cfg(test)]
mod tests {
    use model::{AgentInfo, DrainConfig, Quantities, Quota, Scalar, Time, Unavailability, Weight, Window};
    use serde_json::{Value, json};

    use super::*;
    use crate::registrar::Delta;

    fn shown(changes: impl IntoIterator<Item = Delta>) -> Value {
        let mut content = Registry::default();
        for delta in changes {
            assert_eq!(content.apply(&delta), Ok(true), "{delta}");
        }
        let text = parts(Arc::new(content), None).flatten().collect::<Vec<u8>>();
        serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{error}: {text:?}"))
    }

    #[test]
    fn nothing_is_an_empty_object() {
        assert_eq!(shown([]), json!({}));
    }

    #[test]
    fn every_fact_is_shown_in_the_old_spelling() {
        let info = |hostname: &str| {
            Arc::new(AgentInfo {
                id: None,
                hostname: hostname.into(),
                port: 5051,
                resources: "cpus:4".parse().unwrap(),
                attributes: Default::default(),
                domain: None,
            })
        };
        let admit = |id: &str| Delta::AdmitAgent { id: id.into(), info: info(id) };
        let at = Time::from_nanos(7);
        let machine = MachineId { hostname: Some("a".into()), ip: None };
        let window = Window {
            machines: vec![machine.clone()],
            unavailability: Unavailability { start: at, duration: None },
        };
        let limits: Quantities = [("cpus", Scalar::whole(2))].into_iter().collect();
        let quota = Quota { role: "web".into(), guarantees: Quantities::new(), limits };
        let config = DrainConfig { max_grace_period: None, mark_gone: false };

        let shown = shown([
            admit("a"),
            admit("b"),
            admit("c"),
            admit("d"),
            Delta::MarkUnreachable { id: "c".into(), at },
            Delta::MarkGone { id: "d".into(), at },
            Delta::DrainAgent { id: "b".into(), config },
            Delta::UpdateWeights { weights: vec![Weight::new("web".into(), 2.5).unwrap()] },
            Delta::UpdateQuota { quotas: vec![quota] },
            Delta::UpdateSchedule { windows: vec![window] },
            Delta::StartMaintenance { machines: vec![machine] },
        ]);

        let start = json!({"start": {"nanoseconds": 7}});
        let slaves = shown["slaves"]["slaves"].as_array().expect("a list");
        assert_eq!(slaves.len(), 2);
        assert_eq!(slaves[0]["info"]["id"], json!({"value": "a"}));
        assert_eq!(
            (&slaves[0]["info"]["checkpoint"], &slaves[0]["deactivated"]),
            (&json!(true), &json!(false))
        );
        assert_eq!(slaves[0]["info"]["resources"][0]["scalar"]["value"], 4.0);
        assert_eq!(slaves[1]["drain_info"]["state"], "DRAINING");
        assert_eq!(slaves[1]["deactivated"], true);
        let mark = json!({"id": {"value": "c"}, "timestamp": {"nanoseconds": 7}, "deactivated": false});
        assert_eq!(shown["unreachable"], json!({"slaves": [mark]}));
        let mark = json!({"id": {"value": "d"}, "timestamp": {"nanoseconds": 7}});
        assert_eq!(shown["gone"], json!({"slaves": [mark]}));
        let down = json!({"id": {"hostname": "a"}, "mode": "DOWN", "unavailability": start});
        assert_eq!(shown["machines"], json!({"machines": [{"info": down}]}));
        let planned = json!({"machine_ids": [{"hostname": "a"}], "unavailability": start});
        assert_eq!(shown["schedules"], json!([{"windows": [planned]}]));
        assert_eq!(shown["quota_configs"], json!([{"role": "web", "limits": {"cpus": {"value": 2.0}}}]));
        assert_eq!(shown["weights"], json!([{"info": {"weight": 2.5, "role": "web"}}]));
        let needed = json!([{"capability": "AGENT_DRAINING"}, {"capability": "QUOTA_V2"}]);
        assert_eq!(shown["minimum_capabilities"], needed);
    }
}
