//! One connection of the server, from its first byte to its last.
//!
//! ```text
//!  Idle ─ bytes ─► Head ─ parsed ─► Body ∥ handler ─► answer ─┬─ sized ──► Idle, or closed
//!   │               │                (fed while it works)      └─ stream ─► Writing ─ end ─► Idle, or closed
//!   └ silence       ├ garbage: closed without a word               └ reader left: the body is dropped
//!                   └ beyond a limit: answered, and closed
//! ```
//!
//! Requests of one connection are answered in order, one at a time. Parsing is actix-http's. `reading`
//! has the way in, `writing` the way out.

mod reading;
mod writing;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix_http::h1::{Codec, Message};
use bytes::BytesMut;
use futures_util::future::{Either, select};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_util::codec::Decoder;

use super::auth::Principal;
use super::body::BodyError;
use super::counts::{Counts, Refusal};
use super::head::DateLine;
use super::request::Request;
use super::router::Router;
use super::server::{Clock, Limits};
use super::upload::{Feed, Upload};

/// Unit: bytes read at once.
const READ_SIZE: usize = 8 * 1024;
/// How long, and for how much, a client that is being left may go on. Unit: bytes.
const PARTING_TIME: Duration = Duration::from_secs(2);
const PARTING_BYTES: usize = 1024 * 1024;

/// Why a connection ended before its time.
#[derive(Debug, thiserror::Error)]
pub(super) enum Gone {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("client does not take its answer")]
    TooSlow,
    #[error("these bytes are not http: {0}")]
    NotHttp(String),
    #[error("client left")]
    Left,
    #[error(transparent)]
    Body(#[from] BodyError),
}

/// Who is at the other end.
pub(super) struct Caller {
    pub(super) peer: Option<SocketAddr>,
    pub(super) certified: Option<Principal>,
}

pub(super) struct Connection<'a, Io> {
    io: Io,
    caller: Caller,
    limits: &'a Limits,
    clock: &'a Clock,
    counts: &'a Counts,
    codec: Codec,
    input: BytesMut,
    out: BytesMut,
    date: DateLine,
    /// Whether it is a link of an old driver, whose silence means nothing and whose end does.
    is_link: bool,
}

/// A request, and what is known of its body.
struct Parsed {
    request: Request,
    /// Where the rest of the body goes as it arrives.
    feed: Option<Feed>,
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
    pub(super) fn new(
        io: Io,
        caller: Caller,
        limits: &'a Limits,
        clock: &'a Clock,
        counts: &'a Counts,
    ) -> Self {
        Connection {
            io,
            caller,
            limits,
            clock,
            counts,
            codec: codec(),
            input: BytesMut::new(),
            out: BytesMut::new(),
            date: DateLine::default(),
            is_link: false,
        }
    }

    /// Answers requests until somebody has had enough.
    pub(super) async fn run(mut self, router: &Router) -> Result<(), Gone> {
        loop {
            let Some(parsed) = self.read_request().await? else {
                return Ok(());
            };
            if !self.exchange(parsed, router).await? {
                self.part().await;
                return Ok(());
            }
        }
    }

    /// Says that there are too many connections.
    pub(super) async fn turn_away(mut self) {
        let _ = self.refuse(Refusal::TooManyConnections).await;
    }

    /// Answers, lets the answer be read, and counts.
    async fn refuse(&mut self, refusal: Refusal) -> Result<Option<Parsed>, Gone> {
        self.counts.refuse(refusal, self.caller.peer, since_epoch((self.clock)()));
        self.respond(refusal.answer(), REFUSED).await?;
        self.part().await;
        Ok(None)
    }

    /// Closes a connection that may still be sending: closed at once, its answer would be lost.
    async fn part(&mut self) {
        let _ = self.io.shutdown().await;
        let mut left = PARTING_BYTES;
        let parting = async {
            while left > 0 {
                self.input.clear();
                match read(&mut self.io, &mut self.input).await {
                    Ok(count) if count > 0 => left = left.saturating_sub(count),
                    _ => return,
                }
            }
        };
        within(PARTING_TIME, parting).await;
    }

    /// Lets a handler work while its request's body arrives, then answers. Tells whether the
    /// connection may serve another request.
    async fn exchange(&mut self, parsed: Parsed, router: &Router) -> Result<bool, Gone> {
        let Parsed { request, feed, mut asked, expects_continue } = parsed;
        if expects_continue {
            self.out.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
            self.flush().await?;
        }
        let streams = feed.is_some() && router.streams(&request);
        let handler = router.handle(request);
        let response = match feed {
            None => handler.await,
            Some(feed) => {
                let upload = Upload {
                    io: &mut self.io,
                    input: &mut self.input,
                    codec: &mut self.codec,
                    limits: self.limits,
                    time: if streams { Duration::MAX } else { self.limits.body_time },
                    endless: streams,
                };
                let feeding = pin!(upload.run(feed));
                match select(handler, feeding).await {
                    Either::Left((response, _)) => {
                        asked.keep = false; // what it left unread would be taken for the next request
                        response
                    }
                    Either::Right((fed, handler)) => {
                        asked.keep &= matches!(fed, Ok(true));
                        if let Some(refusal) = fed.as_ref().err().and_then(Refusal::of) {
                            self.counts.refuse(refusal, self.caller.peer, since_epoch((self.clock)()));
                        }
                        handler.await
                    }
                }
            }
        };
        self.respond(response, asked).await
    }
}

pub(super) async fn read<Io: AsyncRead + Unpin>(io: &mut Io, input: &mut BytesMut) -> io::Result<usize> {
    input.reserve(READ_SIZE);
    io.read_buf(input).await
}

fn since_epoch(now: SystemTime) -> Duration {
    now.duration_since(UNIX_EPOCH).unwrap_or_default()
}

pub(super) fn decode(
    codec: &mut Codec,
    input: &mut BytesMut,
) -> Result<Option<Message<actix_http::Request>>, Gone> {
    codec.decode(input).map_err(|error| Gone::NotHttp(error.to_string()))
}

/// `None` when `limit` passed first.
#[expect(clippy::disallowed_methods, reason = "sockets exist under the real clock only")]
pub(super) async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
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
