//! `/__links__`: the ways to other nodes, and how they are.

use serde_json::{Value, json};

use crate::Runtime;
use crate::http::Response;

/// An array of ways in order of addresses; a node has one for each sort of message.
pub(super) fn list(runtime: &Runtime) -> Response {
    let ways = runtime.peers().look(runtime.elapsed()).into_iter().map(|way| {
        json!({
            "address": way.address.to_string(),
            "channel": format!("{:?}", way.channel).to_lowercase(),
            "state": way.state,
            "epoch": way.epoch,
            "round_trip_ms": way.round_trip.map(|time| time.as_secs_f64() * 1e3),
            "queued_bytes": way.queued_bytes,
            "queued_frames": way.queued_frames,
            "questions": way.questions,
            "links": way.links,
            "incoming": way.incoming,
        })
    });
    Response::json(Value::from(ways.collect::<Vec<_>>()).to_string())
}
