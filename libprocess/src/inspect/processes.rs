//! `/__processes__`: who lives on this node, and at what they are.
//!
//! What a busy process cannot tell is read from what it shares: its mailbox, its counts, what its shard
//! is at. What only it knows, its links, it is asked through its system lane; who has not answered
//! shortly is shown without.

use futures_util::FutureExt;
use futures_util::future::{Either, select};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

use crate::Runtime;
use crate::http::{Request, Response};
use crate::mailbox::{AnyCell, Inside};

/// How long a process may take to tell what only it knows.
const WITHIN: Duration = Duration::from_millis(200);
/// How many are shown if nothing is said.
const SHOWN: usize = 10_000;

/// An array of processes in order of their ids. Shape: see `one`.
pub(super) async fn list(runtime: Runtime, request: Request) -> Response {
    let id = request.query.get("id");
    let limit = match request.query.get("limit").map(str::parse) {
        None => SHOWN,
        Some(Ok(limit)) => limit,
        Some(Err(_)) => return Response::bad_request("Expecting 'limit' to be a number.\n"),
    };
    let mut cells = runtime.cells();
    cells.retain(|cell| id.is_none_or(|id| cell.upid().id() == id));
    cells.truncate(limit);
    let asked = cells.iter().map(|cell| {
        let (sender, answer) = oneshot::channel();
        cell.probe(sender);
        answer
    });
    let mut asked: Vec<_> = asked.collect();
    let mut late = runtime.sleep(WITHIN);
    let mut is_late = false;
    let mut shown = Vec::with_capacity(cells.len());
    for (cell, answer) in cells.iter().zip(&mut asked) {
        let inside = match is_late {
            true => answer.now_or_never(),
            false => match select(answer, &mut late).await {
                Either::Left((inside, _)) => Some(inside),
                Either::Right(_) => {
                    is_late = true;
                    None
                }
            },
        };
        shown.push(one(&runtime, cell, inside.and_then(Result::ok)));
    }
    Response::json(Value::from(shown).to_string())
}

fn one(runtime: &Runtime, cell: &Arc<dyn AnyCell>, inside: Option<Inside>) -> Value {
    let (shard, key) = cell.place();
    let number = runtime.shards().iter().position(|known| known.id == shard);
    let current = number.and_then(|number| {
        let at_work = &runtime.shards()[number].at_work;
        let seen = at_work.look().filter(|seen| seen.who == key)?;
        let now = u64::try_from(runtime.elapsed().as_millis()).unwrap_or(u64::MAX);
        let held = at_work.since().map_or(0, |since| now.saturating_sub(since));
        Some(json!({ "input": seen.label, "held_ms": held }))
    });
    let outside = cell.look();
    let upid = cell.upid();
    json!({
        "id": upid.id(),
        "kind": cell.kind(),
        "epoch": upid.epoch().map(|epoch| epoch.0),
        "shard": number,
        "handled": outside.handled,
        "depth": outside.user,
        "system_depth": outside.system,
        "watchers": outside.watchers,
        "current": current,
        "events": outside.waiting.iter().map(|kind| json!({ "type": kind })).collect::<Vec<_>>(),
        "links": inside.as_ref().map(|inside| inside.links.iter().map(ToString::to_string).collect::<Vec<_>>()),
        "timers": inside.as_ref().map(|inside| inside.timers),
        "questions": inside.as_ref().map(|inside| inside.questions),
        "tasks": inside.as_ref().map(|inside| inside.tasks),
    })
}
