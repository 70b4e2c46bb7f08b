//! Files over HTTP: what is asked of `/files/*`, and a piece of one.
//!
//! Source: reference of endpoints, those of every binary.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use model::brief;

/// The most one read gives: sixteen pages. Unit: bytes.
pub const READ_MAX: u64 = 16 * 4096;

/// The file that is meant.
///
/// Errors: none is named.
pub fn path<'a>(parameter: impl Fn(&str) -> Option<&'a str>) -> Result<&'a str, String> {
    let named = parameter("path").filter(|path| !path.is_empty());
    named.ok_or_else(|| "Expecting 'path=value' in query.\n".to_owned())
}

/// A number that may be absent; -1 says the same.
///
/// Errors: it is none, or below that.
pub fn number<'a>(parameter: impl Fn(&str) -> Option<&'a str>, name: &str) -> Result<Option<u64>, String> {
    match parameter(name) {
        None | Some("-1") => Ok(None),
        Some(text) => match text.parse::<i64>() {
            Ok(number) if number >= 0 => Ok(u64::try_from(number).ok()),
            Ok(_) => Err(format!("Negative {name} provided: {}.\n", brief(text))),
            Err(_) => {
                Err(format!("Failed to parse {name}: Failed to convert '{}' to number.\n", brief(text)))
            }
        },
    }
}

/// The size of a file, and a piece of it: from `offset`, at most `length` bytes and never more than [`READ_MAX`]. Without an
/// offset only the size is asked for.
pub fn read(file: &mut File, offset: Option<u64>, length: Option<u64>) -> io::Result<(u64, Vec<u8>)> {
    let size = file.metadata()?.len();
    let Some(offset) = offset.filter(|offset| *offset < size) else { return Ok((size, Vec::new())) };
    file.seek(SeekFrom::Start(offset))?;
    let mut data = Vec::new();
    file.take(length.unwrap_or(u64::MAX).min(READ_MAX)).read_to_end(&mut data)?;
    Ok((size, data))
}

/// The body of `/files/read`.
pub fn piece(data: &[u8], offset: u64) -> Vec<u8> {
    let mut body = br#"{"data":""#.to_vec();
    data.iter().for_each(|byte| escape(*byte, &mut body));
    body.extend_from_slice(format!(r#"","offset":{offset}}}"#).as_bytes());
    body
}

/// Whether a file can be shown, as one that others write.
///
/// Errors: why not.
pub fn showable(path: &Path) -> Result<(), String> {
    let metadata = File::open(path).and_then(|file| file.metadata());
    match metadata {
        Ok(metadata) if metadata.is_file() => Ok(()),
        Ok(_) => Err(format!("{} is no file", path.display())),
        Err(error) => Err(format!("{} cannot be read: {error}", path.display())),
    }
}

/// A byte within a JSON string. Bytes of letters beyond ASCII pass as they are: a piece may begin within one.
fn escape(byte: u8, out: &mut Vec<u8>) {
    match byte {
        b'"' => out.extend_from_slice(b"\\\""),
        b'\\' => out.extend_from_slice(b"\\\\"),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        0..=0x1f | 0x7f => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
        _ => out.push(byte),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_may_begin_within_a_letter() {
        let mut out = Vec::new();
        "é\"\u{1}".bytes().skip(1).for_each(|byte| escape(byte, &mut out));
        assert_eq!(out, b"\xa9\\\"\\u0001");
    }

    #[test]
    fn what_is_no_file_cannot_be_shown() {
        assert_eq!(showable(Path::new("/")), Err("/ is no file".to_owned()));
        let why = showable(Path::new("/nowhere")).expect_err("there is none");
        assert!(why.starts_with("/nowhere cannot be read: No such file"), "{why}");
        assert_eq!(showable(Path::new("Cargo.toml")), Ok(()));
    }
}
