//! What the generator writes for each message and enum, and what everybody calls.

use super::fault::{Fault, JsonError, judge};
use super::read::{self, Reader};
use crate::shape::Shape;

/// A message of the API, in all its spellings.
///
/// Implemented by generated code for every message of `proto/`; the members are its private means.
pub trait Message: prost::Message + Default + Clone + PartialEq + std::fmt::Debug + 'static {
    /// The last part of its proto name; errors print it.
    const NAME: &'static str;
    /// Fields that must be there, in the order of their bits in `read_field`'s answer.
    #[doc(hidden)]
    const REQUIRED: &'static [&'static str];
    #[doc(hidden)]
    const SHAPE: &'static Shape;
    /// Reads one field; answers the bit of the required field it was, or 0.
    #[doc(hidden)]
    fn read_field(&mut self, key: &str, reader: &mut Reader<'_>) -> Result<u32, Fault>;
    /// Writes `"name":value,` for each field that is written.
    #[doc(hidden)]
    fn write_fields(&self, out: &mut Vec<u8>);
}

/// An enum of the API: in JSON a name, in a message a number.
pub trait Enum {
    fn number(name: &str) -> Option<i32>;
    fn name(number: i32) -> Option<&'static str>;
}

macro_rules! enumeration {
    ($path:path) => {
        impl Enum for $path {
            fn number(name: &str) -> Option<i32> {
                Self::from_str_name(name).map(|value| value as i32)
            }
            fn name(number: i32) -> Option<&'static str> {
                Self::try_from(number).ok().map(|value| value.as_str_name())
            }
        }
    };
}
pub(crate) use enumeration;

/// Reads a message from its JSON text.
pub fn from_slice<M: Message>(text: &[u8]) -> Result<M, JsonError> {
    match read::message::<M>(text) {
        Ok((message, missing)) if missing.is_empty() => Ok(message),
        Ok((_, missing)) => Err(JsonError::Missing(missing)),
        Err(fault) => Err(judge::<M>(text, fault)),
    }
}

/// Reads a list of messages from its JSON text, as the older endpoints take them.
pub fn list_from_slice<M: Message>(text: &[u8]) -> Result<Vec<M>, JsonError> {
    super::syntax::check(text)?;
    let mut items = Vec::new();
    let read = Reader::new(text).and_then(|mut reader| {
        reader.space();
        if reader.peek() != Some(b'[') {
            return Err(Fault::mismatch("Expecting a JSON array"));
        }
        reader.elements("", |reader| {
            let from = reader.at();
            reader.skip()?;
            items.push(from..reader.at());
            Ok(())
        })
    });
    match read {
        Ok(()) => items.into_iter().map(|place| from_slice(&text[place])).collect(),
        Err(Fault::Mismatch(text)) => Err(JsonError::Mismatch(text.into())),
        Err(Fault::Syntax) => unreachable!("it was checked to be JSON"),
    }
}

/// Writes a message as JSON, on one line.
pub fn to_vec<M: Message>(message: &M) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    write(message, &mut out);
    out
}

/// Appends a message as JSON.
pub fn write<M: Message>(message: &M, out: &mut Vec<u8>) {
    super::write::message(message, out);
}
