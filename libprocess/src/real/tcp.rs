//! Connections to other nodes over TCP.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::{Either, LocalBoxFuture, select};
use tokio::net::TcpStream;

use crate::environment::{Stream, Transport};

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(5);

pub(super) struct Tcp;

impl Transport for Tcp {
    #[expect(clippy::disallowed_methods, reason = "the real transport's own patience")]
    fn dial(&self, to: SocketAddr) -> LocalBoxFuture<'static, io::Result<Box<dyn Stream>>> {
        Box::pin(async move {
            let late = Box::pin(tokio::time::sleep(CONNECT));
            match select(Box::pin(TcpStream::connect(to)), late).await {
                Either::Left((stream, _)) => {
                    let stream = stream?;
                    stream.set_nodelay(true)?;
                    Ok(Box::new(stream) as Box<dyn Stream>)
                }
                Either::Right(_) => Err(io::ErrorKind::TimedOut.into()),
            }
        })
    }
}
