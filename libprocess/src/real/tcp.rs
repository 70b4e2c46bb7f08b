//! Connections to other nodes over TCP, in plain text or over TLS.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::future::{Either, LocalBoxFuture, select};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::tls::{Keyring, Keys};
use crate::environment::{Stream, Transport};

/// How long a connection may take to come about, its TLS handshake included.
const CONNECT: Duration = Duration::from_secs(5);
/// What was written and not acknowledged for so long breaks a connection.
const UNACKNOWLEDGED: Duration = Duration::from_secs(15);

pub(super) struct Tcp {
    pub(super) keys: Arc<Keyring>,
}

impl Transport for Tcp {
    #[expect(clippy::disallowed_methods, reason = "the real transport's own patience")]
    fn dial(&self, to: SocketAddr) -> LocalBoxFuture<'static, io::Result<Box<dyn Stream>>> {
        let keys = self.keys.get();
        Box::pin(async move {
            let late = Box::pin(tokio::time::sleep(CONNECT));
            match select(Box::pin(connect(to, keys)), late).await {
                Either::Left((stream, _)) => stream,
                Either::Right(_) => Err(io::ErrorKind::TimedOut.into()),
            }
        })
    }
}

async fn connect(to: SocketAddr, keys: Option<Arc<Keys>>) -> io::Result<Box<dyn Stream>> {
    let stream = TcpStream::connect(to).await?;
    prepare(&stream)?;
    match keys {
        Some(keys) => Ok(Box::new(keys.dial(stream, to).await?)),
        None => Ok(Box::new(stream)),
    }
}

/// What every connection of a link is set to.
pub(super) fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    socket.set_tcp_quickack(false)?;
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED))
}

/// How many reads there are between two times that the system is told to let acknowledgements gather.
const TOLD_EVERY: u32 = 16;

/// A link that somebody dialled. What is said goes one way: no answer on the same connection carries the
/// acknowledgement of what came, and the system would send one for each read, a packet that costs as
/// much as the message. It is told to let them gather, and forgets it whenever none was on its way for
/// 40 ms.
pub(super) struct OneWay {
    stream: TcpStream,
    reads: u32,
}

impl OneWay {
    pub(super) fn new(stream: TcpStream) -> OneWay {
        OneWay { stream, reads: 0 }
    }
}

impl AsyncRead for OneWay {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = ready!(Pin::new(&mut self.stream).poll_read(cx, buf));
        self.reads = self.reads.wrapping_add(1);
        if self.reads.is_multiple_of(TOLD_EVERY) {
            // Without it, the link is slower and no less right.
            let _ = SockRef::from(&self.stream).set_tcp_quickack(false);
        }
        Poll::Ready(read)
    }
}

impl AsyncWrite for OneWay {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
