//! Where a text stops being JSON.
//!
//! [`check`] runs only after something went wrong, and steps as the original's parser does, so that the rest of the
//! line it prints is the one clients have seen: a word's first letter is gone, an unexpected character is not.

use std::ops::Range;

use super::MAX_DEPTH;
use super::fault::JsonError;

/// Whether a byte may be in a number at all.
pub(crate) fn in_number(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')
}

/// Whether a text is a number: a digit or a minus first, and then what a float may be.
pub(crate) fn is_number(text: &str) -> bool {
    // Nearly all are, and need no double made of them.
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return true;
    }
    let start = matches!(text.as_bytes().first(), Some(b'-' | b'0'..=b'9'));
    start && text.bytes().all(in_number) && text.parse::<f64>().is_ok()
}

/// Reads a string with escapes: begun at `from`, plain until `stop`. Answers it, and where the text goes on.
pub(crate) fn unescape(text: &str, from: usize, stop: usize) -> Option<(String, usize)> {
    let bytes = text.as_bytes();
    let mut out = String::from(&text[from..stop]);
    let mut at = stop;
    loop {
        match *bytes.get(at)? {
            b'"' => return Some((out, at + 1)),
            b'\\' => {
                let (escaped, next) = escape(bytes, at + 1)?;
                out.push(escaped);
                at = next;
            }
            0..0x20 => return None,
            _ => {
                let plain =
                    bytes[at..].iter().position(|&byte| byte == b'"' || byte == b'\\' || byte < 0x20)?;
                out.push_str(&text[at..at + plain]);
                at += plain;
            }
        }
    }
}

/// One escape, from the character after the backslash.
fn escape(bytes: &[u8], at: usize) -> Option<(char, usize)> {
    let plain = match *bytes.get(at)? {
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return unicode(bytes, at + 1),
        _ => return None,
    };
    Some((plain, at + 1))
}

fn unicode(bytes: &[u8], at: usize) -> Option<(char, usize)> {
    let first = four_digits(bytes, at)?;
    if !(0xd800..0xdc00).contains(&first) {
        return Some((char::from_u32(first)?, at + 4));
    }
    let second = four_digits(bytes, at + 6).filter(|_| bytes[at + 4..at + 6] == *b"\\u")?;
    let low = second.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
    Some((char::from_u32(0x10000 + ((first - 0xd800) << 10) + low)?, at + 10))
}

fn four_digits(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.iter().try_fold(0, |sum, &byte| Some(sum * 16 + char::from(byte).to_digit(16)?))
}

/// Says whether a text is JSON, and where it stops being so.
pub(crate) fn check(bytes: &[u8]) -> Result<(), JsonError> {
    let valid = match std::str::from_utf8(bytes) {
        Ok(_) => bytes.len(),
        Err(error) => error.valid_up_to(),
    };
    let mut scan = Scan { bytes: &bytes[..valid], at: 0, depth: 0, deep: None };
    let whole = scan.value().is_some() && scan.done() && valid == bytes.len();
    if whole {
        return Ok(());
    }
    if scan.depth > MAX_DEPTH {
        let field = scan.deep.map(|name| String::from_utf8_lossy(&bytes[name]).into_owned());
        return Err(JsonError::Nested { field });
    }
    let (before, rest) = bytes.split_at(scan.at.min(bytes.len()));
    let near = rest.iter().take_while(|&&byte| byte != b'\n').filter(|&&byte| byte >= b' ');
    Err(JsonError::Syntax {
        line: 1 + before.iter().filter(|&&byte| byte == b'\n').count(),
        near: String::from_utf8_lossy(&near.copied().collect::<Vec<u8>>()).into_owned(),
    })
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Stays too large once it is, since that ends the scan.
    depth: usize,
    /// Where the name of the innermost field stands that nests too deep.
    deep: Option<Range<usize>>,
}

impl Scan<'_> {
    fn value(&mut self) -> Option<()> {
        self.space();
        match self.peek()? {
            b'{' => self.many(b'}', |scan| {
                scan.space();
                scan.expect(b'"')?;
                let name = scan.at;
                scan.string()?;
                let name = name..scan.at - 1;
                scan.space();
                scan.expect(b':')?;
                scan.value().or_else(|| {
                    scan.deep.get_or_insert(name);
                    None
                })
            }),
            b'[' => self.many(b']', Self::value),
            b'"' => {
                self.at += 1;
                self.string()
            }
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            b'-' | b'0'..=b'9' => {
                let from = self.at;
                while self.peek().is_some_and(in_number) {
                    self.at += 1;
                }
                std::str::from_utf8(&self.bytes[from..self.at])
                    .ok()
                    .filter(|text| is_number(text))
                    .map(|_| ())
            }
            _ => None,
        }
    }

    fn many(&mut self, close: u8, each: impl Fn(&mut Self) -> Option<()>) -> Option<()> {
        self.at += 1;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        self.space();
        if self.expect(close).is_none() {
            loop {
                each(self)?;
                self.space();
                if self.expect(close).is_some() {
                    break;
                }
                self.expect(b',')?;
            }
        }
        self.depth -= 1;
        Some(())
    }

    fn string(&mut self) -> Option<()> {
        loop {
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return Some(());
                }
                b'\\' => {
                    self.at += 1;
                    match escape(self.bytes, self.at) {
                        Some((_, next)) => self.at = next,
                        None => {
                            self.at += 1;
                            return None;
                        }
                    }
                }
                0..0x20 => return None,
                _ => self.at += 1,
            }
        }
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        word.iter().try_for_each(|&byte| self.expect(byte))
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn done(&mut self) -> bool {
        self.space();
        self.at == self.bytes.len()
    }
}
