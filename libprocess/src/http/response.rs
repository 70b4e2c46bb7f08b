//! What is answered.

use ::http::{HeaderMap, HeaderName, Method, StatusCode, header};
use bytes::Bytes;
use libprocess_wire::brief;

use super::body::{Body, BodyError};
use super::request::append;

/// An answer.
#[derive(Debug)]
pub struct Response {
    /// How it went.
    pub status: StatusCode,
    /// In the order they are written.
    pub headers: HeaderMap,
    /// Its content. A streamed one goes out chunk by chunk.
    pub body: Body,
}

/// What plain answers are, errors above all.
const PLAIN_TEXT: &str = "text/plain; charset=utf-8";

/// The longest text of an error: lists of resources take some. Unit: bytes.
const ERROR_MAX: usize = 16 << 10;

impl Response {
    /// An empty answer with this status.
    pub fn new(status: StatusCode) -> Response {
        Response { status, headers: HeaderMap::new(), body: Body::Empty }
    }

    /// 200 without content.
    pub fn ok() -> Response {
        Response::new(StatusCode::OK)
    }

    /// 202 without content: heard, not yet done.
    pub fn accepted() -> Response {
        Response::new(StatusCode::ACCEPTED)
    }

    /// A plain text, as all errors are. Of an error's, whatever it repeats, so much is sent as somebody may read.
    pub fn text(status: StatusCode, text: impl Into<String>) -> Response {
        let mut text = text.into();
        if !status.is_success() && text.len() > ERROR_MAX {
            let end = (0..=ERROR_MAX).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
            text.truncate(end);
            text.push('…');
        }
        Response::new(status).header(header::CONTENT_TYPE, PLAIN_TEXT).body(text)
    }

    /// 200 with JSON.
    pub fn json(body: impl Into<Body>) -> Response {
        Response::ok().header(header::CONTENT_TYPE, "application/json").body(body)
    }

    /// 400 with the reason.
    pub fn bad_request(text: impl Into<String>) -> Response {
        Response::text(StatusCode::BAD_REQUEST, text)
    }

    /// 403 with the reason.
    pub fn forbidden(text: impl Into<String>) -> Response {
        Response::text(StatusCode::FORBIDDEN, text)
    }

    /// 404 in the words clients know.
    pub fn not_found() -> Response {
        Response::text(StatusCode::NOT_FOUND, "404 Not Found.")
    }

    /// 405, naming what was expected and what came.
    pub fn method_not_allowed(expected: &[Method], received: &Method) -> Response {
        let list = |quote: &str| {
            let names = expected.iter().map(|method| format!("{quote}{method}{quote}"));
            names.collect::<Vec<_>>().join(", ")
        };
        let text = format!(
            "405 Method Not Allowed. Expecting one of {{ {} }}, but received '{}'.",
            list("'"),
            brief(received.as_str())
        );
        Response::new(StatusCode::METHOD_NOT_ALLOWED)
            .header(header::ALLOW, list(""))
            .header(header::CONTENT_TYPE, PLAIN_TEXT)
            .body(text)
    }

    /// 307 to `location`, usually scheme-relative: `//host:port/path`.
    pub fn redirect(location: impl AsRef<[u8]>) -> Response {
        Response::new(StatusCode::TEMPORARY_REDIRECT).header(header::LOCATION, location)
    }

    /// The same with one more header. A value no header can carry is left out.
    pub fn header<N>(mut self, name: N, value: impl AsRef<[u8]>) -> Response
    where
        HeaderName: TryFrom<N>,
    {
        append(&mut self.headers, name, value.as_ref());
        self
    }

    /// The same with content.
    pub fn body(mut self, body: impl Into<Body>) -> Response {
        self.body = body.into();
        self
    }

    /// The value of a header, when it is there and readable.
    pub fn text_of(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Its whole content, if at most `limit` bytes.
    ///
    /// Errors: when it is longer, or breaks off.
    pub async fn bytes(&mut self, limit: usize) -> Result<Bytes, BodyError> {
        self.body.bytes(limit).await
    }
}

/// A body that could not be read is the client's fault: 413, 408 or 400.
impl From<BodyError> for Response {
    fn from(error: BodyError) -> Response {
        let status = match error {
            BodyError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            BodyError::TooSlow => StatusCode::REQUEST_TIMEOUT,
            BodyError::Broken(_) => StatusCode::BAD_REQUEST,
        };
        Response::text(status, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn a_wrong_method_is_told_what_was_expected() {
        let mut response =
            Response::method_not_allowed(&[Method::GET, Method::POST, Method::DELETE], &Method::PUT);
        assert_eq!(response.text_of(header::ALLOW), Some("GET, POST, DELETE"));
        let text = response.bytes(1000).now_or_never().unwrap().unwrap();
        assert_eq!(
            text,
            "405 Method Not Allowed. Expecting one of { 'GET', 'POST', 'DELETE' }, but received 'PUT'."
        );
    }

    #[test]
    fn an_error_has_a_bound_whatever_it_repeats() {
        let whole = |status, text: &str| {
            Response::text(status, text).bytes(1 << 20).now_or_never().unwrap().unwrap().len()
        };
        let long = "é".repeat(100_000);
        assert_eq!(whole(StatusCode::BAD_REQUEST, &long), ERROR_MAX + "…".len());
        assert_eq!(whole(StatusCode::OK, &long), long.len());
        assert_eq!(whole(StatusCode::CONFLICT, "no"), 2);
    }

    #[test]
    fn an_error_is_plain_text() {
        assert_eq!(Response::not_found().text_of(header::CONTENT_TYPE), Some("text/plain; charset=utf-8"));
    }
}
