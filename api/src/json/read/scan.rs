//! The text itself: objects, strings, numbers, and passing over what nobody asked for.

use std::borrow::Cow;

use crate::json::fault::{Fault, shorten};
use crate::json::message::Message;
use crate::json::{MAX_DEPTH, syntax};

/// Reads a whole text as one message; also the names of the required fields it lacks.
pub(crate) fn message<M: Message>(text: &[u8]) -> Result<(M, Vec<String>), Fault> {
    let mut reader = Reader::new(text)?;
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
    pub(super) depth: usize,
    /// Paths of required fields that were absent, relative to the message being read.
    pub(super) missing: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Result<Reader<'a>, Fault> {
        let text = std::str::from_utf8(text).map_err(|_| Fault::Syntax)?;
        Ok(Reader { text, at: 0, depth: 0, missing: Vec::new() })
    }

    /// How far it has read.
    pub(crate) fn at(&self) -> usize {
        self.at
    }
}

impl Reader<'_> {
    pub(super) fn object<M: Message>(&mut self) -> Result<M, Fault> {
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
            shorten(&mut self.missing);
        }
        Ok(message)
    }

    pub(crate) fn members(
        &mut self,
        mut each: impl FnMut(&mut Self, &str) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
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

    pub(super) fn string(&mut self) -> Result<Cow<'_, str>, Fault> {
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
    pub(super) fn number(&mut self) -> Result<&str, Fault> {
        let rest = &self.text.as_bytes()[self.at..];
        let length = rest.iter().position(|&byte| !syntax::in_number(byte)).unwrap_or(rest.len());
        let text = &self.text[self.at..self.at + length];
        if !syntax::is_number(text) {
            return Err(Fault::Syntax);
        }
        self.at += length;
        Ok(text)
    }

    pub(super) fn literal(&mut self, word: &str) -> Result<(), Fault> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(Fault::Syntax);
        }
        self.at += word.len();
        Ok(())
    }

    /// A value of a kind this field cannot hold.
    pub(super) fn unexpected(&self, field: &str) -> Fault {
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

    pub(super) fn prefix(&mut self, from: usize, outer: &str) {
        for path in &mut self.missing[from..] {
            *path = format!("{outer}.{path}");
        }
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    pub(crate) fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    pub(super) fn accept(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    pub(super) fn expect(&mut self, byte: u8) -> Result<(), Fault> {
        if self.accept(byte) { Ok(()) } else { Err(Fault::Syntax) }
    }

    pub(super) fn enter(&mut self) -> Result<(), Fault> {
        self.at += 1;
        self.depth += 1;
        if self.depth > MAX_DEPTH { Err(Fault::Syntax) } else { Ok(()) }
    }

    pub(crate) fn end(&mut self) -> Result<(), Fault> {
        self.space();
        if self.at == self.text.len() { Ok(()) } else { Err(Fault::Syntax) }
    }
}

/// A string: a piece of the text when nothing in it is escaped.
enum Piece {
    Plain { from: usize, to: usize },
    Owned(String),
}
