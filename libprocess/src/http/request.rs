//! What is asked: as it arrived from a client, or as it is about to leave to a server.

use std::net::SocketAddr;
use std::time::Duration;

use ::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use super::auth::Principal;
use super::body::{Body, BodyError};
use super::query::Query;
use super::server::Limits;
use crate::identity::Credential;

/// A request, whole or with its body still arriving.
#[derive(Debug)]
pub struct Request {
    /// What to do.
    pub method: Method,
    /// The full path, decoded, without the query.
    pub path: String,
    /// What followed the `?`, decoded.
    pub query: Query,
    /// As they came; names in lower case.
    pub headers: HeaderMap,
    /// Who asks, when it came over a socket.
    pub peer: Option<SocketAddr>,
    /// Who the connection proved to be by its certificate, if it did.
    pub certified: Option<Principal>,
    /// Who the authenticator of the route's realm found it to be; nobody if there is none.
    pub principal: Option<Principal>,
    /// Its content.
    pub body: Body,
    /// Path and query as they were on the wire.
    target: String,
    host: Option<String>,
    secure: bool,
    rest: String,
    within: Option<Duration>,
    /// The most its body may hold. Unit: bytes.
    pub(super) body_limit: u64,
}

/// What may not stand in a request line as it is.
const UNSAFE: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'`').add(b'{').add(b'}').add(b'#');

impl Request {
    /// A request to `url`: `http://host:port/path?query`, the same with `https`, or `/path?query` alone where the host is
    /// known otherwise (in tests and simulation).
    pub fn new(method: Method, url: &str) -> Request {
        let (host, target) = match url.split_once("://") {
            Some((_, rest)) => match rest.find(['/', '?']) {
                Some(at) => (Some(rest[..at].to_owned()), &rest[at..]),
                None => (Some(rest.to_owned()), "/"),
            },
            None => (None, url),
        };
        let target = target.split('#').next().unwrap_or(target);
        let target = match target.starts_with('?') {
            true => format!("/{target}"),
            false => target.to_owned(),
        };
        let target = utf8_percent_encode(&target, UNSAFE).to_string();
        let secure = url.starts_with("https://");
        Request { host, secure, ..Request::received(method, target, HeaderMap::new(), None, Body::Empty) }
    }

    /// GET of `url`.
    pub fn get(url: &str) -> Request {
        Request::new(Method::GET, url)
    }

    /// POST to `url`.
    pub fn post(url: &str) -> Request {
        Request::new(Method::POST, url)
    }

    /// A request as it came over the wire; `target` is path and query, still encoded.
    pub(crate) fn received(
        method: Method,
        target: String,
        mut headers: HeaderMap,
        peer: Option<SocketAddr>,
        body: Body,
    ) -> Request {
        join(&mut headers, header::ACCEPT);
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).map(str::to_owned);
        Request {
            method,
            path: percent_decode_str(path).decode_utf8_lossy().into_owned(),
            query: Query::parse(query),
            headers,
            peer,
            certified: None,
            principal: None,
            body,
            host,
            secure: false,
            target,
            rest: String::new(),
            within: None,
            body_limit: Limits::default().body,
        }
    }

    /// The same with one more header. A value no header can carry is left out.
    pub fn header<N>(mut self, name: N, value: impl AsRef<[u8]>) -> Request
    where
        HeaderName: TryFrom<N>,
    {
        append(&mut self.headers, name, value.as_ref());
        self
    }

    /// The same, with a name and a password. Source: RFC 7617.
    pub fn credential(self, credential: &Credential) -> Request {
        let pair = [credential.principal.as_str().as_bytes(), b":", credential.secret.bytes()].concat();
        self.header(header::AUTHORIZATION, format!("Basic {}", STANDARD.encode(pair)))
    }

    /// The same with content.
    pub fn body(mut self, body: impl Into<Body>) -> Request {
        self.body = body.into();
        self
    }

    /// The same, given up when the head of the answer has not arrived after `limit`.
    pub fn within(mut self, limit: Duration) -> Request {
        self.within = Some(limit);
        self
    }

    /// How long its sender waits for the head of the answer.
    pub fn deadline(&self) -> Option<Duration> {
        self.within
    }

    /// Path and query as they are on the wire, as a redirect repeats them.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Whether it is to be sent over TLS.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// `host:port` it was, or is to be, sent to.
    pub fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// What of the path follows the route that matched, without slashes around it: `a/b` of
    /// `/quota/a/b` at the route `/quota`.
    pub fn rest(&self) -> &str {
        &self.rest
    }

    pub(crate) fn set_rest(&mut self, rest: &str) {
        self.rest = rest.to_owned();
    }

    /// The most its body may hold, as its server says. Unit: bytes.
    pub(crate) fn body_limit(&self) -> u64 {
        self.body_limit
    }

    /// Its whole content, if at most `limit` bytes.
    ///
    /// Errors: when it is longer, or breaks off.
    pub async fn bytes(&mut self, limit: usize) -> Result<Bytes, BodyError> {
        self.body.bytes(limit).await
    }

    /// The value of a header, when it is there and readable.
    pub fn text_of(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Whether the client takes an answer of this media type. No `Accept` means anything.
    pub fn accepts(&self, media_type: &str) -> bool {
        let mut named = false;
        for value in self.headers.get_all(header::ACCEPT) {
            named = true;
            let value = value.to_str().unwrap_or("");
            if value.split(',').any(|range| matches(range, media_type)) {
                return true;
            }
        }
        !named
    }

    /// Whether the client takes a body in this encoding. No `Accept-Encoding` means none.
    pub(crate) fn accepts_encoding(&self, encoding: &str) -> bool {
        self.headers
            .get_all(header::ACCEPT_ENCODING)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|one| weighted(one).is_some_and(|name| name == "*" || name.eq_ignore_ascii_case(encoding)))
    }
}

/// The thing named in `name;q=1`, unless its weight is zero.
fn weighted(item: &str) -> Option<&str> {
    let mut parts = item.split(';').map(str::trim);
    let name = parts.next()?;
    let refused = parts.any(|parameter| {
        parameter
            .strip_prefix("q=")
            .is_some_and(|weight| weight.parse::<f32>().is_ok_and(|weight| weight <= 0.0))
    });
    (!refused).then_some(name)
}

fn matches(range: &str, media_type: &str) -> bool {
    let Some(range) = weighted(range) else {
        return false;
    };
    match range.strip_suffix("/*") {
        Some("*") => true,
        Some(class) => media_type.split('/').next().is_some_and(|have| have.eq_ignore_ascii_case(class)),
        None => range.eq_ignore_ascii_case(media_type) || range == "*",
    }
}

/// Adds a header; what cannot be one is left out, since values may hold what a client sent.
pub(super) fn append<N>(headers: &mut HeaderMap, name: N, value: &[u8])
where
    HeaderName: TryFrom<N>,
{
    match (HeaderName::try_from(name), HeaderValue::from_bytes(value)) {
        (Ok(name), Ok(value)) => {
            headers.append(name, value);
        }
        _ => tracing::warn!("left out a header that cannot be sent"),
    }
}

/// A list sent on several lines is one list. Source: RFC 9110, section 5.3.
fn join(headers: &mut HeaderMap, name: HeaderName) {
    let lines: Vec<&[u8]> = headers.get_all(&name).iter().map(HeaderValue::as_bytes).collect();
    if lines.len() < 2 {
        return;
    }
    if let Ok(list) = HeaderValue::from_bytes(&lines.join(&b", "[..])) {
        headers.insert(name, list);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_url_is_taken_apart() {
        let request = Request::get("http://a1:5051/slave%281%29/state?x=1#part");
        assert_eq!(request.host(), Some("a1:5051"));
        assert_eq!(request.path, "/slave(1)/state");
        assert_eq!(request.target(), "/slave%281%29/state?x=1");
        assert_eq!(request.query.get("x"), Some("1"));
        assert_eq!(Request::get("http://a1").target(), "/");
        assert_eq!(Request::get("http://a1?x").target(), "/?x");
        assert_eq!(Request::get("/files/read?path=/a b").target(), "/files/read?path=/a%20b");
    }

    #[test]
    fn no_accept_takes_anything() {
        assert!(Request::get("/").accepts("application/json"));
    }

    #[test]
    fn accept_is_matched_by_ranges_and_weights() {
        let request = Request::get("/").header("accept", "text/*, application/x-protobuf;q=0.5, a/b;q=0");
        assert!(request.accepts("text/html"));
        assert!(request.accepts("application/x-protobuf"));
        assert!(!request.accepts("application/json"));
        assert!(!request.accepts("a/b"));
        assert!(Request::get("/").header("accept", "*/*").accepts("application/json"));
    }

    #[test]
    fn accept_on_several_lines_is_one_list() {
        let mut headers = HeaderMap::new();
        headers.append(header::ACCEPT, HeaderValue::from_static("text/html"));
        headers.append(header::ACCEPT, HeaderValue::from_static("application/json"));
        let request = Request::received(Method::GET, "/".to_owned(), headers, None, Body::Empty);
        assert_eq!(request.text_of(header::ACCEPT), Some("text/html, application/json"));
    }

    #[test]
    fn a_header_value_cannot_split_the_head() {
        let request = Request::get("/").header("x-name", "a\r\nb: c");
        assert!(request.headers.is_empty());
    }

    proptest! {
        #[test]
        fn any_url_gives_a_target_that_fits_a_request_line(url in "\\PC{0,100}") {
            let request = Request::get(&url);
            prop_assert!(request.target().bytes().all(|byte| byte.is_ascii_graphic()));
        }
    }
}
