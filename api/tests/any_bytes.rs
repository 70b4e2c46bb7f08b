//! No bytes make a decoder panic, and what it accepts it can write and read again.

use api::content::{MediaType, decode_call, encode};
use api::json::Message;
use api::v1::{agent, executor, master, resource_provider, scheduler};
use model::call::Call;
use proptest::prelude::*;

fn try_all(bytes: &[u8]) {
    fn try_one<M: Message>(bytes: &[u8]) {
        for ty in [MediaType::Json, MediaType::Protobuf] {
            if let Ok(message) = decode_call::<M>(bytes, ty) {
                let written = encode(&message, ty);
                let again = decode_call::<M>(&written, ty).expect("what we write can be read");
                assert_eq!(encode(&again, ty), written);
            }
        }
    }
    try_one::<scheduler::Call>(bytes);
    try_one::<scheduler::Event>(bytes);
    try_one::<executor::Call>(bytes);
    try_one::<executor::Event>(bytes);
    try_one::<master::Call>(bytes);
    try_one::<agent::Call>(bytes);
    try_one::<resource_provider::Call>(bytes);
}

/// Calls that were really made, in both spellings: what lies near them reaches further than noise does.
fn near_a_call() -> impl Strategy<Value = Vec<u8>> {
    let lines: Vec<&str> = include_str!("samples/scheduler.Call.jsonl").lines().collect();
    let damage = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4u8), 0..6);
    (prop::sample::select(lines), any::<bool>(), damage).prop_map(|(line, binary, damage)| {
        let mut bytes = line.as_bytes().to_vec();
        if binary {
            let call: scheduler::Call = decode_call(&bytes, MediaType::Json).expect("a sample is a call");
            bytes = encode(&call, MediaType::Protobuf).to_vec();
        }
        for (index, byte, kind) in damage {
            if bytes.is_empty() {
                break;
            }
            let at = index.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => bytes.truncate(at),
                _ => drop(bytes.remove(at)),
            }
        }
        bytes
    })
}

/// Pieces of JSON in no sensible order.
fn json_like() -> impl Strategy<Value = Vec<u8>> {
    let pieces = [
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"",
        "\\",
        "null",
        "true",
        "-",
        "1e9",
        "\"type\"",
        "\"task_id\"",
        "\"accept\"",
        "\"value\"",
        "\"offer_ids\"",
        "\\u12",
        "\u{fc}",
        " ",
    ];
    prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..60)
        .prop_map(|pieces| pieces.concat().into_bytes())
}

/// What a call means, once it is read, can be written and means the same when read again.
fn try_meaning(bytes: &[u8]) {
    for ty in [MediaType::Json, MediaType::Protobuf] {
        let Ok(spelled) = decode_call::<scheduler::Call>(bytes, ty) else { continue };
        let Ok(meant) = Call::try_from(spelled) else { continue };
        // A task or framework that is none is answered, not sent on: there is nothing to write of it.
        if !format!("{meant:?}").contains("Invalid") {
            let again = Call::try_from(scheduler::Call::from(&meant)).expect("what we write has a meaning");
            assert_eq!(again, meant);
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_make_a_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        try_all(&bytes);
    }

    #[test]
    fn no_damaged_call_makes_a_decoder_panic(bytes in near_a_call()) {
        try_all(&bytes);
    }

    #[test]
    fn a_damaged_call_means_the_same_when_it_is_read_again(bytes in near_a_call()) {
        try_meaning(&bytes);
    }

    #[test]
    fn no_heap_of_json_makes_a_decoder_panic(bytes in json_like()) {
        try_all(&bytes);
    }
}
