//! Reads a response as its bytes arrive: first the head, then the body's pieces.
//!
//! Heads and chunk sizes are parsed by httparse, the parser beneath actix-http; its own client
//! codec is tied to one thread, and our bodies travel.

use ::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use bytes::{Buf, Bytes, BytesMut};

use super::body::BodyError;

/// Unit: bytes. A longer head or trailer is refused.
const HEAD_LIMIT: usize = 128 * 1024;
const HEADERS_LIMIT: usize = 96;

/// The head of a response.
pub(super) struct Head {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: BodyReader,
    /// Whether the connection may serve another request afterwards.
    pub(super) keep: bool,
}

/// Where in a body we are.
///
/// | from | on | to |
/// |---|---|---|
/// | `Size` | size line | `Chunk`, or `Trailer` when the size is 0 |
/// | `Chunk(n)` | n bytes | `ChunkEnd` |
/// | `ChunkEnd` | line end | `Size` |
/// | `Trailer` | empty line | `Done` |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyReader {
    Length(u64),
    Size,
    Chunk(u64),
    ChunkEnd,
    Trailer,
    UntilClose,
    Done,
}

/// Takes a head off `input` if it has wholly arrived. Interim answers (1xx) are skipped.
///
/// Errors: when these bytes are no HTTP response.
pub(super) fn read_head(input: &mut BytesMut, method: &Method) -> Result<Option<Head>, String> {
    loop {
        let mut fields = [httparse::EMPTY_HEADER; HEADERS_LIMIT];
        let mut response = httparse::Response::new(&mut fields);
        let length = match response.parse(input).map_err(|error| error.to_string())? {
            httparse::Status::Complete(length) => length,
            httparse::Status::Partial if input.len() > HEAD_LIMIT => return Err("head too long".into()),
            httparse::Status::Partial => return Ok(None),
        };
        let status = response.code.and_then(|code| StatusCode::from_u16(code).ok()).ok_or("bad status")?;
        let is_http_10 = response.version == Some(0);
        let mut headers = HeaderMap::with_capacity(response.headers.len());
        for field in response.headers.iter() {
            let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|error| error.to_string())?;
            let value = HeaderValue::from_bytes(field.value).map_err(|error| error.to_string())?;
            headers.append(name, value);
        }
        input.advance(length);
        if status.is_informational() {
            continue;
        }
        let body = framing(&headers, status, method)?;
        let connection = headers.get(header::CONNECTION).and_then(|value| value.to_str().ok()).unwrap_or("");
        let closes = connection.split(',').any(|option| option.trim().eq_ignore_ascii_case("close"));
        let keep = !closes && !is_http_10 && body != BodyReader::UntilClose;
        return Ok(Some(Head { status, headers, body, keep }));
    }
}

/// Source: RFC 9112, section 6.3.
fn framing(headers: &HeaderMap, status: StatusCode, method: &Method) -> Result<BodyReader, String> {
    if *method == Method::HEAD || status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED {
        return Ok(BodyReader::Done);
    }
    if let Some(encoding) = headers.get(header::TRANSFER_ENCODING) {
        return match encoding.as_bytes().eq_ignore_ascii_case(b"chunked") {
            true => Ok(BodyReader::Size),
            false => Err("unknown transfer encoding".into()),
        };
    }
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    match (lengths.next(), lengths.next()) {
        (None, _) => Ok(BodyReader::UntilClose),
        (Some(length), None) => {
            let length =
                length.to_str().ok().and_then(|text| text.parse().ok()).ok_or("bad content length")?;
            Ok(if length == 0 { BodyReader::Done } else { BodyReader::Length(length) })
        }
        (Some(_), Some(_)) => Err("several content lengths".into()),
    }
}

impl BodyReader {
    /// Takes the next piece off `input`; `None` when more bytes are needed, or all is read.
    ///
    /// Errors: when the framing is broken.
    pub(super) fn next(&mut self, input: &mut BytesMut) -> Result<Option<Bytes>, BodyError> {
        let broken = |why: &str| BodyError::Broken(why.to_owned());
        loop {
            match *self {
                BodyReader::Done => return Ok(None),
                _ if input.is_empty() => return Ok(None),
                BodyReader::UntilClose => return Ok(Some(input.split().freeze())),
                BodyReader::Length(left) => {
                    let piece = take(input, left);
                    let left = left - piece.len() as u64;
                    *self = if left == 0 { BodyReader::Done } else { BodyReader::Length(left) };
                    return Ok(Some(piece));
                }
                BodyReader::Size => {
                    match httparse::parse_chunk_size(input).map_err(|_| broken("bad chunk size"))? {
                        httparse::Status::Complete((line, size)) => {
                            input.advance(line);
                            *self = if size == 0 { BodyReader::Trailer } else { BodyReader::Chunk(size) };
                        }
                        httparse::Status::Partial if input.len() > HEAD_LIMIT => {
                            return Err(broken("chunk size line too long"));
                        }
                        httparse::Status::Partial => return Ok(None),
                    }
                }
                BodyReader::Chunk(left) => {
                    let piece = take(input, left);
                    let left = left - piece.len() as u64;
                    *self = if left == 0 { BodyReader::ChunkEnd } else { BodyReader::Chunk(left) };
                    return Ok(Some(piece));
                }
                BodyReader::ChunkEnd => {
                    if input.len() < 2 {
                        return Ok(None);
                    }
                    if &input[..2] != b"\r\n" {
                        return Err(broken("chunk without an end"));
                    }
                    input.advance(2);
                    *self = BodyReader::Size;
                }
                BodyReader::Trailer => {
                    let Some(end) = input.windows(2).position(|two| two == b"\r\n") else {
                        return if input.len() > HEAD_LIMIT {
                            Err(broken("trailer too long"))
                        } else {
                            Ok(None)
                        };
                    };
                    input.advance(end + 2);
                    if end == 0 {
                        *self = BodyReader::Done;
                    }
                }
            }
        }
    }
}

fn take(input: &mut BytesMut, at_most: u64) -> Bytes {
    let count = usize::try_from(at_most).map_or(input.len(), |at_most| at_most.min(input.len()));
    input.split_to(count).freeze()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Feeds `wire` in pieces of `step` bytes and gathers the body.
    fn read(wire: &[u8], step: usize) -> Result<(u16, Vec<u8>, BodyReader), String> {
        let mut input = BytesMut::new();
        let mut head: Option<Head> = None;
        let mut body = Vec::new();
        for piece in wire.chunks(step.max(1)) {
            input.extend_from_slice(piece);
            if head.is_none() {
                head = read_head(&mut input, &Method::GET)?;
            }
            if let Some(head) = &mut head {
                while let Some(piece) = head.body.next(&mut input).map_err(|error| error.to_string())? {
                    body.extend_from_slice(&piece);
                }
            }
        }
        let head = head.ok_or("no head")?;
        Ok((head.status.as_u16(), body, head.body))
    }

    const CHUNKED: &[u8] =
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
        4;a=b\r\nabcd\r\nB\r\n hello you!\r\n0\r\nX-Trailer: 1\r\n\r\n";

    #[test]
    fn a_broken_response_is_told_so() {
        assert!(read(b"SSH-2.0-OpenSSH\r\n\r\n", 100).is_err());
        assert!(read(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 100).is_err());
        assert!(read(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\naXX", 100).is_err());
        assert!(read(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", 100).is_err());
    }

    proptest! {
        #[test]
        fn a_response_reads_the_same_however_it_is_cut(step in 1usize..80) {
            let whole = (200, b"abcd hello you!".to_vec(), BodyReader::Done);
            prop_assert_eq!(read(CHUNKED, step).unwrap(), whole);
            let sized = b"HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nabc";
            prop_assert_eq!(read(sized, step).unwrap(), (404, b"abc".to_vec(), BodyReader::Done));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), step in 1usize..50) {
            let _ = read(&bytes, step);
            let mut wire = CHUNKED[..60].to_vec();
            wire.extend_from_slice(&bytes);
            let _ = read(&wire, step);
        }
    }
}
