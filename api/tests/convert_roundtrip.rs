//! What a real cluster and its clients said, taken into the domain and spelled again.
//!
//! Nothing that was said may be lost on the way, except what has no meaning: see `same_meaning`.

use api::convert::{Spelling, event, executor_api};
use api::json::{self, Message};
use api::v1::{executor, scheduler};
use model::call::Call;
use model::event::Event;
use model::executor_call::ExecutorCall;
use model::executor_event::ExecutorEvent;
use model::operation::OperationKind;
use serde_json::Value;

fn read<M: Message>(line: &str) -> M {
    json::from_slice(line.as_bytes()).unwrap_or_else(|error| panic!("{error}: {line}"))
}

fn print<M: Message>(message: &M) -> Value {
    serde_json::from_slice(&json::to_vec(message)).expect("it is JSON")
}

/// Drops what may be said or left out without changing the meaning: empty objects and lists, and filters, which
/// have a default.
fn same_meaning(value: &Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .filter(|(name, _)| *name != "filters")
                .map(|(name, value)| (name.clone(), same_meaning(value)))
                .filter(|(_, value)| !matches!(value, Value::Object(fields) if fields.is_empty()))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(same_meaning).collect()),
        other => other.clone(),
    }
}

#[test]
fn every_event_a_scheduler_saw_is_spelled_as_it_was() {
    for line in include_str!("samples/scheduler.Event.jsonl").lines() {
        let said: scheduler::Event = read(line);
        let meant = Event::try_from(said.clone()).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(print(&event::write(&meant, Spelling::FULL)), print(&said));
    }
}

#[test]
fn every_call_a_scheduler_made_is_understood() {
    for line in include_str!("samples/scheduler.Call.jsonl").lines() {
        let said: scheduler::Call = read(line);
        let Ok(meant) = Call::try_from(said.clone()) else {
            assert!(is_refused(&said), "{line}");
            continue;
        };
        let again = scheduler::Call::from(&meant);
        if !has_invalid_task(&meant) {
            assert_eq!(same_meaning(&print(&again)), same_meaning(&print(&said)));
            assert_eq!(Call::try_from(again), Ok(meant));
        }
    }
}

/// The samples hold a few calls that lack something, and were answered with 400.
fn is_refused(call: &scheduler::Call) -> bool {
    call.r#type.is_none()
        || call.framework_id.is_none()
        || call.acknowledge.as_ref().is_some_and(|acknowledge| acknowledge.uuid.len() != 16)
        || call.subscribe.is_none()
}

fn has_invalid_task(call: &Call) -> bool {
    let Call::Accept(accept) = call else { return false };
    accept.operations.iter().any(|operation| match &operation.kind {
        OperationKind::Launch(tasks) => tasks.iter().any(Result::is_err),
        _ => false,
    })
}

#[test]
fn every_call_an_executor_made_is_understood() {
    for line in include_str!("samples/executor.Call.jsonl").lines() {
        let said: executor::Call = read(line);
        let Ok(meant) = ExecutorCall::try_from(said.clone()) else { continue };
        let again = executor::Call::from(&meant);
        assert_eq!(same_meaning(&print(&again)), same_meaning(&print(&said)));
        assert_eq!(ExecutorCall::try_from(again), Ok(meant));
    }
}

#[test]
fn every_event_an_executor_saw_is_spelled_as_it_was() {
    for line in include_str!("samples/executor.Event.jsonl").lines() {
        let said: executor::Event = read(line);
        let meant = ExecutorEvent::try_from(said.clone()).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(print(&executor_api::write_event(&meant, Spelling::FULL)), print(&said));
    }
}
