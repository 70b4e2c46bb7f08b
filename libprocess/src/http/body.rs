//! What a request or a response carries.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use futures_util::Stream;

/// The content of a message: nothing, all of it, or a stream that is read as it arrives.
#[derive(Debug, Default)]
pub enum Body {
    /// No content.
    #[default]
    Empty,
    /// Everything, at hand.
    Bytes(Bytes),
    /// Pieces that arrive over time; on the wire one piece is one chunk.
    Stream(Chunks),
}

/// The pieces of a streamed body.
pub struct Chunks {
    pieces: Pin<Box<dyn Stream<Item = Result<Bytes, BodyError>> + Send>>,
    /// Unit: bytes. What is still to come, when that was announced.
    left: Option<u64>,
    /// Whether it is one document with an end, and not news as it happens.
    document: bool,
}

/// Why a body could not be read to its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// It is longer than its reader, or the server, allows.
    #[error("body is larger than {limit} bytes")]
    TooLarge {
        /// Unit: bytes.
        limit: u64,
    },
    /// It did not come in the time its reader, or the server, allows.
    #[error("body took too long")]
    TooSlow,
    /// The other side went away, or broke the framing, before the end.
    #[error("body ended early: {0}")]
    Broken(String),
}

impl Chunks {
    /// A body of the items of `stream`.
    pub fn new(stream: impl Stream<Item = Result<Bytes, BodyError>> + Send + 'static) -> Chunks {
        Chunks { pieces: Box::pin(stream), left: None, document: false }
    }

    /// One document that is written while it is read: a piece is made when the one before is on its way. What its asker
    /// wishes of any answer, such as gzip, it gets as if it were whole.
    pub fn document(pieces: impl Iterator<Item = Bytes> + Send + 'static) -> Chunks {
        Chunks::dressed(futures_util::stream::iter(pieces.map(Ok)))
    }

    pub(super) fn dressed(stream: impl Stream<Item = Result<Bytes, BodyError>> + Send + 'static) -> Chunks {
        Chunks { document: true, ..Chunks::new(stream) }
    }

    pub(super) fn is_document(&self) -> bool {
        self.document
    }

    /// A body of the first `length` bytes of `stream`; it breaks off when there are fewer. With a
    /// length announced a client can show how far it is.
    pub fn of_length(
        length: u64,
        stream: impl Stream<Item = Result<Bytes, BodyError>> + Send + 'static,
    ) -> Chunks {
        Chunks { pieces: Box::pin(stream), left: Some(length), document: false }
    }
}

impl Stream for Chunks {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.left == Some(0) {
            return Poll::Ready(None);
        }
        let piece = ready!(self.pieces.as_mut().poll_next(cx));
        let Some(left) = &mut self.left else {
            return Poll::Ready(piece);
        };
        Poll::Ready(Some(match piece {
            Some(Ok(mut bytes)) => {
                bytes.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= bytes.len() as u64;
                Ok(bytes)
            }
            Some(Err(error)) => Err(error),
            None => Err(BodyError::Broken(format!("{left} bytes are missing"))),
        }))
    }
}

impl fmt::Debug for Chunks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Chunks")
    }
}

impl Body {
    /// The next piece; `None` at the end. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Result<Bytes, BodyError>> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        match self {
            Body::Empty => Poll::Ready(None),
            Body::Bytes(bytes) => {
                let bytes = std::mem::take(bytes);
                *self = Body::Empty;
                Poll::Ready((!bytes.is_empty()).then_some(Ok(bytes)))
            }
            Body::Stream(chunks) => {
                let piece = Pin::new(chunks).poll_next(cx);
                // Not every stream can be asked again once it has ended.
                if matches!(piece, Poll::Ready(None)) {
                    *self = Body::Empty;
                }
                piece
            }
        }
    }

    /// Everything, if it is at most `limit` bytes.
    ///
    /// Errors: when it is longer, or breaks off.
    pub async fn bytes(&mut self, limit: usize) -> Result<Bytes, BodyError> {
        let too_large = BodyError::TooLarge { limit: limit as u64 };
        let Some(first) = self.next().await.transpose()? else {
            return Ok(Bytes::new());
        };
        if first.len() > limit {
            return Err(too_large);
        }
        let Some(second) = self.next().await.transpose()? else {
            return Ok(first);
        };
        let mut whole = BytesMut::from(&first[..]);
        let mut piece = Some(second);
        while let Some(bytes) = piece {
            if whole.len() + bytes.len() > limit {
                return Err(too_large);
            }
            whole.extend_from_slice(&bytes);
            piece = self.next().await.transpose()?;
        }
        Ok(whole.freeze())
    }

    /// How many bytes there are, when that is known.
    pub fn len(&self) -> Option<usize> {
        match self {
            Body::Empty => Some(0),
            Body::Bytes(bytes) => Some(bytes.len()),
            Body::Stream(chunks) => chunks.left.and_then(|left| usize::try_from(left).ok()),
        }
    }

    /// Whether there is certainly nothing to read.
    pub fn is_empty(&self) -> bool {
        self.len() == Some(0)
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Body {
        if bytes.is_empty() { Body::Empty } else { Body::Bytes(bytes) }
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Body {
        Bytes::from(bytes).into()
    }
}

impl From<String> for Body {
    fn from(text: String) -> Body {
        Bytes::from(text).into()
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Body {
        Bytes::from_static(text.as_bytes()).into()
    }
}

impl From<Chunks> for Body {
    fn from(chunks: Chunks) -> Body {
        Body::Stream(chunks)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, stream};

    use super::*;

    #[test]
    fn an_ended_stream_says_so_again() {
        let once = stream::unfold(true, async |is_first| is_first.then(|| (Ok(Bytes::from("x")), false)));
        let mut body = Body::from(Chunks::new(once));
        let mut next = || body.next().now_or_never();
        assert_eq!(next(), Some(Some(Ok(Bytes::from("x")))));
        assert_eq!(next(), Some(None));
        assert_eq!(next(), Some(None));
    }

    #[test]
    fn a_body_is_as_long_as_was_announced_or_breaks_off() {
        let of_length = |length| {
            let pieces = stream::iter(["ab", "cd"].map(|piece| Ok(Bytes::from(piece))));
            let mut body = Body::from(Chunks::of_length(length, pieces));
            assert_eq!(body.len(), Some(length as usize));
            body.bytes(9).now_or_never().expect("all is there")
        };
        assert_eq!(of_length(0), Ok(Bytes::new()));
        assert_eq!(of_length(3), Ok(Bytes::from("abc")), "it grew since");
        assert_eq!(of_length(4), Ok(Bytes::from("abcd")));
        assert_eq!(of_length(5), Err(BodyError::Broken("1 bytes are missing".to_owned())));
    }
}
