//! How heads are spelled: `Date` first, names in camel case, no `Server`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ::http::{HeaderMap, HeaderName, Method, StatusCode, header};
use bytes::{BufMut, BytesMut};

/// How a reader finds the end of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// `Content-Length`.
    Length(usize),
    /// `Transfer-Encoding: chunked`.
    Chunked,
    /// The connection closes; only for readers of HTTP/1.0.
    UntilClose,
}

/// Writes a response's head.
pub(super) fn write_response(
    out: &mut BytesMut,
    status: StatusCode,
    date: &str,
    headers: &HeaderMap,
    framing: Framing,
    connection: Option<&str>,
) {
    out.reserve(256);
    out.put_slice(b"HTTP/1.1 ");
    out.put_slice(status.as_str().as_bytes());
    out.put_u8(b' ');
    out.put_slice(status.canonical_reason().unwrap_or("").as_bytes());
    out.put_slice(b"\r\nDate: ");
    out.put_slice(date.as_bytes());
    out.put_slice(b"\r\n");
    if framing == Framing::Chunked {
        out.put_slice(b"Transfer-Encoding: chunked\r\n");
    }
    write_headers(out, headers);
    if let Framing::Length(length) = framing {
        write_field(out, "content-length", length.to_string().as_bytes());
    }
    if let Some(connection) = connection {
        write_field(out, "connection", connection.as_bytes());
    }
    out.put_slice(b"\r\n");
}

/// Writes a request's head.
pub(super) fn write_request(
    out: &mut BytesMut,
    method: &Method,
    target: &str,
    host: &str,
    headers: &HeaderMap,
    framing: Option<Framing>,
) {
    out.reserve(256);
    out.put_slice(method.as_str().as_bytes());
    out.put_u8(b' ');
    out.put_slice(target.as_bytes());
    out.put_slice(b" HTTP/1.1\r\n");
    write_field(out, "host", host.as_bytes());
    write_headers(out, headers);
    match framing {
        Some(Framing::Length(length)) => write_field(out, "content-length", length.to_string().as_bytes()),
        Some(Framing::Chunked) => write_field(out, "transfer-encoding", b"chunked"),
        Some(Framing::UntilClose) | None => {}
    }
    out.put_slice(b"\r\n");
}

/// Writes one chunk: size line, content, line end.
pub(super) fn write_chunk(out: &mut BytesMut, content: &[u8]) {
    out.reserve(content.len() + 20);
    out.put_slice(format!("{:X}\r\n", content.len()).as_bytes());
    out.put_slice(content);
    out.put_slice(b"\r\n");
}

/// Writes what ends a chunked body.
pub(super) fn write_last_chunk(out: &mut BytesMut) {
    out.put_slice(b"0\r\n\r\n");
}

fn write_headers(out: &mut BytesMut, headers: &HeaderMap) {
    for (name, value) in headers {
        if !is_framing(name) {
            write_field(out, name.as_str(), value.as_bytes());
        }
    }
}

/// Framing is decided by who writes the body, not by who made the message.
fn is_framing(name: &HeaderName) -> bool {
    [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION, header::HOST, header::DATE]
        .contains(name)
}

fn write_field(out: &mut BytesMut, name: &str, value: &[u8]) {
    out.reserve(name.len() + value.len() + 4);
    if name == "www-authenticate" {
        out.put_slice(b"WWW-Authenticate");
    } else {
        let mut begins = true;
        for byte in name.bytes() {
            out.put_u8(if begins { byte.to_ascii_uppercase() } else { byte });
            begins = byte == b'-';
        }
    }
    out.put_slice(b": ");
    out.put_slice(value);
    out.put_slice(b"\r\n");
}

/// The `Date` of an answer, spelled once a second.
#[derive(Default)]
pub(super) struct DateLine {
    second: u64,
    text: String,
}

impl DateLine {
    pub(super) fn at(&mut self, now: SystemTime) -> &str {
        let second = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        if self.text.is_empty() || second != self.second {
            let whole = UNIX_EPOCH + Duration::from_secs(second);
            self.text = actix_http::header::HttpDate::from(whole).to_string();
            self.second = second;
        }
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use ::http::HeaderValue;

    use super::*;

    #[test]
    fn a_head_is_spelled_as_clients_know_it() {
        let mut headers = HeaderMap::new();
        headers.insert("mesos-stream-id", HeaderValue::from_static("1"));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let mut out = BytesMut::new();
        let date = DateLine::default().at(UNIX_EPOCH).to_owned();
        write_response(&mut out, StatusCode::OK, &date, &headers, Framing::Chunked, None);
        assert_eq!(
            out,
            "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nTransfer-Encoding: chunked\r\n\
             Mesos-Stream-Id: 1\r\nContent-Type: application/json\r\n\r\n"
        );
    }

    #[test]
    fn the_date_follows_the_clock() {
        let mut date = DateLine::default();
        let first = date.at(UNIX_EPOCH).to_owned();
        assert_eq!(date.at(UNIX_EPOCH + Duration::from_millis(900)), first);
        assert_eq!(date.at(UNIX_EPOCH + Duration::from_secs(1)), "Thu, 01 Jan 1970 00:00:01 GMT");
    }
}
