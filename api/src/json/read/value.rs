//! What each kind of value is read from. `None` is JSON's `null`: the field stays unset.

use super::Reader;
use crate::json::fault::Fault;
use crate::json::message::Message;

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
