//! Bodies from outside: the first byte says what they claim to be.

#![no_main]

use api::content::{MediaType, decode_call, encode};
use api::json::Message;
use api::v1::{agent, executor, master, resource_provider, scheduler};

fn check<M: Message>(body: &[u8], ty: MediaType) {
    if let Ok(message) = decode_call::<M>(body, ty) {
        let written = encode(&message, ty);
        let again = decode_call::<M>(&written, ty).expect("what we write can be read");
        assert_eq!(encode(&again, ty), written);
    }
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((first, body)) = bytes.split_first() else { return };
    let ty = if first & 1 == 0 { MediaType::Json } else { MediaType::Protobuf };
    match (first >> 1) % 7 {
        0 => check::<scheduler::Call>(body, ty),
        1 => check::<scheduler::Event>(body, ty),
        2 => check::<executor::Call>(body, ty),
        3 => check::<executor::Event>(body, ty),
        4 => check::<master::Call>(body, ty),
        5 => check::<agent::Call>(body, ty),
        _ => check::<resource_provider::Call>(body, ty),
    }
});
