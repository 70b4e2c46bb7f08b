//! Bodies that a process feeds for as long as somebody reads: records, and answers that wait.
//!
//! | body | is | ends |
//! |---|---|---|
//! | [`records`] | RecordIO: each record is one chunk | when its [`Records`] is closed, or its reader lags or leaves |
//! | [`long_poll`] | one answer, later | with the answer, or empty when its time is over |
//!
//! A process never waits for a reader. Who lags behind the backlog is cut off, and counted.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::Stream;

use super::body::{Body, BodyError, Chunks};
use super::stream::{StreamError, StreamSender, stream};
use crate::Runtime;
use crate::environment::Sleep;

/// How far a reader may lag behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backlog {
    pub messages: usize,
    /// Unit: bytes.
    pub bytes: usize,
}

/// The writing end of a body of records. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Records {
    sender: StreamSender,
    cut_off: ::metrics::Counter,
}

/// Makes a body of RecordIO records: a decimal length, a line end, and so many bytes.
///
/// Source: Mesos' streaming APIs, "RecordIO".
pub fn records(runtime: &Runtime, backlog: Backlog) -> (Records, Body) {
    let (sender, body) = stream(backlog.messages, backlog.bytes);
    (Records { sender, cut_off: runtime.router().counts().cut_off.clone() }, body)
}

impl Records {
    /// Hands over one record: one chunk on the wire. Never waits.
    ///
    /// Errors: when nobody reads any more; also the reader that lags too far, which hears a break
    /// rather than a gap.
    pub fn send(&self, record: &[u8]) -> Result<(), StreamError> {
        let mut framed = BytesMut::with_capacity(record.len() + 12);
        framed.put_slice(record.len().to_string().as_bytes());
        framed.put_u8(b'\n');
        framed.put_slice(record);
        self.send_framed(framed)
    }

    /// The same for what is a record already, length and all.
    pub fn send_framed(&self, record: impl Into<Bytes>) -> Result<(), StreamError> {
        let sent = self.sender.send(record);
        if sent == Err(StreamError::Full) {
            self.cut_off.increment(1);
            self.sender.abort();
        }
        sent
    }

    /// Ends the body properly: what was sent is still read.
    pub fn close(&self) {
        self.sender.close();
    }

    /// Runs `told` once the reader has left; at once if it already has. It must not block.
    pub fn on_closed(&self, told: impl FnOnce() + Send + 'static) {
        self.sender.on_closed(told);
    }

    /// How many records are unread.
    pub fn backlog(&self) -> usize {
        self.sender.backlog()
    }
}

/// Where the answer to a request that waits goes. Dropping it ends the body without one.
#[derive(Debug)]
pub struct Waiting(StreamSender);

/// Makes a body that is one answer, when there is one: the request waits for it, but no longer than
/// `within`; then its body is empty.
pub fn long_poll(runtime: &Runtime, within: Duration) -> (Waiting, Body) {
    let (sender, body) = stream(1, usize::MAX);
    let waits = Waits { body, late: Some(runtime.sleep(within)) };
    (Waiting(sender), Chunks::new(waits).into())
}

impl Waiting {
    /// Gives the answer. Nothing happens if whoever asked has left, or its time is over.
    pub fn answer(self, answer: impl Into<Bytes>) {
        let _ = self.0.send(answer);
    }

    /// Whether nobody waits any more.
    pub fn is_closed(&self) -> bool {
        self.0.is_closed()
    }
}

/// Requests that wait for the same news. Bounded: one more than `limit`, and the one that has waited
/// longest is answered with nothing.
#[derive(Debug)]
pub struct Audience {
    waiting: Vec<Waiting>,
    limit: usize,
}

impl Audience {
    /// At most `limit` at a time, and at least one.
    pub fn new(limit: usize) -> Audience {
        Audience { waiting: Vec::new(), limit: limit.max(1) }
    }

    /// One more waits. Those who have left make room first.
    pub fn join(&mut self, one: Waiting) {
        if self.waiting.len() >= self.limit {
            self.waiting.retain(|one| !one.is_closed());
        }
        if self.waiting.len() >= self.limit {
            self.waiting.remove(0);
        }
        self.waiting.push(one);
    }

    /// Answers all who wait; says how many there were.
    pub fn tell(&mut self, news: &Bytes) -> usize {
        let told = self.waiting.drain(..).filter(|one| !one.is_closed());
        told.map(|one| one.answer(news.clone())).count()
    }
}

struct Waits {
    body: Body,
    /// Gone once the body has ended.
    late: Option<Sleep>,
}

impl Stream for Waits {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(late) = &mut self.late else { return Poll::Ready(None) };
        let is_late = late.as_mut().poll(cx).is_ready();
        let polled = self.body.poll_next(cx);
        match (&polled, is_late) {
            (Poll::Pending, false) => Poll::Pending,
            (Poll::Ready(Some(_)), _) => polled,
            (Poll::Ready(None), _) | (Poll::Pending, true) => {
                self.late = None;
                self.body = Body::Empty;
                Poll::Ready(None)
            }
        }
    }
}
