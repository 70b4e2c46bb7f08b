//! Whether two streams of events say the same.
//!
//! What an event is about is its thread: a task, an operation, an executor, a framework, an agent, offers taken back, or the
//! stream itself. Within a thread, ours says what theirs said, in the same order. Left to the pace of a run are:
//! - which of two threads is heard first;
//! - heartbeats after the first, and updates that were sent again;
//! - how far a task had got when an update of it was passed on;
//! - how many offers there are, how much is in them, and whether an executor that ends is still named. The first is compared
//!   in full; of the others, what they say beside this must be said by theirs, and all theirs said by ours.

use std::collections::BTreeMap;

use api_conformance::differences as compared;
use serde_json::Value;

/// What ours lacks, adds or says otherwise, one line each: `thread/number/path: how`.
pub(crate) fn differences(golden: &[Value], ours: &[Value]) -> Vec<String> {
    let mut lines = offers(golden, ours);
    let (mut golden, ours) = (threads(golden), threads(ours));
    for (thread, events) in &ours {
        let theirs = golden.remove(thread).unwrap_or_default();
        for (at, event) in events.iter().enumerate() {
            match theirs.get(at) {
                Some(other) => {
                    let found = compared(&placed(other, &theirs[at..]), &placed(event, &theirs[at..]));
                    lines.extend(found.into_iter().map(|line| format!("{thread}/{at}{line}")));
                }
                None => lines.push(format!("{thread}/{at}: added {event}")),
            }
        }
        let missing = theirs.iter().enumerate().skip(events.len());
        lines.extend(missing.map(|(at, event)| format!("{thread}/{at}: missing {event}")));
    }
    let silent = golden.into_iter().flat_map(|(thread, events)| {
        events.into_iter().map(move |event| format!("{thread}: missing {event}"))
    });
    lines.extend(silent);
    lines
}

/// Thread → its events, in order.
fn threads(events: &[Value]) -> BTreeMap<String, Vec<&Value>> {
    let mut threads: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
    for event in events {
        let thread = threads.entry(thread(event)).or_default();
        let uuid = &event["update"]["status"]["uuid"];
        let again = event["type"] == "HEARTBEAT" && thread.contains(&event)
            || uuid.is_string() && thread.iter().any(|other| other["update"]["status"]["uuid"] == *uuid);
        if event["type"] != "OFFERS" && !again {
            thread.push(event);
        }
    }
    threads.retain(|_, events| !events.is_empty());
    threads
}

/// What an event is about.
fn thread(event: &Value) -> String {
    let named = |what: &str, id: &Value| format!("{what} {}", id["value"].as_str().unwrap_or_default());
    match event["type"].as_str().unwrap_or_default() {
        "UPDATE" => named("task", &event["update"]["status"]["task_id"]),
        "TASK_ADDED" => named("task", &event["task_added"]["task"]["task_id"]),
        "TASK_UPDATED" => named("task", &event["task_updated"]["status"]["task_id"]),
        "UPDATE_OPERATION_STATUS" => {
            named("operation", &event["update_operation_status"]["status"]["operation_id"])
        }
        "MESSAGE" => named("executor", &event["message"]["executor_id"]),
        "FAILURE" => named("executor", &event["failure"]["executor_id"]),
        "OFFERS" | "RESCIND" => "offers".to_owned(),
        kind if kind.starts_with("FRAMEWORK_") => "framework".to_owned(),
        kind if kind.starts_with("AGENT_") => "agent".to_owned(),
        _ => "stream".to_owned(),
    }
}

/// An event without how far its task had got, if that is where it was then or later.
fn placed(event: &Value, rest: &[&Value]) -> Value {
    let mut event = event.clone();
    let state = event["task_updated"]["state"].clone();
    if state.is_string() && rest.iter().any(|later| later["task_updated"]["status"]["state"] == state) {
        event["task_updated"]["state"] = Value::Null;
    }
    event
}

fn offers(golden: &[Value], ours: &[Value]) -> Vec<String> {
    let all = |events: &[Value]| -> Vec<Value> {
        let offered = events.iter().filter_map(|event| event["offers"]["offers"].as_array().cloned());
        offered.flatten().collect()
    };
    let (golden, ours) = (all(golden), all(ours));
    let mut lines: Vec<String> = match (golden.first(), ours.first()) {
        (Some(golden), Some(ours)) => compared(golden, ours),
        (None, None) => Vec::new(),
        (golden, ours) => return vec![format!("offers: {ours:?} instead of {golden:?}")],
    };
    for (what, of) in [("offer", beside as fn(&[Value]) -> Vec<Value>), ("resource", kinds)] {
        let (golden, ours) = (of(&golden), of(&ours));
        let said = |one: &Value, by: &[Value]| {
            let ends = |line: &String| line == "/executor_ids: added";
            by.iter().any(|other| compared(other, one).iter().all(ends))
        };
        let added = ours.iter().filter(|one| !said(one, &golden)).map(|one| format!("/{what}: added {one}"));
        lines.extend(added);
        let silent = golden.iter().filter(|one| !ours.iter().any(|other| compared(one, other).is_empty()));
        lines.extend(silent.map(|one| format!("/{what}: missing {one}")));
    }
    lines.into_iter().map(|line| format!("offers{line}")).collect()
}

/// What offers say beside their resources.
fn beside(offers: &[Value]) -> Vec<Value> {
    let bare = |offer: &Value| {
        let mut offer = offer.clone();
        offer["resources"] = Value::Null;
        offer
    };
    offers.iter().map(bare).collect()
}

/// What resources are offered, amounts aside.
fn kinds(offers: &[Value]) -> Vec<Value> {
    let bare = |resource: &Value| {
        let mut resource = resource.clone();
        for amount in ["scalar", "ranges"] {
            if let Some(amount) = resource.get_mut(amount) {
                *amount = Value::Null;
            }
        }
        resource
    };
    offers.iter().filter_map(|offer| offer["resources"].as_array()).flatten().map(bare).collect()
}
