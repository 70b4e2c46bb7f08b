//! What a real cluster and its clients said to each other, in both directions and in both spellings.
//!
//! `samples/` holds one body a line, as they were on the wire.

use api::content::{MediaType, decode_call, encode};
use api::json::{self, Message};
use api::v1::{agent, executor, master, scheduler};

/// A field of the old spelling that slips through in the original's agents; no v1 message has it.
const STRANGER: &str = r#","checkpoint":true}"#;

/// An answer of ours must be the original's, letter for letter.
fn prints_back<M: Message>(samples: &str) {
    for (line, text) in samples.lines().enumerate() {
        let message: M = json::from_slice(text.as_bytes()).unwrap_or_else(|error| panic!("{line}: {error}"));
        let printed = String::from_utf8(json::to_vec(&message)).expect("JSON is text");
        // The original does not always choose the shortest digits that mean the same double.
        let text = value(text).to_string();
        let at = printed.bytes().zip(text.bytes()).take_while(|(ours, golden)| ours == golden).count();
        // A map has no order in the original.
        let same_but_for_maps = text.contains(r#""guarantees":{"#) && value(&printed) == value(&text);
        if printed != text && printed != text.replace(STRANGER, "}") && !same_but_for_maps {
            panic!("line {line}: ours goes on {:.200} and not {:.200}", &printed[at..], &text[at..]);
        }
        survives(&message);
    }
}

fn value(text: &str) -> serde_json::Value {
    serde_json::from_str(text).expect("it is JSON")
}

/// What clients say may be spelled in more ways than one; it must mean the same once it is ours.
fn reads_again<M: Message>(samples: &str) {
    for (line, text) in samples.lines().enumerate() {
        let message: M = json::from_slice(text.as_bytes()).unwrap_or_else(|error| panic!("{line}: {error}"));
        let printed = json::to_vec(&message);
        let again: M = json::from_slice(&printed).expect("what we print can be read");
        assert_eq!(json::to_vec(&again), printed, "line {line}");
        survives(&message);
    }
}

fn survives<M: Message>(message: &M) {
    let binary = encode(message, MediaType::Protobuf);
    let read: M = decode_call(&binary, MediaType::Protobuf).expect("what we write can be read");
    assert_eq!(&read, message);
}

#[test]
fn every_call_a_scheduler_made_is_read() {
    reads_again::<scheduler::Call>(include_str!("samples/scheduler.Call.jsonl"));
}

#[test]
fn every_event_a_scheduler_saw_prints_back() {
    prints_back::<scheduler::Event>(include_str!("samples/scheduler.Event.jsonl"));
}

#[test]
fn every_call_an_executor_made_is_read() {
    reads_again::<executor::Call>(include_str!("samples/executor.Call.jsonl"));
}

#[test]
fn every_event_an_executor_saw_prints_back() {
    prints_back::<executor::Event>(include_str!("samples/executor.Event.jsonl"));
}

#[test]
fn every_call_an_operator_made_is_read() {
    reads_again::<master::Call>(include_str!("samples/master.Call.jsonl"));
    reads_again::<agent::Call>(include_str!("samples/agent.Call.jsonl"));
}

#[test]
fn every_answer_of_a_master_prints_back() {
    prints_back::<master::Response>(include_str!("samples/master.Response.jsonl"));
}

#[test]
fn every_event_of_a_master_prints_back() {
    prints_back::<master::Event>(include_str!("samples/master.Event.jsonl"));
}

#[test]
fn every_answer_of_an_agent_prints_back() {
    prints_back::<agent::Response>(include_str!("samples/agent.Response.jsonl"));
}
