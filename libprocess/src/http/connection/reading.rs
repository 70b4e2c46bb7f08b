//! From bytes to a request: its head, within limits, and what of its body is here already.

use std::time::Duration;

use ::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use actix_http::Version;
use actix_http::error::ParseError;
use actix_http::h1::{Message, MessageType};
use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::codec::Decoder;

use super::{Asked, Connection, Gone, Parsed, decode, read, within};
use crate::http::body::Body;
use crate::http::counts::Refusal;
use crate::http::request::Request;
use crate::http::stream::stream;
use crate::http::upload::Feed;
use crate::transport::legacy;

/// What a request line holds besides its target. Unit: bytes.
const REQUEST_LINE: usize = 32;

/// What came of reading a head.
enum Head {
    Whole(Box<actix_http::Request>),
    Refused(Refusal),
    /// The client did, before it was whole.
    Left,
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Connection<'_, Io> {
    /// The next request's head; `None` when the client is done.
    pub(super) async fn read_request(&mut self) -> Result<Option<Parsed>, Gone> {
        if self.input.is_empty() {
            let idle_time = if self.is_link { Duration::MAX } else { self.limits.idle_time };
            match within(idle_time, read(&mut self.io, &mut self.input)).await {
                None | Some(Ok(0)) => return Ok(None),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.into()),
            }
        }
        let limit = self.limits.head_time;
        let head = match within(limit, self.read_head()).await {
            Some(head) => head?,
            None => Head::Refused(Refusal::HeadTooSlow),
        };
        let parsed = match head {
            Head::Whole(head) => self.parsed(*head)?,
            Head::Refused(refusal) => Err(refusal),
            Head::Left => return Ok(None),
        };
        match parsed {
            Ok(parsed) => Ok(Some(parsed)),
            Err(refusal) => self.refuse(refusal).await,
        }
    }

    async fn read_head(&mut self) -> Result<Head, Gone> {
        loop {
            legacy::renew(&mut self.input);
            let before = self.input.len();
            match self.codec.decode(&mut self.input) {
                Ok(Some(Message::Item(head))) => return Ok(Head::Whole(Box::new(head))),
                Ok(Some(Message::Chunk(_))) => {
                    return Err(Gone::NotHttp("content without a head".to_owned()));
                }
                Ok(None) => {
                    if let Some(refusal) = self.beyond_limits() {
                        return Ok(Head::Refused(refusal));
                    }
                }
                // A head is taken off the input once its lines are well formed.
                Err(ParseError::Header) if self.input.len() < before || begins_like_http(&self.input) => {
                    return Ok(Head::Refused(Refusal::Malformed));
                }
                Err(ParseError::TooLarge) => return Ok(Head::Refused(Refusal::HeadTooLarge)),
                // Whoever does not speak HTTP is not answered in it.
                Err(error) => return Err(Gone::NotHttp(error.to_string())),
            }
            if read(&mut self.io, &mut self.input).await? == 0 {
                return Ok(Head::Left);
            }
        }
    }

    /// Why a head that is not whole yet will not be read on.
    fn beyond_limits(&self) -> Option<Refusal> {
        let has_line = self.input.contains(&b'\n');
        if !has_line && self.input.len() > self.limits.target + REQUEST_LINE {
            return Some(Refusal::TargetTooLong);
        }
        (self.input.len() > self.limits.head).then_some(Refusal::HeadTooLarge)
    }

    fn parsed(&mut self, head: actix_http::Request) -> Result<Result<Parsed, Refusal>, Gone> {
        let not_http = |error: ::http::Error| Gone::NotHttp(error.to_string());
        let method =
            Method::from_bytes(head.method().as_str().as_bytes()).map_err(|error| not_http(error.into()))?;
        let target = head.uri().path_and_query().map_or("/", |target| target.as_str()).to_owned();
        let mut headers = HeaderMap::with_capacity(head.head().headers().len());
        for (name, value) in head.head().headers() {
            let name =
                HeaderName::from_bytes(name.as_str().as_bytes()).map_err(|error| not_http(error.into()))?;
            let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|error| not_http(error.into()))?;
            headers.append(name, value);
        }
        if target.len() > self.limits.target {
            return Ok(Err(Refusal::TargetTooLong));
        }
        let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
        if length.and_then(|length| length.parse().ok()).is_some_and(|length: u64| length > self.limits.body)
        {
            return Ok(Err(Refusal::BodyTooLarge));
        }
        let Some((body, feed)) = self.begin_body()? else { return Ok(Err(Refusal::BodyTooLarge)) };
        let asked = Asked {
            head_only: method == Method::HEAD,
            is_http_10: head.head().version == Version::HTTP_10,
            keep: self.codec.keep_alive(),
        };
        let mut request = Request::received(method, target, headers, self.caller.peer, body);
        request.certified = self.caller.certified.clone();
        request.body_limit = self.limits.body;
        self.is_link |= legacy::is_message(&request);
        Ok(Ok(Parsed { request, expects_continue: feed.is_some() && head.head().expect(), feed, asked }))
    }

    /// What of the body is here already: often all of it. `None` if that is too much.
    fn begin_body(&mut self) -> Result<Option<(Body, Option<Feed>)>, Gone> {
        if self.codec.message_type() == MessageType::None {
            return Ok(Some((Body::Empty, None)));
        }
        let (mut here, mut length) = (Vec::new(), 0);
        loop {
            match decode(&mut self.codec, &mut self.input)? {
                Some(Message::Chunk(Some(piece))) => {
                    length += piece.len() as u64;
                    if length > self.limits.body {
                        return Ok(None);
                    }
                    here.push(piece);
                }
                Some(_) => return Ok(Some((joined(here).into(), None))),
                None => {
                    let (sender, body) = stream(64, 256 * 1024);
                    // Whatever its size, the first piece of an empty stream is taken.
                    let _ = sender.send(joined(here));
                    return Ok(Some((body, Some(Feed { sender, taken: length }))));
                }
            }
        }
    }
}

/// Whether the first line ends as a request line does.
fn begins_like_http(input: &[u8]) -> bool {
    let line = input.split(|&byte| byte == b'\n').next().unwrap_or_default().trim_ascii_end();
    line.ends_with(b" HTTP/1.1") || line.ends_with(b" HTTP/1.0")
}

fn joined(mut pieces: Vec<Bytes>) -> Bytes {
    match pieces.len() {
        0 | 1 => pieces.pop().unwrap_or_default(),
        _ => pieces.concat().into(),
    }
}
