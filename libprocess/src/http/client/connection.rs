//! One connection to a server: a request goes out, its answer comes in.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use ::http::{HeaderMap, Method, StatusCode};
use bytes::{Buf, Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};

use super::secure::Socket;
use crate::http::body::{Body, BodyError};
use crate::http::head::{write_chunk, write_last_chunk};
use crate::http::incoming::{BodyReader, Head, read_head};

/// Unit: bytes read at once.
const READ_SIZE: usize = 8 * 1024;

/// A connection nobody uses at the moment.
pub(super) struct Connection {
    socket: Socket,
    input: BytesMut,
}

/// A connection whose answer is being read.
pub(super) struct Answering {
    connection: Connection,
    head: Head,
}

impl Connection {
    pub(super) fn new(socket: Socket) -> Connection {
        Connection { socket, input: BytesMut::new() }
    }

    /// Whether the server has neither closed it nor said something unasked.
    pub(super) fn is_fresh(&mut self) -> bool {
        let mut probe = [0u8; 1];
        let mut looker = Context::from_waker(Waker::noop());
        Pin::new(&mut self.socket).poll_read(&mut looker, &mut ReadBuf::new(&mut probe)).is_pending()
    }

    /// Sends a request, and reads until the head of its answer is there.
    ///
    /// Errors: what broke, in words.
    pub(super) async fn exchange(
        mut self,
        method: &Method,
        head: Bytes,
        body: Body,
    ) -> Result<Answering, String> {
        // A server that refuses early answers before it has read all: then its answer counts.
        let sent = self.send(head, body).await;
        loop {
            if let Some(mut head) = read_head(&mut self.input, method)? {
                // What was not sent would be missing before the next request.
                head.keep &= matches!(sent, Ok(true));
                return Ok(Answering { connection: self, head });
            }
            let read = poll_fn(|cx| self.poll_fill(cx)).await;
            match (read, &sent) {
                (Ok(count), _) if count > 0 => {}
                (_, Err(error)) => return Err(error.to_string()),
                (Ok(_), Ok(_)) => return Err("closed before an answer".to_owned()),
                (Err(error), Ok(_)) => return Err(error.to_string()),
            }
        }
    }

    /// Tells whether all of it was sent: not if the server has answered before.
    async fn send(&mut self, head: Bytes, mut body: Body) -> Result<bool, String> {
        let mut out = BytesMut::from(&head[..]);
        if let Body::Bytes(bytes) = &body {
            out.extend_from_slice(bytes);
            body = Body::Empty;
        }
        self.write(&out).await?;
        let Body::Stream(mut pieces) = body else {
            return Ok(true);
        };
        loop {
            out.clear();
            let next = poll_fn(|cx| match pieces.poll_next_unpin(cx) {
                Poll::Ready(piece) => Poll::Ready(Some(piece)),
                Poll::Pending => self.poll_fill(cx).map(|_| None),
            });
            let Some(piece) = next.await else { return Ok(false) };
            let piece = piece.transpose().map_err(|error| error.to_string())?;
            match &piece {
                Some(piece) => write_chunk(&mut out, piece),
                None => write_last_chunk(&mut out),
            }
            self.write(&out).await?;
            if piece.is_none() {
                return Ok(true);
            }
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), String> {
        let written = async {
            self.socket.write_all(bytes).await?;
            self.socket.flush().await
        };
        written.await.map_err(|error: std::io::Error| error.to_string())
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<std::io::Result<usize>> {
        let mut space = [0u8; READ_SIZE];
        let mut space = ReadBuf::new(&mut space);
        ready!(Pin::new(&mut self.socket).poll_read(cx, &mut space))?;
        self.input.extend_from_slice(space.filled());
        Poll::Ready(Ok(space.filled().len()))
    }
}

impl Answering {
    pub(super) fn head(&mut self) -> (StatusCode, HeaderMap) {
        (self.head.status, std::mem::take(&mut self.head.headers))
    }

    /// The whole body, if all of it has already arrived; otherwise what arrived stays.
    pub(super) fn rest(&mut self) -> Option<Bytes> {
        let input = &mut self.connection.input;
        let body = &mut self.head.body;
        match *body {
            BodyReader::Done => Some(Bytes::new()),
            BodyReader::Length(length) if length as usize <= input.len() => {
                *body = BodyReader::Done;
                Some(input.split_to(length as usize).freeze())
            }
            _ => None,
        }
    }

    /// The connection, if it may serve another request.
    pub(super) fn into_idle(self) -> Option<Connection> {
        let idle =
            self.head.keep && self.head.body == BodyReader::Done && !self.connection.input.has_remaining();
        idle.then_some(self.connection)
    }

    /// The body as it arrives; at its end `done` takes the connection back.
    pub(super) fn into_stream<F: FnOnce(Answering) + Send + Unpin>(self, done: F) -> Incoming<F> {
        Incoming { reading: Some((self, done)) }
    }
}

/// A body whose pieces are read off the socket when asked for.
pub(super) struct Incoming<F> {
    reading: Option<(Answering, F)>,
}

impl<F: FnOnce(Answering) + Send + Unpin> Stream for Incoming<F> {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = loop {
            let Some((answering, _)) = &mut self.reading else {
                return Poll::Ready(None);
            };
            let Answering { connection, head } = answering;
            match head.body.next(&mut connection.input) {
                Ok(Some(piece)) => return Poll::Ready(Some(Ok(piece))),
                Ok(None) if head.body == BodyReader::Done => break None,
                Ok(None) => {}
                Err(error) => break Some(Err(error)),
            }
            match ready!(connection.poll_fill(cx)) {
                Ok(0) if head.body == BodyReader::UntilClose => break None,
                Ok(0) => break Some(Err(BodyError::Broken("the server left".to_owned()))),
                Ok(_) => {}
                Err(error) => break Some(Err(BodyError::Broken(error.to_string()))),
            }
        };
        if let Some((answering, done)) = self.reading.take()
            && item.is_none()
        {
            done(answering);
        }
        Poll::Ready(item)
    }
}
