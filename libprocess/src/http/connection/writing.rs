//! From an answer to bytes: at once, or piece by piece while somebody reads.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use futures_util::FutureExt;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

use super::{Asked, Connection, Gone, since_epoch, within};
use crate::http::body::Body;
use crate::http::counts::Refusal;
use crate::http::head::{Framing, write_chunk, write_last_chunk, write_response};
use crate::http::response::Response;

/// Unit: bytes of ready chunks gathered for one write.
const WRITE_SIZE: usize = 64 * 1024;
/// Unit: bytes a client may send ahead while its stream is written.
const AHEAD_LIMIT: usize = 64 * 1024;

impl<Io: AsyncRead + AsyncWrite + Unpin> Connection<'_, Io> {
    /// Writes an answer; tells whether the connection may serve another request.
    pub(super) async fn respond(&mut self, response: Response, asked: Asked) -> Result<bool, Gone> {
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
    pub(super) async fn flush(&mut self) -> Result<(), Gone> {
        while !self.out.is_empty() {
            let Some(written) = within(self.limits.stall_time, self.io.write(&self.out)).await else {
                self.counts.refuse(Refusal::ReaderTooSlow, self.caller.peer, since_epoch((self.clock)()));
                return Err(Gone::TooSlow);
            };
            let written = written?;
            if written == 0 {
                return Err(Gone::Left);
            }
            self.out.advance(written);
        }
        Ok(())
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
