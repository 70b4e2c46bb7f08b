//! How a message is said to another node: in which version or versions, and with which trace.

use libprocess_wire as wire;

use super::frame::{self, Kind};
use super::names::Say;
use crate::span::Trace;

/// Appends a message, in the version or versions in which it is to be said.
#[inline]
pub(super) fn say_it<M: wire::Message>(
    buffer: &mut Vec<u8>,
    kind: Kind,
    (say, trace): (Say, Option<Trace>),
    numbers: &[u64],
    message: &M,
) -> Result<(), frame::TooLarge> {
    frame::write_flagged(buffer, kind, (flags(say), trace), numbers, |body| said(say, message, body))
}

pub(super) fn flags(say: Say) -> u8 {
    if say == Say::Both { frame::OLDER } else { 0 }
}

#[inline]
pub(super) fn said<M: wire::Message>(say: Say, message: &M, body: &mut Vec<u8>) {
    match (say, M::OLDER) {
        (Say::Older, Some(older)) => (older.encode)(message, body),
        (Say::Both, Some(older)) => {
            let newest = wire::encode(message);
            frame::varint(body, newest.len() as u64);
            body.extend_from_slice(&newest);
            (older.encode)(message, body);
        }
        _ => wire::encode_into(message, body),
    }
}
