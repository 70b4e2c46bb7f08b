//! Reads JSON in one pass, straight into a message.
//!
//! Nothing is built in between. The text is checked to be UTF-8 once, so that pieces of it may be borrowed as `str`.
//! Depth is counted, so that no text can exhaust the stack.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::fault::Fault;
use super::message::{Enum, Message};
use super::{MAX_DEPTH, syntax};

/// Reads a whole text as one message; also the names of the required fields it lacks.
pub(crate) fn message<M: Message>(text: &[u8]) -> Result<(M, Vec<String>), Fault> {
    let text = std::str::from_utf8(text).map_err(|_| Fault::Syntax)?;
    let mut reader = Reader { text, at: 0, depth: 0, missing: Vec::new() };
    reader.space();
    if reader.peek() != Some(b'{') {
        reader.skip()?;
        reader.end()?;
        return Err(Fault::mismatch("Expecting a JSON object"));
    }
    let message = reader.object()?;
    reader.end()?;
    Ok((message, reader.missing))
}

pub struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    /// Paths of required fields that were absent, relative to the message being read.
    missing: Vec<String>,
}

/// Something a field can hold one of. `None` is JSON's `null`: the field stays unset.
pub(crate) trait Value: Sized {
    fn read(reader: &mut Reader<'_>, field: &str) -> Result<Option<Self>, Fault>;
}

/// The three places a value can go to; generated code calls these and the four below.
impl Reader<'_> {
    pub(crate) fn value<T: Value>(&mut self, field: &str) -> Result<Option<T>, Fault> {
        let before = self.missing.len();
        let value = T::read(self, field)?;
        if self.missing.len() > before {
            self.prefix(before, field);
        }
        Ok(value)
    }

    pub(crate) fn one<T: Value>(&mut self, field: &str, slot: &mut T) -> Result<bool, Fault> {
        let value = self.value(field)?;
        let set = value.is_some();
        if let Some(value) = value {
            *slot = value;
        }
        Ok(set)
    }

    pub(crate) fn optional<T: Value>(&mut self, field: &str, slot: &mut Option<T>) -> Result<(), Fault> {
        *slot = self.value(field)?;
        Ok(())
    }

    pub(crate) fn repeated<T: Value>(&mut self, field: &str, slot: &mut Vec<T>) -> Result<(), Fault> {
        slot.clear();
        self.elements(field, |reader| {
            slot.extend(T::read(reader, field)?);
            Ok(())
        })
    }

    pub(crate) fn map<T: Value>(&mut self, field: &str, slot: &mut BTreeMap<String, T>) -> Result<(), Fault> {
        slot.clear();
        match self.peek() {
            Some(b'{') => self.members(|reader, key| {
                if let Some(value) = reader.value(field)? {
                    slot.insert(key.to_owned(), value);
                }
                Ok(())
            }),
            Some(b'n') => self.literal("null"),
            _ => Err(self.unexpected(field)),
        }
    }

    pub(crate) fn enum_value<E: Enum>(&mut self, field: &str) -> Result<Option<i32>, Fault> {
        match self.peek() {
            Some(b'"') => Ok(E::number(&self.string()?)),
            Some(b'n') => self.literal("null").map(|()| None),
            _ => Err(self.unexpected(field)),
        }
    }

    pub(crate) fn enum_one<E: Enum>(&mut self, field: &str, slot: &mut i32) -> Result<bool, Fault> {
        let value = self.enum_value::<E>(field)?;
        *slot = value.unwrap_or(*slot);
        Ok(value.is_some())
    }

    pub(crate) fn enum_optional<E: Enum>(
        &mut self,
        field: &str,
        slot: &mut Option<i32>,
    ) -> Result<(), Fault> {
        *slot = self.enum_value::<E>(field)?;
        Ok(())
    }

    pub(crate) fn enum_repeated<E: Enum>(&mut self, field: &str, slot: &mut Vec<i32>) -> Result<(), Fault> {
        slot.clear();
        self.elements(field, |reader| {
            slot.extend(reader.enum_value::<E>(field)?);
            Ok(())
        })
    }

    /// An array's elements, or the one element that stands in its place.
    fn elements(
        &mut self,
        field: &str,
        mut each: impl FnMut(&mut Self) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let mut index = 0;
        let mut each = |reader: &mut Self| {
            let before = reader.missing.len();
            each(reader)?;
            if reader.missing.len() > before {
                reader.prefix(before, &format!("{field}[{index}]"));
            }
            index += 1;
            Ok(())
        };
        if self.peek() != Some(b'[') {
            return each(self);
        }
        self.enter()?;
        self.space();
        if !self.accept(b']') {
            loop {
                self.space();
                each(self)?;
                self.space();
                if self.accept(b']') {
                    break;
                }
                self.expect(b',')?;
            }
        }
        self.depth -= 1;
        Ok(())
    }
}

impl Reader<'_> {
    fn object<M: Message>(&mut self) -> Result<M, Fault> {
        let mut message = M::default();
        let mut seen = 0;
        let before = self.missing.len();
        self.members(|reader, key| {
            seen |= message.read_field(key, reader)?;
            Ok(())
        })?;
        if seen.count_ones() as usize != M::REQUIRED.len() {
            let absent = M::REQUIRED.iter().enumerate().filter(|(bit, _)| seen & (1 << bit) == 0);
            self.missing.splice(before..before, absent.map(|(_, name)| (*name).to_owned()));
        }
        Ok(message)
    }

    fn members(&mut self, mut each: impl FnMut(&mut Self, &str) -> Result<(), Fault>) -> Result<(), Fault> {
        self.enter()?;
        self.space();
        if !self.accept(b'}') {
            loop {
                self.space();
                let key = self.string_or_piece()?;
                self.space();
                self.expect(b':')?;
                self.space();
                match key {
                    Piece::Plain { from, to } => {
                        let text = self.text;
                        each(self, &text[from..to])?;
                    }
                    Piece::Owned(key) => each(self, &key)?,
                }
                self.space();
                if self.accept(b'}') {
                    break;
                }
                self.expect(b',')?;
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// Passes over a value nobody asked for.
    pub(crate) fn skip(&mut self) -> Result<(), Fault> {
        match self.peek().ok_or(Fault::Syntax)? {
            b'{' => self.members(|reader, _| reader.skip()),
            b'[' => self.elements("", Self::skip),
            b'"' => self.string_or_piece().map(|_| ()),
            b't' => self.literal("true"),
            b'f' => self.literal("false"),
            b'n' => self.literal("null"),
            _ => self.number().map(|_| ()),
        }
    }

    fn string(&mut self) -> Result<Cow<'_, str>, Fault> {
        Ok(match self.string_or_piece()? {
            Piece::Plain { from, to } => Cow::Borrowed(&self.text[from..to]),
            Piece::Owned(text) => Cow::Owned(text),
        })
    }

    fn string_or_piece(&mut self) -> Result<Piece, Fault> {
        self.expect(b'"')?;
        let from = self.at;
        let bytes = self.text.as_bytes();
        let plain = bytes[from..].iter().position(|&byte| byte == b'"' || byte == b'\\' || byte < 0x20);
        let stop = from + plain.ok_or(Fault::Syntax)?;
        if bytes[stop] == b'"' {
            self.at = stop + 1;
            return Ok(Piece::Plain { from, to: stop });
        }
        let (text, at) = syntax::unescape(self.text, from, stop).ok_or(Fault::Syntax)?;
        self.at = at;
        Ok(Piece::Owned(text))
    }

    /// The text of a number, which is known to be one.
    fn number(&mut self) -> Result<&str, Fault> {
        let rest = &self.text.as_bytes()[self.at..];
        let length = rest.iter().position(|&byte| !syntax::in_number(byte)).unwrap_or(rest.len());
        let text = &self.text[self.at..self.at + length];
        if !syntax::is_number(text) {
            return Err(Fault::Syntax);
        }
        self.at += length;
        Ok(text)
    }

    fn literal(&mut self, word: &str) -> Result<(), Fault> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(Fault::Syntax);
        }
        self.at += word.len();
        Ok(())
    }

    /// A value of a kind this field cannot hold.
    fn unexpected(&self, field: &str) -> Fault {
        let kind = match self.peek() {
            Some(b'{') => "object",
            Some(b'[') => "array",
            Some(b'"') => "string",
            Some(b't' | b'f') => "boolean",
            Some(b'n') => "null",
            Some(_) => "number",
            None => return Fault::Syntax,
        };
        Fault::mismatch(format!("Not expecting a JSON {kind} for field '{field}'"))
    }

    fn prefix(&mut self, from: usize, outer: &str) {
        for path in &mut self.missing[from..] {
            *path = format!("{outer}.{path}");
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn accept(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Result<(), Fault> {
        if self.accept(byte) { Ok(()) } else { Err(Fault::Syntax) }
    }

    fn enter(&mut self) -> Result<(), Fault> {
        self.at += 1;
        self.depth += 1;
        if self.depth > MAX_DEPTH { Err(Fault::Syntax) } else { Ok(()) }
    }

    fn end(&mut self) -> Result<(), Fault> {
        self.space();
        if self.at == self.text.len() { Ok(()) } else { Err(Fault::Syntax) }
    }
}

/// A string: a piece of the text when nothing in it is escaped.
enum Piece {
    Plain { from: usize, to: usize },
    Owned(String),
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
