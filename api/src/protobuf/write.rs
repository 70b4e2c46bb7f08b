//! Fields, one by one, behind what is written already.

use bytes::BufMut;
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};

pub(super) fn number(out: &mut Vec<u8>, field: u32, value: u64) {
    encode_key(field, WireType::Varint, out);
    encode_varint(value, out);
}

/// An enum's number, or a signed one: below zero it takes all of its bytes.
pub(super) fn signed(out: &mut Vec<u8>, field: u32, value: i32) {
    number(out, field, i64::from(value) as u64);
}

pub(super) fn double(out: &mut Vec<u8>, field: u32, value: f64) {
    encode_key(field, WireType::SixtyFourBit, out);
    out.put_f64_le(value);
}

pub(super) fn bytes(out: &mut Vec<u8>, field: u32, value: &[u8]) {
    encode_key(field, WireType::LengthDelimited, out);
    encode_varint(value.len() as u64, out);
    out.extend_from_slice(value);
}

pub(super) fn text(out: &mut Vec<u8>, field: u32, value: &str) {
    bytes(out, field, value.as_bytes());
}

/// A message with one text in it, as every id is.
pub(super) fn id(out: &mut Vec<u8>, field: u32, value: &str) {
    message(out, field, |out| text(out, 1, value));
}

/// A message whose fields a closure writes.
///
/// Its length stands before it, and is known behind it. Most lengths take one byte, so that much room is left; where it is too
/// little, what was written moves up.
pub(super) fn message(out: &mut Vec<u8>, field: u32, fields: impl FnOnce(&mut Vec<u8>)) {
    encode_key(field, WireType::LengthDelimited, out);
    let at = out.len();
    out.push(0);
    fields(out);
    let length = out.len() - at - 1;
    match u8::try_from(length) {
        Ok(short @ ..0x80) => out[at] = short,
        _ => {
            out.remove(at);
            put_before(out, at, |out| encode_varint(length as u64, out));
        }
    }
}

/// A message that is made first.
pub(super) fn made<M: Message>(out: &mut Vec<u8>, field: u32, value: Option<M>) {
    if let Some(value) = value {
        prost::encoding::message::encode(field, &value, out);
    }
}

/// A message in messages, by their numbers, outermost first.
pub(crate) fn wrapped(path: &[u32], out: &mut Vec<u8>, fields: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    fields(out);
    for number in path.iter().rev() {
        let length = out.len() - at;
        put_before(out, at, |out| {
            encode_key(*number, WireType::LengthDelimited, out);
            encode_varint(length as u64, out);
        });
    }
}

/// Writes what belongs before all that stands from `at` on.
fn put_before(out: &mut Vec<u8>, at: usize, write: impl FnOnce(&mut Vec<u8>)) {
    let end = out.len();
    write(out);
    let size = out.len() - end;
    out[at..].rotate_right(size);
}
