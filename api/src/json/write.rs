//! Writes JSON, on one line.
//!
//! Every field writes a comma behind itself, and closing an object turns the last one into its brace: no field has
//! to ask whether it is the first. Keys come quoted, with their colon, from the generator.

use std::collections::BTreeMap;

use super::message::{Enum, Message};

/// Something a field can hold one of.
pub(crate) trait Value {
    fn write(&self, out: &mut Vec<u8>);
}

pub(crate) fn message<M: Message>(message: &M, out: &mut Vec<u8>) {
    out.push(b'{');
    message.write_fields(out);
    close(out, b'}');
}

pub(crate) fn one<T: Value + ?Sized>(out: &mut Vec<u8>, key: &str, value: &T) {
    out.extend_from_slice(key.as_bytes());
    value.write(out);
    out.push(b',');
}

pub(crate) fn optional<T: Value>(out: &mut Vec<u8>, key: &str, value: &Option<T>) {
    if let Some(value) = value {
        one(out, key, value);
    }
}

pub(crate) fn repeated<T: Value>(out: &mut Vec<u8>, key: &str, values: &[T]) {
    if !values.is_empty() {
        list(out, key, values);
    }
}

/// An array that is written even when it is empty.
pub(crate) fn list<T: Value>(out: &mut Vec<u8>, key: &str, values: &[T]) {
    out.extend_from_slice(key.as_bytes());
    out.push(b'[');
    for value in values {
        value.write(out);
        out.push(b',');
    }
    close(out, b']');
    out.push(b',');
}

pub(crate) fn map<T: Value>(out: &mut Vec<u8>, key: &str, values: &BTreeMap<String, T>) {
    if values.is_empty() {
        return;
    }
    out.extend_from_slice(key.as_bytes());
    out.push(b'{');
    for (name, value) in values {
        name.write(out);
        out.push(b':');
        value.write(out);
        out.push(b',');
    }
    close(out, b'}');
    out.push(b',');
}

/// A number no name is known for is not written: who reads it would not know it either.
pub(crate) fn enum_one<E: Enum>(out: &mut Vec<u8>, key: &str, number: &i32) {
    if let Some(known) = E::name(*number) {
        name(out, key, known);
    }
}

pub(crate) fn enum_optional<E: Enum>(out: &mut Vec<u8>, key: &str, number: &Option<i32>) {
    if let Some(number) = number {
        enum_one::<E>(out, key, number);
    }
}

pub(crate) fn enum_repeated<E: Enum>(out: &mut Vec<u8>, key: &str, numbers: &[i32]) {
    if numbers.is_empty() {
        return;
    }
    out.extend_from_slice(key.as_bytes());
    out.push(b'[');
    for name in numbers.iter().filter_map(|number| E::name(*number)) {
        quoted(out, name);
        out.push(b',');
    }
    close(out, b']');
    out.push(b',');
}

/// An enum's name.
pub(crate) fn name(out: &mut Vec<u8>, key: &str, name: &str) {
    out.extend_from_slice(key.as_bytes());
    quoted(out, name);
    out.push(b',');
}

pub(crate) fn close(out: &mut Vec<u8>, brace: u8) {
    match out.last_mut() {
        Some(last) if *last == b',' => *last = brace,
        _ => out.push(brace),
    }
}

/// A text that needs no escapes.
fn quoted(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

impl<T: Value> Value for Box<T> {
    fn write(&self, out: &mut Vec<u8>) {
        (**self).write(out);
    }
}

impl Value for str {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(b'"');
        let bytes = self.as_bytes();
        let mut from = 0;
        for (at, &byte) in bytes.iter().enumerate() {
            if byte >= 0x20 && byte != b'"' && byte != b'\\' {
                continue;
            }
            out.extend_from_slice(&bytes[from..at]);
            from = at + 1;
            escape(byte, out);
        }
        out.extend_from_slice(&bytes[from..]);
        out.push(b'"');
    }
}

fn escape(byte: u8, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let short = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        0x0c => b'f',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        _ => {
            let (high, low) = (DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]);
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

impl Value for String {
    fn write(&self, out: &mut Vec<u8>) {
        self.as_str().write(out);
    }
}

impl<T: Value + ?Sized> Value for &T {
    fn write(&self, out: &mut Vec<u8>) {
        (**self).write(out);
    }
}

impl Value for Vec<u8> {
    fn write(&self, out: &mut Vec<u8>) {
        use base64::Engine;
        let engine = base64::engine::general_purpose::STANDARD;
        out.push(b'"');
        let from = out.len();
        out.resize(from + self.len().div_ceil(3) * 4, 0);
        engine.encode_slice(self, &mut out[from..]).expect("four letters for every three bytes are enough");
        out.push(b'"');
    }
}

impl Value for bool {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(if *self { b"true" } else { b"false" });
    }
}

impl Value for f64 {
    fn write(&self, out: &mut Vec<u8>) {
        match *self {
            f64::INFINITY => quoted(out, "Infinity"),
            f64::NEG_INFINITY => quoted(out, "-Infinity"),
            value if value.is_nan() => quoted(out, "NaN"),
            value => serde_json::to_writer(out, &value).expect("a vector takes all that is written"),
        }
    }
}

macro_rules! integers {
    ($($type:ident)*) => {$(
        impl Value for $type {
            fn write(&self, out: &mut Vec<u8>) {
                serde_json::to_writer(out, self).expect("a vector takes all that is written");
            }
        }
    )*};
}

integers! { i32 i64 u32 u64 }
