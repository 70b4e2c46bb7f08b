//! Bodies from outside: the first byte says what they claim to be.

#![no_main]

use api::content::{MediaType, decode_call, encode};
use api::json::Message;
use api::v1::{agent, executor, master, resource_provider, scheduler};
use model::call::Call;

fn check<M: Message>(body: &[u8], ty: MediaType) {
    if let Ok(message) = decode_call::<M>(body, ty) {
        let written = encode(&message, ty);
        let again = decode_call::<M>(&written, ty).expect("what we write can be read");
        assert_eq!(encode(&again, ty), written);
    }
}

/// What a call means can be written and means the same again.
fn check_meaning(body: &[u8], ty: MediaType) {
    let Ok(spelled) = decode_call::<scheduler::Call>(body, ty) else { return };
    let Ok(meant) = Call::try_from(spelled) else { return };
    // A task or framework that is none is answered, not sent on: there is nothing to write of it.
    if !format!("{meant:?}").contains("Invalid") {
        let again = Call::try_from(scheduler::Call::from(&meant)).expect("what we write has a meaning");
        assert_eq!(again, meant);
    }
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((first, body)) = bytes.split_first() else { return };
    let ty = if first & 1 == 0 { MediaType::Json } else { MediaType::Protobuf };
    match (first >> 1) % 8 {
        0 => check::<scheduler::Call>(body, ty),
        1 => check::<scheduler::Event>(body, ty),
        2 => check::<executor::Call>(body, ty),
        3 => check::<executor::Event>(body, ty),
        4 => check::<master::Call>(body, ty),
        5 => check::<agent::Call>(body, ty),
        6 => check_meaning(body, ty),
        _ => check::<resource_provider::Call>(body, ty),
    }
});
