//! What a finished answer is dressed in because its asker wished so: a JSONP call, gzip.

use std::io::Write;

use ::http::{HeaderValue, Method, StatusCode, header};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::body::Body;
use super::request::Request;
use super::response::Response;

/// Unit: bytes. Smaller bodies gain nothing from gzip.
const GZIP_FROM: usize = 1024;

/// What a request wishes of any answer.
pub(super) struct Wishes {
    jsonp: Option<String>,
    gzip: bool,
}

impl Wishes {
    pub(super) fn of(request: &Request) -> Wishes {
        let jsonp = match request.method {
            Method::GET => request.query.get("jsonp").map(str::to_owned),
            _ => None,
        };
        Wishes { jsonp, gzip: request.accepts_encoding("gzip") }
    }
}

/// Streams pass as they are.
pub(super) fn dress(mut response: Response, wishes: Wishes) -> Response {
    if let Some(callback) = wishes.jsonp {
        response = as_jsonp(response, &callback);
    }
    if wishes.gzip {
        compress(&mut response);
    }
    response
}

/// `callback(<json>)`, so that a page of another origin can read it as a script.
fn as_jsonp(mut response: Response, callback: &str) -> Response {
    let is_json = response.text_of(header::CONTENT_TYPE) == Some("application/json");
    let Body::Bytes(json) = &response.body else {
        return response;
    };
    if !is_json || response.status != StatusCode::OK {
        return response;
    }
    // The answer is a script: what is no name in JavaScript would be a script of the asker's.
    if !callback.chars().all(|c| c.is_ascii_alphanumeric() || "_$.[]".contains(c)) || callback.is_empty() {
        return Response::bad_request("Expecting 'jsonp' to be a JavaScript name");
    }
    let mut script = Vec::with_capacity(callback.len() + json.len() + 2);
    script.extend_from_slice(callback.as_bytes());
    script.push(b'(');
    script.extend_from_slice(json);
    script.push(b')');
    response.body = Body::Bytes(script.into());
    response.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/javascript"));
    response
}

fn compress(response: &mut Response) {
    let Body::Bytes(plain) = &response.body else {
        return;
    };
    if plain.len() < GZIP_FROM || response.headers.contains_key(header::CONTENT_ENCODING) {
        return;
    }
    let Some(zipped) = gzip(plain) else {
        return;
    };
    response.body = Body::Bytes(zipped);
    response.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
}

fn gzip(plain: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 4), Compression::fast());
    encoder.write_all(plain).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn json(text: &str) -> Response {
        Response::json(text.to_owned())
    }

    fn content(response: Response) -> Bytes {
        match response.body {
            Body::Bytes(bytes) => bytes,
            other => panic!("expected bytes, found {other:?}"),
        }
    }

    #[test]
    fn json_becomes_a_script_on_request() {
        let wishes = Wishes::of(&Request::get("/state?jsonp=angular.callbacks._0"));
        let response = dress(json("{}"), wishes);
        assert_eq!(response.text_of(header::CONTENT_TYPE), Some("text/javascript"));
        assert_eq!(content(response), "angular.callbacks._0({})");
    }

    #[test]
    fn a_callback_that_is_no_name_is_refused() {
        let wishes = Wishes::of(&Request::get("/state?jsonp=alert(1)//"));
        assert_eq!(dress(json("{}"), wishes).status, StatusCode::BAD_REQUEST);
    }

    #[test]
    fn errors_are_never_scripts() {
        let wishes = Wishes::of(&Request::get("/state?jsonp=cb"));
        assert_eq!(content(dress(Response::not_found(), wishes)), "404 Not Found.");
    }

    #[test]
    fn a_kibibyte_is_compressed_when_that_is_accepted() {
        let text = "x".repeat(GZIP_FROM);
        let gzip = || Wishes::of(&Request::get("/").header("accept-encoding", "deflate, gzip;q=0.8"));
        let response = dress(json(&text), gzip());
        assert_eq!(response.text_of(header::CONTENT_ENCODING), Some("gzip"));
        let mut plain = String::new();
        flate2::read::GzDecoder::new(&content(response)[..]).read_to_string(&mut plain).unwrap();
        assert_eq!(plain, text);

        assert!(dress(json(&text[1..]), gzip()).text_of(header::CONTENT_ENCODING).is_none());
        let unasked = Wishes::of(&Request::get("/"));
        assert!(dress(json(&text), unasked).text_of(header::CONTENT_ENCODING).is_none());
    }
}
