//! A body written while it is read.
//!
//! ```text
//! StreamSender (any shard) ── send: one piece, never waits ──► bounded queue ──► Body (who writes the socket)
//!        ▲                                                                          │
//!        └────────── closed(), on_closed(): the reader left ◄───────────────────────┘
//! ```
//!
//! The writer never waits for a slow reader: it is told `Full` and decides, usually to disconnect.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures_util::Stream;
use parking_lot::Mutex;

use super::body::{Body, BodyError, Chunks};

/// Makes a streamed body that holds at most `messages` pieces and `bytes` bytes unread.
///
/// A piece larger than `bytes` passes when nothing else waits, so one great event cannot wedge a
/// stream.
pub fn stream(messages: usize, bytes: usize) -> (StreamSender, Body) {
    let shared = Arc::new(Shared {
        messages: messages.max(1),
        bytes,
        state: Mutex::new(State { senders: 1, ..State::default() }),
    });
    let reader = Reader { shared: shared.clone() };
    (StreamSender { shared }, Body::Stream(Chunks::new(reader)))
}

/// The writing end of a streamed body. The body ends when the last clone is dropped.
pub struct StreamSender {
    shared: Arc<Shared>,
}

/// Why a piece was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// The reader is too far behind.
    #[error("stream is full")]
    Full,
    /// The reader left, or the stream was closed before.
    #[error("stream is closed")]
    Closed,
}

struct Shared {
    messages: usize,
    bytes: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Bytes>,
    queued_bytes: usize,
    senders: usize,
    /// No more pieces will come; `Some(error)` when that is not the proper end.
    end: Option<Option<BodyError>>,
    reader_left: bool,
    reader: Option<Waker>,
    /// Those who await room or the reader's leaving.
    writers: Vec<Waker>,
    on_closed: Vec<Box<dyn FnOnce() + Send>>,
}

impl State {
    fn is_full(&self, shared: &Shared, more: usize) -> bool {
        self.queue.len() >= shared.messages
            || (self.queued_bytes + more > shared.bytes && !self.queue.is_empty())
    }

    fn finish(&mut self, error: Option<BodyError>) -> Option<Waker> {
        if self.end.is_none() {
            self.end = Some(error);
        }
        self.reader.take()
    }
}

impl StreamSender {
    /// Hands over one piece: one chunk on the wire. Never waits.
    ///
    /// Errors: when the bound is reached, or nobody reads any more.
    pub fn send(&self, piece: impl Into<Bytes>) -> Result<(), StreamError> {
        let piece = piece.into();
        let mut state = self.shared.state.lock();
        if state.reader_left || state.end.is_some() {
            return Err(StreamError::Closed);
        }
        if piece.is_empty() {
            return Ok(()); // an empty chunk would be the end of the stream
        }
        if state.is_full(&self.shared, piece.len()) {
            return Err(StreamError::Full);
        }
        state.queued_bytes += piece.len();
        state.queue.push_back(piece);
        wake(state.reader.take(), state);
        Ok(())
    }

    /// Waits until there is room for more.
    ///
    /// Errors: `Closed` when nobody reads any more.
    pub async fn ready(&self) -> Result<(), StreamError> {
        poll_fn(|cx| {
            let mut state = self.shared.state.lock();
            if state.reader_left || state.end.is_some() {
                return Poll::Ready(Err(StreamError::Closed));
            }
            if !state.is_full(&self.shared, 1) {
                return Poll::Ready(Ok(()));
            }
            state.writers.push(cx.waker().clone());
            Poll::Pending
        })
        .await
    }

    /// Ends the body properly: what was sent is still read.
    pub fn close(&self) {
        let mut state = self.shared.state.lock();
        wake(state.finish(None), state);
    }

    /// Ends the body at once: what is unread is dropped, the connection is cut.
    pub fn abort(&self) {
        self.fail(BodyError::Broken("aborted by its writer".to_owned()));
    }

    pub(crate) fn fail(&self, error: BodyError) {
        let mut state = self.shared.state.lock();
        state.queue.clear();
        state.queued_bytes = 0;
        state.end = Some(Some(error));
        wake(state.reader.take(), state);
    }

    /// Whether the reader left.
    pub fn is_closed(&self) -> bool {
        self.shared.state.lock().reader_left
    }

    /// Completes when the reader left: its connection broke, or it read to the end.
    pub async fn closed(&self) {
        poll_fn(|cx| {
            let mut state = self.shared.state.lock();
            if state.reader_left {
                return Poll::Ready(());
            }
            state.writers.push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Runs `told` once the reader has left; at once if it already has. It must not block.
    pub fn on_closed(&self, told: impl FnOnce() + Send + 'static) {
        let mut state = self.shared.state.lock();
        if state.reader_left {
            drop(state);
            told();
        } else {
            state.on_closed.push(Box::new(told));
        }
    }

    /// How many pieces are unread.
    pub fn backlog(&self) -> usize {
        self.shared.state.lock().queue.len()
    }
}

impl Clone for StreamSender {
    fn clone(&self) -> StreamSender {
        self.shared.state.lock().senders += 1;
        StreamSender { shared: self.shared.clone() }
    }
}

impl Drop for StreamSender {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        state.senders -= 1;
        if state.senders == 0 {
            wake(state.finish(None), state);
        }
    }
}

impl std::fmt::Debug for StreamSender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamSender").field("backlog", &self.backlog()).finish_non_exhaustive()
    }
}

/// The reading end, inside a [`Body`].
struct Reader {
    shared: Arc<Shared>,
}

impl Stream for Reader {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut state = self.shared.state.lock();
        if let Some(piece) = state.queue.pop_front() {
            state.queued_bytes -= piece.len();
            if !state.writers.is_empty() {
                let writers = std::mem::take(&mut state.writers);
                drop(state);
                writers.into_iter().for_each(Waker::wake);
            }
            return Poll::Ready(Some(Ok(piece)));
        }
        match state.end.take() {
            Some(error) => {
                state.end = Some(None);
                Poll::Ready(error.map(Err))
            }
            None => {
                state.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        state.reader_left = true;
        state.queue.clear();
        state.queued_bytes = 0;
        let told = std::mem::take(&mut state.on_closed);
        let writers = std::mem::take(&mut state.writers);
        drop(state);
        told.into_iter().for_each(|told| told());
        writers.into_iter().for_each(Waker::wake);
    }
}

/// Wakes after the lock is gone: a waker may run code of its own.
fn wake(waker: Option<Waker>, state: parking_lot::MutexGuard<'_, State>) {
    drop(state);
    if let Some(waker) = waker {
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::FutureExt;

    use super::*;

    fn next(body: &mut Body) -> Option<Option<Result<Bytes, BodyError>>> {
        body.next().now_or_never()
    }

    #[test]
    fn pieces_arrive_in_order_and_one_by_one() {
        let (sender, mut body) = stream(8, 1024);
        sender.send("one").unwrap();
        sender.send("two").unwrap();
        assert_eq!(next(&mut body), Some(Some(Ok(Bytes::from("one")))));
        assert_eq!(next(&mut body), Some(Some(Ok(Bytes::from("two")))));
        assert_eq!(next(&mut body), None);
        sender.close();
        assert_eq!(next(&mut body), Some(None));
    }

    #[test]
    fn a_reader_that_lags_makes_the_stream_full() {
        let (sender, mut body) = stream(2, 1024);
        sender.send("1").unwrap();
        sender.send("2").unwrap();
        assert_eq!(sender.send("3"), Err(StreamError::Full));
        next(&mut body);
        assert_eq!(sender.send("3"), Ok(()));
    }

    #[test]
    fn bytes_are_bounded_but_one_large_piece_passes() {
        let (sender, mut body) = stream(100, 4);
        sender.send("larger than four").unwrap();
        assert_eq!(sender.send("x"), Err(StreamError::Full));
        next(&mut body);
        sender.send("abcd").unwrap();
        assert_eq!(sender.send("x"), Err(StreamError::Full));
    }

    #[test]
    fn the_writer_hears_once_that_the_reader_left() {
        let (sender, body) = stream(2, 1024);
        let heard = Arc::new(AtomicUsize::new(0));
        let count = heard.clone();
        sender.on_closed(move || {
            count.fetch_add(1, Ordering::Relaxed);
        });
        assert!(sender.closed().now_or_never().is_none());
        drop(body);
        assert_eq!(heard.load(Ordering::Relaxed), 1);
        assert!(sender.closed().now_or_never().is_some());
        assert_eq!(sender.send("x"), Err(StreamError::Closed));
    }

    #[test]
    fn dropping_the_last_sender_ends_the_body() {
        let (sender, mut body) = stream(2, 1024);
        let other = sender.clone();
        drop(sender);
        assert_eq!(next(&mut body), None);
        other.send("last").unwrap();
        drop(other);
        assert_eq!(next(&mut body), Some(Some(Ok(Bytes::from("last")))));
        assert_eq!(next(&mut body), Some(None));
    }

    #[test]
    fn an_aborted_stream_is_not_a_proper_end() {
        let (sender, mut body) = stream(2, 1024);
        sender.send("unread").unwrap();
        sender.abort();
        assert!(matches!(next(&mut body), Some(Some(Err(BodyError::Broken(_))))));
    }
}
