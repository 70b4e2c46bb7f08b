//! What a finished answer is dressed in because its asker wished so: a JSONP call, gzip.

use std::io::Write;

use ::http::{HeaderValue, Method, StatusCode, header};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::{StreamExt, stream};

use super::body::{Body, Chunks};
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

/// Streams of news pass as they are; documents that are written while they are read are dressed piece by piece.
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
    let dressable = match &response.body {
        Body::Bytes(_) => true,
        Body::Stream(chunks) => chunks.is_document(),
        Body::Empty => false,
    };
    if !dressable || !is_json || response.status != StatusCode::OK {
        return response;
    }
    // The answer is a script: what is no name in JavaScript would be a script of the asker's.
    if !callback.chars().all(|c| c.is_ascii_alphanumeric() || "_$.[]".contains(c)) || callback.is_empty() {
        return Response::bad_request("Expecting 'jsonp' to be a JavaScript name");
    }
    let call = format!("{callback}(");
    response.body = match response.body {
        Body::Stream(json) => {
            let piece = |text: Bytes| stream::iter([Ok(text)]);
            Chunks::dressed(piece(call.into()).chain(json).chain(piece(Bytes::from_static(b")")))).into()
        }
        Body::Bytes(json) => [call.as_bytes(), &json, b")"].concat().into(),
        Body::Empty => Body::Empty,
    };
    response.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/javascript"));
    response
}

fn compress(response: &mut Response) {
    if response.headers.contains_key(header::CONTENT_ENCODING) {
        return;
    }
    response.body = match std::mem::take(&mut response.body) {
        Body::Bytes(plain) if plain.len() >= GZIP_FROM => match gzip(&plain) {
            Some(zipped) => Body::Bytes(zipped),
            None => return response.body = Body::Bytes(plain),
        },
        Body::Stream(plain) if plain.is_document() => zipped(plain).into(),
        plain => return response.body = plain,
    };
    response.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
}

fn gzip(plain: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 4), Compression::fast());
    encoder.write_all(plain).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

/// Each piece goes out when the encoder has made something of it.
fn zipped(plain: Chunks) -> Chunks {
    let encoder = GzEncoder::new(Vec::new(), Compression::fast());
    Chunks::dressed(stream::unfold(Some((plain, encoder)), |state| async move {
        let (mut plain, mut encoder) = state?;
        loop {
            match plain.next().await {
                Some(Ok(piece)) => {
                    encoder.write_all(&piece).expect("a vector takes all that is written");
                    let made = std::mem::take(encoder.get_mut());
                    if !made.is_empty() {
                        return Some((Ok(made.into()), Some((plain, encoder))));
                    }
                }
                Some(Err(error)) => return Some((Err(error), None)),
                None => {
                    let rest = encoder.finish().expect("a vector takes all that is written");
                    return Some((Ok(rest.into()), None));
                }
            }
        }
    }))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use futures_util::FutureExt;

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
    #[test]
    fn a_document_that_is_written_while_it_is_read_is_dressed_as_a_whole_one_is() {
        let pieces = || ["{\"a\":", "\"", "xyz", "\"}"].map(Bytes::from);
        let document = || Response::json(Chunks::document(pieces().into_iter()));
        let wishes = Wishes::of(&Request::get("/?jsonp=cb").header("accept-encoding", "gzip"));
        let mut response = dress(document(), wishes);
        assert_eq!(response.text_of(header::CONTENT_ENCODING), Some("gzip"));
        let zipped = response.bytes(1 << 20).now_or_never().expect("all is there").expect("and whole");
        let mut plain = String::new();
        flate2::read::GzDecoder::new(&zipped[..]).read_to_string(&mut plain).unwrap();
        assert_eq!(plain, "cb({\"a\":\"xyz\"})");

        let news = || Response::json(Chunks::new(stream::iter(pieces().map(Ok))));
        let wishes = Wishes::of(&Request::get("/?jsonp=cb").header("accept-encoding", "gzip"));
        let mut response = dress(news(), wishes);
        let as_it_was = response.bytes(1 << 20).now_or_never().expect("all is there").expect("and whole");
        assert_eq!(as_it_was, "{\"a\":\"xyz\"}");
    }
}
