//! Connections to other nodes over TCP, in plain text or over TLS.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, LocalBoxFuture, select};
use socket2::SockRef;
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
    // Data goes one way: no answer will carry the acknowledgement of each message, so let them gather.
    socket.set_tcp_quickack(false)?;
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED))
}
