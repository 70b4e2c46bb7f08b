//! Writes JSON, on one line.
//!
//! Every field writes a comma behind itself, and closing an object turns the last one into its brace: no field has
//! to ask whether it is the first. Keys come quoted, with their colon, from the generator.

use std::collections::BTreeMap;

use model::Scalar;

use super::message::{Enum, Message};

/// Something a field can hold one of.
pub(crate) trait Value {
    fn write(&self, out: &mut Vec<u8>);
}

/// An id, which is an object with one field.
pub(crate) struct Id<'a>(pub(crate) &'a str);

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

/// An array whose items a closure writes.
pub(crate) fn each<T>(
    out: &mut Vec<u8>,
    key: &str,
    items: impl IntoIterator<Item = T>,
    write: impl Fn(T, &mut Vec<u8>),
) {
    out.extend_from_slice(key.as_bytes());
    out.push(b'[');
    for item in items {
        write(item, out);
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

impl Value for Id<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"value\":");
        self.0.write(out);
        out.push(b'}');
    }
}

impl<T: Value> Value for Box<T> {
    fn write(&self, out: &mut Vec<u8>) {
        (**self).write(out);
    }
}

impl Value for str {
    fn write(&self, out: &mut Vec<u8>) {
        let bytes = self.as_bytes();
        out.reserve(bytes.len() + 2);
        out.push(b'"');
        // Nearly no text has any.
        if has_escaped(bytes) {
            write_escaped(bytes, out);
        } else {
            out.extend_from_slice(bytes);
        }
        out.push(b'"');
    }
}

/// Whether a letter has to be escaped; looks at eight at a time, and at the last eight as they come.
fn has_escaped(bytes: &[u8]) -> bool {
    let Some(last) = bytes.last_chunk() else { return bytes.iter().any(|byte| is_escaped(*byte)) };
    let words = bytes.as_chunks().0.iter().chain([last]);
    words.fold(0, |any, word| any | escaped_in(u64::from_le_bytes(*word))) != 0
}

/// Zero if none of the eight letters has to be escaped.
///
/// Source: "Bit Twiddling Hacks", whether a word has a byte less than n, or equal to n.
fn escaped_in(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    let less = |word: u64, n: u64| word.wrapping_sub(ONES * n) & !word;
    let equal = |n: u8| less(word ^ (ONES * u64::from(n)), 1);
    (less(word, 0x20) | equal(b'"') | equal(b'\\')) & (ONES * 0x80)
}

fn is_escaped(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

fn write_escaped(bytes: &[u8], out: &mut Vec<u8>) {
    let mut from = 0;
    for (at, &byte) in bytes.iter().enumerate().filter(|(_, byte)| is_escaped(**byte)) {
        out.extend_from_slice(&bytes[from..at]);
        from = at + 1;
        escape(byte, out);
    }
    out.extend_from_slice(&bytes[from..]);
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
        self.as_slice().write(out);
    }
}

/// Bytes, as base64.
impl Value for [u8] {
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
            value => match whole_thousandths(value) {
                Some(thousandths) => write_thousandths(thousandths, out),
                None => serde_json::to_writer(out, &value).expect("a vector takes all that is written"),
            },
        }
    }
}

/// Up to here a number with three decimals is the shortest that is read as this double: it has at most 15 digits.
const EXACT: i64 = 1_000_000_000_000_000;

/// An amount, of which it is known that it has no more than three decimals.
pub(crate) fn scalar(amount: Scalar, out: &mut Vec<u8>) {
    match amount.thousandths() {
        few if few.abs() < EXACT => write_thousandths(few, out),
        _ => amount.as_f64().write(out),
    }
}

/// The number in thousandths, if it is written with no more than three decimals, as amounts of resources are.
fn whole_thousandths(value: f64) -> Option<i64> {
    let thousandths = (value * 1000.0).round();
    let exact = thousandths.abs() < EXACT as f64 && thousandths / 1000.0 == value;
    // A zero may have a sign.
    (exact && (value != 0.0 || value.is_sign_positive())).then_some(thousandths as i64)
}

/// Three decimals at most and one at least, as doubles are written; finding those of a double takes far longer.
fn write_thousandths(thousandths: i64, out: &mut Vec<u8>) {
    if thousandths < 0 {
        out.push(b'-');
    }
    let size = thousandths.unsigned_abs();
    (size / 1000).write(out);
    let part = (size % 1000) as u16;
    let digit = |digit: u16| b'0' + digit as u8;
    out.extend_from_slice(&[b'.', digit(part / 100)]);
    match (part / 10 % 10, part % 10) {
        (0, 0) => {}
        (tens, 0) => out.push(digit(tens)),
        (tens, ones) => out.extend_from_slice(&[digit(tens), digit(ones)]),
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(value: f64) -> String {
        let mut out = Vec::new();
        value.write(&mut out);
        String::from_utf8(out).expect("JSON is text")
    }

    proptest! {
        #[test]
        fn numbers_are_the_shortest_that_are_read_as_they_were(thousandths in any::<i64>(), digits in 0..19u32, any in any::<f64>()) {
            let few = (thousandths / 10_i64.pow(digits)) as f64 / 1000.0;
            for value in [few, any].into_iter().filter(|value| value.is_finite()) {
                prop_assert_eq!(written(value), serde_json::to_string(&value).expect("a number"));
            }
        }

        #[test]
        fn a_text_is_read_as_it_was(text in "\\PC*[\"\\\\\n\t\u{1}]?\\PC*") {
            let mut out = Vec::new();
            text.write(&mut out);
            prop_assert_eq!(serde_json::from_slice::<String>(&out).expect("JSON"), text);
        }
    }

    #[test]
    fn a_letter_is_escaped_wherever_it_stands() {
        for escaped in ["\"", "\\", "\u{0}", "\u{1f}"] {
            for (before, after) in (0..20).flat_map(|before| (0..20).map(move |after| (before, after))) {
                let text = "é~".repeat(before) + escaped + &" !#[]\u{7f}".repeat(after);
                assert!(has_escaped(text.as_bytes()), "{text:?}");
                assert!(!has_escaped(text.replace(escaped, "").as_bytes()), "{text:?}");
            }
        }
    }

    #[test]
    fn numbers_look_like_doubles() {
        let cases = [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (0.1, "0.1"),
            (-4.02, "-4.02"),
            (1024.005, "1024.005"),
            (1e12, "1000000000000.0"),
            (0.0001, "0.0001"),
        ];
        for (value, text) in cases {
            assert_eq!(written(value), text);
        }
    }
}
