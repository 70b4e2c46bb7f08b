//! One connection of the server, from its first byte to its last.
//!
//! ```text
//!  Idle ─ bytes ─► Head ─ parsed ─► Body ∥ handler ─► answer ─┬─ sized ──► Idle, or closed
//!   │               │                (fed while it works)      └─ stream ─► Writing ─ end ─► Idle, or closed
//!   └ silence       └ garbage: closed without a word               └ reader left: the body is dropped
//! ```
//!
//! Requests of one connection are answered in order, one at a time. Parsing is actix-http's.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use ::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use actix_http::Version;
use actix_http::error::ParseError;
use actix_http::h1::{Codec, Message, MessageType};
use bytes::{Buf, Bytes, BytesMut};
use futures_util::FutureExt;
use futures_util::future::{Either, select};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio_util::codec::Decoder;

use super::body::{Body, BodyError};
use super::head::{DateLine, Framing, write_chunk, write_last_chunk, write_response};
use super::request::Request;
use super::response::Response;
use super::router::Router;
use super::server::{Clock, Limits};
use super::stream::{StreamSender, stream};

/// Unit: bytes read at once.
const READ_SIZE: usize = 8 * 1024;
/// Unit: bytes of ready chunks gathered for one write.
const WRITE_SIZE: usize = 64 * 1024;
/// Unit: bytes a client may send ahead while its stream is written.
const AHEAD_LIMIT: usize = 64 * 1024;

/// Why a connection ended before its time.
#[derive(Debug, thiserror::Error)]
pub(super) enum Gone {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("client took too long")]
    TooSlow,
    #[error("these bytes are not http: {0}")]
    NotHttp(String),
    #[error("client left")]
    Left,
    #[error(transparent)]
    Body(#[from] BodyError),
}

pub(super) struct Connection<'a, Io> {
    io: Io,
    peer: Option<SocketAddr>,
    limits: &'a Limits,
    clock: &'a Clock,
    codec: Codec,
    input: BytesMut,
    out: BytesMut,
    date: DateLine,
}

/// A request, and what is known of its body.
struct Parsed {
    request: Request,
    /// Where the rest of the body goes as it arrives.
    feed: Option<StreamSender>,
    expects_continue: bool,
    asked: Asked,
}

/// What of a request decides how its answer is written.
#[derive(Clone, Copy)]
struct Asked {
    head_only: bool,
    is_http_10: bool,
    keep: bool,
}

/// Who is refused hears it in full and is left.
const REFUSED: Asked = Asked { head_only: false, is_http_10: false, keep: false };

impl<'a, Io: AsyncRead + AsyncWrite + Unpin> Connection<'a, Io> {
    pub(super) fn new(io: Io, peer: Option<SocketAddr>, limits: &'a Limits, clock: &'a Clock) -> Self {
        Connection {
            io,
            peer,
            limits,
            clock,
            codec: codec(),
            input: BytesMut::new(),
            out: BytesMut::new(),
            date: DateLine::default(),
        }
    }

    /// Answers requests until somebody has had enough.
    pub(super) async fn run(mut self, router: &Router) -> Result<(), Gone> {
        loop {
            let Some(parsed) = self.read_request().await? else {
                return Ok(());
            };
            if !self.exchange(parsed, router).await? {
                let _ = self.io.shutdown().await;
                return Ok(());
            }
        }
    }

    /// Says that there are too many connections.
    pub(super) async fn turn_away(mut self) {
        let response = Response::text(StatusCode::SERVICE_UNAVAILABLE, "503 Service Unavailable.");
        let _ = self.respond(response, REFUSED).await;
        let _ = self.io.shutdown().await;
    }

    /// The next request's head; `None` when the client is done.
    async fn read_request(&mut self) -> Result<Option<Parsed>, Gone> {
        let mut limit = self.limits.idle_time;
        loop {
            let before = self.input.len();
            match self.codec.decode(&mut self.input) {
                Ok(Some(Message::Item(head))) => return self.parsed(head).map(Some),
                Ok(Some(Message::Chunk(_))) => {
                    return Err(Gone::NotHttp("content without a head".to_owned()));
                }
                Ok(None) if self.input.len() > self.limits.head => {
                    return self.refuse("request head is too large").await;
                }
                Ok(None) => {}
                // A head is taken off the input once its lines are well formed.
                Err(ParseError::Header) if self.input.len() < before || begins_like_http(&self.input) => {
                    return self.refuse("400 Bad Request.").await;
                }
                Err(ParseError::TooLarge) => return self.refuse("request head is too large").await,
                // Whoever does not speak HTTP is not answered in it.
                Err(error) => return Err(Gone::NotHttp(error.to_string())),
            }
            if !self.input.is_empty() {
                limit = self.limits.head_time;
            }
            match within(limit, read(&mut self.io, &mut self.input)).await {
                None if self.input.is_empty() => return Ok(None),
                None => return Err(Gone::TooSlow),
                Some(Ok(0)) => return Ok(None),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.into()),
            }
        }
    }

    async fn refuse(&mut self, why: &str) -> Result<Option<Parsed>, Gone> {
        self.respond(Response::bad_request(why), REFUSED).await?;
        let _ = self.io.shutdown().await;
        Ok(None)
    }

    fn parsed(&mut self, head: actix_http::Request) -> Result<Parsed, Gone> {
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
        let (body, feed) = self.begin_body()?;
        let asked = Asked {
            head_only: method == Method::HEAD,
            is_http_10: head.head().version == Version::HTTP_10,
            keep: self.codec.keep_alive(),
        };
        Ok(Parsed {
            request: Request::received(method, target, headers, self.peer, body),
            expects_continue: feed.is_some() && head.head().expect(),
            feed,
            asked,
        })
    }

    /// What of the body is here already: often all of it.
    fn begin_body(&mut self) -> Result<(Body, Option<StreamSender>), Gone> {
        if self.codec.message_type() == MessageType::None {
            return Ok((Body::Empty, None));
        }
        let mut here = Vec::new();
        loop {
            match decode(&mut self.codec, &mut self.input)? {
                Some(Message::Chunk(Some(piece))) => here.push(piece),
                Some(_) => return Ok((joined(here).into(), None)),
                None => {
                    let (sender, body) = stream(64, 256 * 1024);
                    // Whatever its size, the first piece of an empty stream is taken.
                    let _ = sender.send(joined(here));
                    return Ok((body, Some(sender)));
                }
            }
        }
    }

    /// Lets a handler work while its request's body arrives, then answers. Tells whether the
    /// connection may serve another request.
    async fn exchange(&mut self, parsed: Parsed, router: &Router) -> Result<bool, Gone> {
        let Parsed { request, feed, mut asked, expects_continue } = parsed;
        if expects_continue {
            self.out.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
            self.flush().await?;
        }
        let handler = router.handle(request);
        let response = match feed {
            None => handler.await,
            Some(sender) => {
                let feeding = feed_body(&mut self.io, &mut self.input, &mut self.codec, self.limits, sender);
                match select(handler, pin!(feeding)).await {
                    Either::Left((response, _)) => {
                        asked.keep = false; // what it left unread would be taken for the next request
                        response
                    }
                    Either::Right((complete, handler)) => {
                        asked.keep &= complete;
                        handler.await
                    }
                }
            }
        };
        self.respond(response, asked).await
    }

    /// Writes an answer; tells whether the connection may serve another request.
    async fn respond(&mut self, response: Response, asked: Asked) -> Result<bool, Gone> {
        let Response { status, headers, body } = response;
        let (framing, connection) = match (body.len(), asked) {
            (Some(length), Asked { keep: false, .. }) => (Framing::Length(length), Some("close")),
            (Some(length), Asked { is_http_10: true, .. }) => (Framing::Length(length), Some("keep-alive")),
            (Some(length), _) => (Framing::Length(length), None),
            (None, Asked { is_http_10: true, .. }) => (Framing::UntilClose, Some("close")),
            (None, _) => (Framing::Chunked, None),
        };
        let date = self.date.at((self.clock)());
        write_response(&mut self.out, status, date, &headers, framing, connection);
        match body {
            _ if asked.head_only => {}
            Body::Empty => {}
            Body::Bytes(bytes) => self.out.extend_from_slice(&bytes),
            Body::Stream(_) => self.write_stream(body, framing == Framing::Chunked).await?,
        }
        self.flush().await?;
        Ok(asked.keep && framing != Framing::UntilClose)
    }

    /// Writes each piece as one chunk, as soon as it is there. It goes on whatever the request's
    /// `Connection` said; it ends when the body does, or its reader leaves.
    async fn write_stream(&mut self, mut body: Body, chunked: bool) -> Result<(), Gone> {
        self.flush().await?;
        loop {
            let (io, input) = (&mut self.io, &mut self.input);
            let piece = poll_fn(|cx| match body.poll_next(cx) {
                Poll::Ready(piece) => Poll::Ready(Ok(piece)),
                Poll::Pending => poll_left(io, input, cx).map(Err),
            });
            let Some(piece) = piece.await? else {
                break;
            };
            self.put(&piece?, chunked);
            while self.out.len() < WRITE_SIZE {
                match body.next().now_or_never() {
                    Some(Some(piece)) => self.put(&piece?, chunked),
                    Some(None) | None => break, // an ended body says so again
                }
            }
            self.flush().await?;
        }
        if chunked {
            write_last_chunk(&mut self.out);
        }
        Ok(())
    }

    fn put(&mut self, piece: &[u8], chunked: bool) {
        match chunked {
            true => write_chunk(&mut self.out, piece),
            false => self.out.extend_from_slice(piece),
        }
    }

    /// Writes out what is gathered, as long as the client keeps taking some.
    async fn flush(&mut self) -> Result<(), Gone> {
        while !self.out.is_empty() {
            let written =
                within(self.limits.stall_time, self.io.write(&self.out)).await.ok_or(Gone::TooSlow)??;
            if written == 0 {
                return Err(Gone::Left);
            }
            self.out.advance(written);
        }
        Ok(())
    }
}

/// Feeds a request's body to its handler as it arrives, no faster than that reads. Tells whether
/// all of it came.
async fn feed_body<Io: AsyncRead + Unpin>(
    io: &mut Io,
    input: &mut BytesMut,
    codec: &mut Codec,
    limits: &Limits,
    sender: StreamSender,
) -> bool {
    let mut taken = 0u64;
    loop {
        match decode(codec, input) {
            Ok(Some(Message::Chunk(Some(piece)))) => {
                taken += piece.len() as u64;
                if taken > limits.body {
                    sender.fail(BodyError::TooLarge { limit: limits.body });
                    return false;
                }
                if sender.ready().await.is_err() {
                    return false;
                }
                let _ = sender.send(piece); // room was made above; a reader that just left needs none
            }
            Ok(Some(_)) => return true,
            Ok(None) => match within(limits.stall_time, read(io, input)).await {
                Some(Ok(count)) if count > 0 => {}
                Some(Ok(_)) => {
                    sender.fail(BodyError::Broken("the client left".to_owned()));
                    return false;
                }
                Some(Err(error)) => {
                    sender.fail(BodyError::Broken(error.to_string()));
                    return false;
                }
                None => {
                    sender.fail(BodyError::Broken("the client took too long".to_owned()));
                    return false;
                }
            },
            Err(error) => {
                sender.fail(BodyError::Broken(error.to_string()));
                return false;
            }
        }
    }
}

/// Notices that the reader of a stream left; keeps what it sends ahead, within a bound.
fn poll_left<Io: AsyncRead + Unpin>(io: &mut Io, input: &mut BytesMut, cx: &mut Context<'_>) -> Poll<Gone> {
    let mut space = [0u8; 1024];
    while input.len() < AHEAD_LIMIT {
        let mut space = ReadBuf::new(&mut space);
        match ready!(Pin::new(&mut *io).poll_read(cx, &mut space)) {
            Err(error) => return Poll::Ready(error.into()),
            Ok(()) if space.filled().is_empty() => return Poll::Ready(Gone::Left),
            Ok(()) => input.extend_from_slice(space.filled()),
        }
    }
    Poll::Pending
}

async fn read<Io: AsyncRead + Unpin>(io: &mut Io, input: &mut BytesMut) -> io::Result<usize> {
    input.reserve(READ_SIZE);
    io.read_buf(input).await
}

/// Whether the first line ends as a request line does.
fn begins_like_http(input: &[u8]) -> bool {
    let line = input.split(|&byte| byte == b'\n').next().unwrap_or_default().trim_ascii_end();
    line.ends_with(b" HTTP/1.1") || line.ends_with(b" HTTP/1.0")
}

fn decode(codec: &mut Codec, input: &mut BytesMut) -> Result<Option<Message<actix_http::Request>>, Gone> {
    codec.decode(input).map_err(|error| Gone::NotHttp(error.to_string()))
}

fn joined(mut pieces: Vec<Bytes>) -> Bytes {
    match pieces.len() {
        0 | 1 => pieces.pop().unwrap_or_default(),
        _ => pieces.concat().into(),
    }
}

/// `None` when `limit` passed first.
#[expect(clippy::disallowed_methods, reason = "sockets exist under the real clock only")]
async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(limit, work).await.ok()
}

/// A parser of its own for a connection.
///
/// actix-http's configuration starts a task that spells the date twice a second. We write heads
/// ourselves, so it is started on a task set that never runs.
fn codec() -> Codec {
    let never_run = tokio::task::LocalSet::new();
    let _entered = never_run.enter();
    Codec::new(actix_http::ServiceConfig::default())
}
