//! What a protobuf body cannot lack.
//!
//! prost takes a required field that is absent for empty. This walks over the bytes once before it, along a table the
//! generator wrote, and names what is missing as the JSON reader does. Messages in which nothing can be missing are
//! not entered.

use prost::bytes::Buf;
use prost::encoding::{WireType, decode_key, decode_varint};

use crate::json::shorten;

/// How deep messages may nest; prost's own bound.
const MAX_DEPTH: usize = 100;

/// The fields of a message that matter here, in the order of the `.proto` file.
#[derive(Debug)]
pub struct Shape {
    pub(crate) fields: &'static [Field],
}

#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) number: u32,
    pub(crate) name: &'static str,
    pub(crate) required: bool,
    pub(crate) content: Content,
}

#[derive(Debug)]
pub(crate) enum Content {
    Plain,
    /// Absent, in effect, when the number is not one of the enum's.
    Enum(fn(i32) -> bool),
    Message(&'static Shape),
    List(&'static Shape),
    /// Entries whose second field is a message.
    Map(&'static Shape),
}

/// Bytes that are no message at all.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Names what is missing, the message's own fields before those of what it contains.
pub(crate) fn missing(shape: &Shape, body: &[u8]) -> Result<Vec<String>, Malformed> {
    let mut walk = Walk { path: Vec::new(), missing: Vec::new() };
    walk.message(shape, body)?;
    Ok(walk.missing)
}

struct Walk {
    path: Vec<Step>,
    missing: Vec<String>,
}

struct Step {
    name: &'static str,
    index: Option<usize>,
}

impl Walk {
    fn message(&mut self, shape: &Shape, body: &[u8]) -> Result<(), Malformed> {
        if self.path.len() >= MAX_DEPTH {
            return Err(Malformed);
        }
        let before = self.missing.len();
        let mut seen = 0u64;
        let mut counts = [0usize; 64];
        each_field(body, |number, wire, content| {
            let Some(at) = shape.fields.iter().position(|field| field.number == number) else {
                return Ok(());
            };
            let field = &shape.fields[at];
            let inner = match (&field.content, wire, content) {
                (Content::Enum(known), WireType::Varint, Piece::Number(number)) => {
                    seen |= u64::from(known(number as i32)) << at;
                    return Ok(());
                }
                (
                    Content::Message(inner) | Content::List(inner),
                    WireType::LengthDelimited,
                    Piece::Bytes(body),
                ) => Some((inner, body)),
                (Content::Map(inner), WireType::LengthDelimited, Piece::Bytes(entry)) => {
                    map_value(entry)?.map(|body| (inner, body))
                }
                _ => None,
            };
            seen |= 1 << at;
            if let Some((inner, body)) = inner {
                let index = (!matches!(field.content, Content::Message(_))).then_some(counts[at]);
                counts[at] += 1;
                self.path.push(Step { name: field.name, index });
                self.message(inner, body)?;
                self.path.pop();
            }
            Ok(())
        })?;
        let absent: Vec<String> = shape
            .fields
            .iter()
            .enumerate()
            .filter(|(at, field)| field.required && seen & (1 << at) == 0)
            .map(|(_, field)| self.spell(field.name))
            .collect();
        self.missing.splice(before..before, absent);
        shorten(&mut self.missing);
        Ok(())
    }

    fn spell(&self, name: &str) -> String {
        let mut path = String::new();
        for step in &self.path {
            path.push_str(step.name);
            if let Some(index) = step.index {
                path.push_str(&format!("[{index}]"));
            }
            path.push('.');
        }
        path + name
    }
}

enum Piece<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Fixed,
}

/// Calls `each` for every field of a body, in the order of its bytes.
fn each_field<'a>(
    mut body: &'a [u8],
    mut each: impl FnMut(u32, WireType, Piece<'a>) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    let mut groups = 0usize;
    while body.has_remaining() {
        let (number, wire) = decode_key(&mut body).map_err(|_| Malformed)?;
        let piece = match wire {
            WireType::Varint => Piece::Number(decode_varint(&mut body).map_err(|_| Malformed)?),
            WireType::SixtyFourBit => fixed(&mut body, 8)?,
            WireType::ThirtyTwoBit => fixed(&mut body, 4)?,
            WireType::LengthDelimited => {
                let length = decode_varint(&mut body).map_err(|_| Malformed)?;
                let length =
                    usize::try_from(length).ok().filter(|length| *length <= body.len()).ok_or(Malformed)?;
                let (piece, rest) = body.split_at(length);
                body = rest;
                Piece::Bytes(piece)
            }
            WireType::StartGroup => {
                groups += 1;
                continue;
            }
            WireType::EndGroup => {
                groups = groups.checked_sub(1).ok_or(Malformed)?;
                continue;
            }
        };
        // What a group holds belongs to an unknown field.
        if groups == 0 {
            each(number, wire, piece)?;
        }
    }
    if groups == 0 { Ok(()) } else { Err(Malformed) }
}

fn fixed<'a>(body: &mut &'a [u8], length: usize) -> Result<Piece<'a>, Malformed> {
    if body.len() < length {
        return Err(Malformed);
    }
    body.advance(length);
    Ok(Piece::Fixed)
}

/// The value of a map's entry; an absent one is an empty message.
fn map_value(entry: &[u8]) -> Result<Option<&[u8]>, Malformed> {
    let mut value: &[u8] = &[];
    each_field(entry, |number, _, piece| {
        if let (2, Piece::Bytes(body)) = (number, piece) {
            value = body;
        }
        Ok(())
    })?;
    Ok(Some(value))
}

include!(concat!(env!("OUT_DIR"), "/shape.rs"));
