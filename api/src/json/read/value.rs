//! What each kind of value is read from. `None` is JSON's `null`: the field stays unset.

use super::Reader;
use crate::json::fault::Fault;
use crate::json::message::Message;
use crate::json::syntax;

/// Something a field can hold one of.
pub(crate) trait Value: Sized {
    fn read(reader: &mut Reader<'_>, field: &str) -> Result<Option<Self>, Fault>;
}

/// What generated code answers for a message as a field's value.
pub(crate) fn nested<M: Message>(reader: &mut Reader<'_>, field: &str) -> Result<Option<M>, Fault> {
    match reader.peek() {
        Some(b'{') => reader.object().map(Some),
        Some(b'n') => reader.literal("null").map(|()| None),
        _ => Err(reader.unexpected(field)),
    }
}

impl<T: Value> Value for Box<T> {
    fn read(reader: &mut Reader<'_>, field: &str) -> Result<Option<Box<T>>, Fault> {
        Ok(T::read(reader, field)?.map(Box::new))
    }
}

impl Value for String {
    fn read(reader: &mut Reader<'_>, field: &str) -> Result<Option<String>, Fault> {
        match reader.peek() {
            Some(b'"') => Ok(Some(reader.string()?.into_owned())),
            Some(b'n') => reader.literal("null").map(|()| None),
            _ => Err(reader.unexpected(field)),
        }
    }
}

impl Value for Vec<u8> {
    fn read(reader: &mut Reader<'_>, field: &str) -> Result<Option<Vec<u8>>, Fault> {
        use base64::Engine;
        match reader.peek() {
            Some(b'"') => base64::engine::general_purpose::STANDARD
                .decode(reader.string()?.as_bytes())
                .map(Some)
                .map_err(|_| Fault::mismatch(format!("Failed to base64 decode bytes field '{field}'"))),
            Some(b'n') => reader.literal("null").map(|()| None),
            _ => Err(reader.unexpected(field)),
        }
    }
}

impl Value for bool {
    fn read(reader: &mut Reader<'_>, field: &str) -> Result<Option<bool>, Fault> {
        match reader.peek() {
            Some(b't') => reader.literal("true").map(|()| Some(true)),
            Some(b'f') => reader.literal("false").map(|()| Some(false)),
            Some(b'n') => reader.literal("null").map(|()| None),
            Some(b'"') => {
                let fault = reader.unexpected(field);
                match &*reader.string()? {
                    "true" => Ok(Some(true)),
                    "false" => Ok(Some(false)),
                    _ => Err(fault),
                }
            }
            _ => Err(reader.unexpected(field)),
        }
    }
}

/// A number, or a string that holds one.
fn number<T>(
    reader: &mut Reader<'_>,
    field: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, Fault> {
    match reader.peek() {
        Some(b'"') => {
            let text = reader.string()?;
            parse(&text).map(Some).ok_or_else(|| {
                Fault::mismatch(format!(
                    "Failed to parse '{text}' as a JSON number for field '{field}': syntax error at line 1 near: {text}"
                ))
            })
        }
        Some(b'-' | b'0'..=b'9') => {
            let text = reader.number()?;
            parse(text)
                .map(Some)
                .ok_or_else(|| Fault::mismatch(format!("Number {text} is out of range for field '{field}'")))
        }
        Some(b'n') => reader.literal("null").map(|()| None),
        _ => Err(reader.unexpected(field)),
    }
}

macro_rules! integers {
    ($($type:ident)*) => {$(
        impl Value for $type {
            fn read(reader: &mut Reader<'_>, field: &str) -> Result<Option<$type>, Fault> {
                number(reader, field, |text| text.parse().ok().or_else(|| whole(text).map(|number| number as $type)))
            }
        }
    )*};
}

integers! { i32 i64 u32 u64 }

/// A number that is not of the field's type as it stands. As in the original, a fraction is dropped and what is too
/// large loses its high bits (-1 is 4294967295 to a `uint32`); what no 64 bits hold is refused.
fn whole(text: &str) -> Option<i128> {
    if let Ok(number) = text.parse::<i64>() {
        return Some(number.into());
    }
    let value: f64 = Some(text).filter(|text| syntax::is_number(text))?.parse().ok()?;
    (value.abs() < 2e19).then_some(value as i128)
}

impl Value for f64 {
    fn read(reader: &mut Reader<'_>, field: &str) -> Result<Option<f64>, Fault> {
        number(reader, field, |text| match text {
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            _ => Some(text).filter(|text| syntax::is_number(text))?.parse().ok(),
        })
    }
}
