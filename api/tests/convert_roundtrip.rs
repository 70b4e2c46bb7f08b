//! What a real cluster and its clients said, taken into the domain and spelled again.
//!
//! Nothing that was said may be lost on the way, except what has no meaning: see `same_meaning`.

use api::content::{MediaType, decode_call, encode};
use api::convert::{Format, Spelling, event, executor_api, resources};
use api::json::{self, Message};
use api::v1::{self, executor, master, scheduler};
use model::call::Call;
use model::event::Event;
use model::executor_call::ExecutorCall;
use model::executor_event::ExecutorEvent;
use model::operation::OperationKind;
use model::testing::{Side, bags};
use model::{Resource, Resources, Task};
use proptest::prelude::*;
use serde_json::Value;

fn read<M: Message>(line: &str) -> M {
    json::from_slice(line.as_bytes()).unwrap_or_else(|error| panic!("{error}: {line}"))
}

fn print<M: Message>(message: &M) -> Value {
    serde_json::from_slice(&json::to_vec(message)).expect("it is JSON")
}

/// Drops what may be said or left out without changing the meaning: empty objects, and filters, which have a default;
/// and puts capabilities in order, which are a set.
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
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(same_meaning).collect();
            let is_type =
                |item: &Value| item.as_object().is_some_and(|it| it.len() == 1 && it.contains_key("type"));
            if items.iter().all(is_type) {
                items.sort_by_key(ToString::to_string);
            }
            Value::Array(items)
        }
        other => other.clone(),
    }
}

#[test]
fn every_event_a_scheduler_saw_is_spelled_as_it_was() {
    for line in include_str!("samples/scheduler.Event.jsonl").lines() {
        let said: scheduler::Event = read(line);
        let meant = Event::try_from(said.clone()).unwrap_or_else(|error| panic!("{error}: {line}"));
        // Some of the frameworks could not read refined reservations.
        let format = if line.contains(r#""role":"*""#) { Format::Legacy } else { Format::Refined };
        let spelling = Spelling { format, ..Spelling::FULL };
        assert_eq!(print(&event::write(&meant, spelling)), print(&said));
    }
}

#[test]
fn every_call_a_scheduler_made_is_understood() {
    for line in include_str!("samples/scheduler.Call.jsonl").lines() {
        let said: scheduler::Call = read(line);
        let meant = match Call::try_from(said) {
            Ok(meant) => meant,
            // The samples hold a few calls that lack something, and were answered with 400.
            Err(error) => {
                let known = ["Expecting '", "Not a valid UUID", "'framework_id' differs from"];
                assert!(known.iter().any(|text| error.reason.starts_with(text)), "{error}: {line}");
                continue;
            }
        };
        let again = scheduler::Call::from(&meant);
        if !has_invalid_task(&meant) {
            let said: scheduler::Call = read(line);
            assert_eq!(same_meaning(&print(&again)), same_meaning(&print(&said)));
            assert_eq!(Call::try_from(again), Ok(meant));
        }
    }
}

/// Whether something in an ACCEPT cannot be spelled again, since it never meant anything.
fn has_invalid_task(call: &Call) -> bool {
    let Call::Accept(accept) = call else { return false };
    accept.operations.iter().any(|operation| match &operation.kind {
        OperationKind::Launch(tasks) => tasks.iter().any(Result::is_err),
        OperationKind::LaunchGroup(group) => group.is_err(),
        OperationKind::Invalid { .. } => true,
        OperationKind::Convert(_) => false,
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
        let again = executor_api::write_event(&meant, Spelling::FULL);
        assert_eq!(same_meaning(&print(&again)), same_meaning(&print(&said)));
    }
}

#[test]
fn every_record_an_operator_saw_is_spelled_as_it_was() {
    let mut seen = 0;
    for line in include_str!("samples/master.Response.jsonl").lines() {
        let answer: master::Response = read(line);
        let tasks = answer.get_tasks.into_iter().chain(answer.get_state.and_then(|state| state.get_tasks));
        for said in
            tasks.flat_map(|tasks| [tasks.tasks, tasks.completed_tasks, tasks.unreachable_tasks].concat())
        {
            let meant = Task::try_from(said.clone()).unwrap_or_else(|error| panic!("{error}: {line}"));
            let again = v1::Task::from(&meant);
            assert_eq!(same_meaning(&print(&again)), same_meaning(&print(&said)));
            seen += 1;
        }
    }
    assert!(seen > 20, "the samples hold records");
}

proptest! {
    #[test]
    fn a_bag_means_the_same_in_every_spelling(bag in bags(Side::Left)) {
        // One line per user of a shared volume is not how bags travel, and old frameworks are shown no refinement.
        for format in [Format::Refined, Format::Endpoint, Format::Legacy] {
            let shown = bag.filter(|resource| {
                !resource.shared && (format == Format::Refined || !resource.has_refined_reservation())
            });
            let spelled = resources::write(&shown, Spelling { format, allocation: true });
            let meant = spelled.into_iter().map(Resource::try_from).collect::<Result<Resources, _>>();
            prop_assert_eq!(meant, Ok(shown));
        }
    }

    #[test]
    fn a_call_with_a_wrong_byte_is_refused_or_understood_but_harms_nobody(
        sample in 0..45_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let Some(line) = include_str!("samples/scheduler.Call.jsonl").lines().nth(sample) else { return Ok(()) };
        let mut bytes = encode(&read::<scheduler::Call>(line), MediaType::Protobuf).to_vec();
        prop_assume!(!bytes.is_empty());
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if let Ok(call) = decode_call::<scheduler::Call>(&bytes, MediaType::Protobuf)
            && let Ok(meant) = Call::try_from(call)
        {
            let again = scheduler::Call::from(&meant);
            prop_assert!(has_invalid_task(&meant) || Call::try_from(again).is_ok());
        }
    }
}
