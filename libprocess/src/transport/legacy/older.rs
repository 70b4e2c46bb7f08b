//! Messages as senders spelled them before HTTP/1.1: with a version that has neither chunks nor kept connections, which they
//! use all the same, and without a host.

use bytes::BytesMut;

/// What ends the first line of such a head.
const OLD: &[u8] = b" HTTP/1.0\r\n";
/// What stands there instead: a head of the same meaning that a parser takes.
const NEW: &[u8] = b" HTTP/1.1\r\nHost: -\r\n";

/// Spells the head of an old message anew, once all of it is here. Any other request stays as it is.
pub(crate) fn renew(input: &mut BytesMut) {
    if !input.starts_with(b"POST ") {
        return;
    }
    let Some(line) = input.windows(2).position(|two| two == b"\r\n") else { return };
    let rest = line + 2;
    if !input[..rest].ends_with(OLD) {
        return;
    }
    let Some(length) = input[rest..].windows(4).position(|four| four == b"\r\n\r\n") else { return };
    let fields = || input[rest..rest + length].split(|&byte| byte == b'\n');
    let has = |name: &[u8]| fields().any(|field| begins(field, name));
    if !has(b"libprocess-from:") && !has(b"user-agent: libprocess/") {
        return;
    }
    let new = if has(b"host:") { &NEW[..OLD.len()] } else { NEW };
    let mut renewed = BytesMut::with_capacity(input.len() + NEW.len());
    renewed.extend_from_slice(&input[..rest - OLD.len()]);
    renewed.extend_from_slice(new);
    renewed.extend_from_slice(&input[rest..]);
    *input = renewed;
}

fn begins(field: &[u8], name: &[u8]) -> bool {
    field.get(..name.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn renewed(head: &str) -> String {
        let mut input = BytesMut::from(head);
        renew(&mut input);
        String::from_utf8(input.to_vec()).unwrap()
    }

    #[test]
    fn a_message_of_http_1_0_is_one_of_1_1() {
        let sender =
            "User-Agent: libprocess/a@1.2.3.4:5\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n";
        assert_eq!(
            renewed(&format!("POST /b/a.M HTTP/1.0\r\n{sender}")),
            format!("POST /b/a.M HTTP/1.1\r\nHost: -\r\n{sender}")
        );
        let sender = "Libprocess-From: a@1.2.3.4:5\r\nhost: c\r\n\r\n";
        assert_eq!(
            renewed(&format!("POST /b/a.M HTTP/1.0\r\n{sender}")),
            format!("POST /b/a.M HTTP/1.1\r\n{sender}")
        );
    }

    #[test]
    fn whatever_else_comes_stays_as_it_is() {
        for head in [
            "GET /a HTTP/1.0\r\nUser-Agent: libprocess/a@1.2.3.4:5\r\n\r\n",
            "POST /a HTTP/1.0\r\nUser-Agent: curl\r\n\r\n",
            "POST /a HTTP/1.1\r\nUser-Agent: libprocess/a@1.2.3.4:5\r\n\r\n",
            "POST /a HTTP/1.0\r\nUser-Agent: libprocess/a@1.2.3.4:5\r\n",
            "POST /a HTTP/1.0",
            "",
        ] {
            assert_eq!(renewed(head), head);
        }
    }
}
