//! What goes out: messages to one process, in order, on one connection that is kept.
//!
//! | from | on | to |
//! |---|---|---|
//! | unused | the first message | dialling |
//! | dialling | connected | open |
//! | open | closed by its owner: what was sent before is still written | closed |
//! | dialling, open | refused, broken by the other end, not read for [`STALL`] | broken |
//!
//! Nothing is sent again. A line that is broken stays so; its owner has heard it, and opens another if it likes.

use std::io;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::FutureExt;
use futures_util::future::{Either, select};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::http::{Body, StreamError, StreamSender, stream};
use crate::{Runtime, Upid};

/// A process that takes no byte for so long has ceased to read.
const STALL: Duration = Duration::from_secs(30);
/// How long the other end may take to read what was said last.
const PARTING: Duration = Duration::from_secs(2);
/// What is written at once, if there is so much. Unit: bytes.
const BATCH: usize = 64 << 10;
/// What may not stand in a path as it is.
const UNSAFE: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'/')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'`')
    .add(b'{')
    .add(b'}');

/// How much may wait for a process that does not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backlog {
    pub messages: usize,
    /// Unit: bytes.
    pub bytes: usize,
}

/// The way to one process that speaks the old wire.
#[derive(Debug)]
pub struct Line {
    from: Upid,
    to: Upid,
    queue: StreamSender,
}

impl Line {
    /// A line by which `from` writes to `to`; nothing is dialled before there is something to say. Called by a process,
    /// which is told of a break by [`Line::on_broken`].
    pub fn open(runtime: &Runtime, from: Upid, to: Upid, backlog: Backlog) -> Line {
        let (queue, body) = stream(backlog.messages, backlog.bytes);
        let carrying = carry(runtime.clone(), to.clone(), body).boxed_local();
        runtime.environment().spawner.local(carrying).detach();
        Line { from, to, queue }
    }

    /// Says something; never waits.
    ///
    /// Errors: when too much waits already, or the line is broken or closed.
    pub fn send(&self, name: &str, body: &[u8]) -> Result<(), StreamError> {
        self.queue.send(spell(&self.from, &self.to, name, body))
    }

    /// Whom it leads to.
    pub fn to(&self) -> &Upid {
        &self.to
    }

    /// Runs `told` once nobody is written to any more, whoever ended it. It must not block.
    pub fn on_broken(&self, told: impl FnOnce() + Send + 'static) {
        self.queue.on_closed(told);
    }

    /// Ends it, after what was sent.
    pub fn close(&self) {
        self.queue.close();
    }

    /// Ends it at once.
    pub fn cut(&self) {
        self.queue.abort();
    }
}

/// One message as one request. Source: libprocess' encoder; a body is one chunk.
fn spell(from: &Upid, to: &Upid, name: &str, body: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(body.len() + 256);
    let id = utf8_percent_encode(to.id(), UNSAFE);
    let head = format!(
        "POST /{id}/{name} HTTP/1.1\r\nUser-Agent: libprocess/{from}\r\nLibprocess-From: {from}\r\n\
         Connection: Keep-Alive\r\nHost: {}\r\n",
        to.address()
    );
    out.put_slice(head.as_bytes());
    if body.is_empty() {
        out.put_slice(b"\r\n");
    } else {
        out.put_slice(format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n", body.len()).as_bytes());
        out.put_slice(body);
        out.put_slice(b"\r\n0\r\n\r\n");
    }
    out.freeze()
}

/// Writes what is said until it ends, or until the other end does. `queue` is dropped then, which tells its owner.
async fn carry(runtime: Runtime, to: Upid, mut queue: Body) {
    let Some(Ok(first)) = queue.next().await else { return };
    let carried = async {
        let socket = runtime.client().connect(&to.address().to_string()).await?;
        let (reader, writer) = tokio::io::split(socket);
        match select(Box::pin(write(&runtime, first, &mut queue, writer)), Box::pin(drain(reader))).await {
            Either::Left((Ok(()), reading)) => {
                // Closed at once, what came back unread would break what was written last.
                select(reading, runtime.sleep(PARTING)).await;
                Ok(())
            }
            Either::Left((Err(error), _)) => Err(error),
            Either::Right(_) => Err(io::ErrorKind::ConnectionReset.into()),
        }
    };
    if let Err(error) = carried.await {
        tracing::debug!(%to, %error, "a line to an old driver is broken");
    }
}

async fn write(
    runtime: &Runtime,
    mut batch: Bytes,
    queue: &mut Body,
    mut writer: impl AsyncWrite + Unpin,
) -> io::Result<()> {
    loop {
        match select(Box::pin(writer.write_all(&batch)), runtime.sleep(STALL)).await {
            Either::Left((written, _)) => written?,
            Either::Right(_) => return Err(io::ErrorKind::TimedOut.into()),
        }
        batch = match queue.next().await {
            Some(Ok(piece)) => gather(piece, queue),
            // Cut by its owner: what is on its way may as well not arrive.
            Some(Err(error)) => return Err(io::Error::other(error)),
            None => return writer.shutdown().await,
        };
    }
}

/// Adds what waits behind a piece.
fn gather(first: Bytes, queue: &mut Body) -> Bytes {
    let mut batch = BytesMut::from(first);
    while batch.len() < BATCH
        && let Some(Some(Ok(piece))) = queue.next().now_or_never()
    {
        batch.extend_from_slice(&piece);
    }
    batch.freeze()
}

/// Reads past whatever is answered: statuses of messages nobody waits for.
async fn drain(mut reader: impl AsyncRead + Unpin) {
    let mut answers = [0; 4 << 10];
    while reader.read(&mut answers).await.is_ok_and(|count| count > 0) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upid(text: &str) -> Upid {
        text.parse().unwrap()
    }

    #[test]
    fn a_message_is_one_request_with_one_chunk() {
        let (from, to) = (upid("master@127.0.0.1:5050"), upid("scheduler(1)@127.0.0.1:9"));
        let spelled = spell(&from, &to, "a.Message", b"twelve bytes");
        assert_eq!(
            String::from_utf8_lossy(&spelled),
            "POST /scheduler(1)/a.Message HTTP/1.1\r\nUser-Agent: libprocess/master@127.0.0.1:5050\r\n\
             Libprocess-From: master@127.0.0.1:5050\r\nConnection: Keep-Alive\r\nHost: 127.0.0.1:9\r\n\
             Transfer-Encoding: chunked\r\n\r\nc\r\ntwelve bytes\r\n0\r\n\r\n"
        );
    }

    #[test]
    fn a_message_without_content_has_no_body() {
        let spelled = spell(&upid("a@127.0.0.1:1"), &upid("b c/d@127.0.0.1:2"), "a.Message", b"");
        let spelled = String::from_utf8_lossy(&spelled);
        assert!(spelled.starts_with("POST /b%20c%2Fd/a.Message HTTP/1.1\r\n"), "{spelled}");
        assert!(spelled.ends_with("\r\nHost: 127.0.0.1:2\r\n\r\n"), "{spelled}");
    }
}
