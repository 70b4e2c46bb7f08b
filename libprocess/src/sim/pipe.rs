//! One end of a simulated connection: bytes for links, whole pieces for HTTP.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, LocalBoxFuture, select};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::core::{Core, Event};
use super::network::{Accept, Connection, Ended, Held, Outcome, Packet, WINDOW};
use crate::environment::{Stream, Transport};
use crate::transport;

/// How long a connection may take to come about, as outside.
const CONNECT: Duration = Duration::from_secs(5);

/// One end of a connection; clones are the same end, which is let go with the last.
#[derive(Clone)]
pub(super) struct End(Arc<Inner>);

struct Inner {
    core: Arc<Core>,
    number: u64,
    side: usize,
}

/// Where a node's connections begin.
#[derive(Clone)]
pub(super) struct Dialler {
    pub(super) core: Arc<Core>,
    pub(super) address: SocketAddr,
    pub(super) life: u32,
}

impl Dialler {
    /// Knocks at an address; `accept` runs there if somebody opens. Nothing is waited for.
    ///
    /// Errors: when the node that dials lives no longer.
    pub(super) fn knock(&self, to: SocketAddr, accept: Accept) -> io::Result<End> {
        let number = self.core.network.lock().connect(self.address, self.life, to, accept);
        let number = number.ok_or(io::ErrorKind::ConnectionAborted)?;
        self.core.send(number, 0, Packet::Knock);
        Ok(End(Arc::new(Inner { core: self.core.clone(), number, side: 0 })))
    }
}

impl Transport for Dialler {
    fn dial(&self, to: SocketAddr) -> LocalBoxFuture<'static, io::Result<Box<dyn Stream>>> {
        let accept: Accept =
            Box::new(|runtime, end| Box::pin(transport::accept(runtime, Box::new(end) as Box<dyn Stream>)));
        let end = self.knock(to, accept);
        Box::pin(async move {
            let end = end?;
            end.welcome().await?;
            Ok(Box::new(end) as Box<dyn Stream>)
        })
    }
}

impl Core {
    /// Sends a packet from one side of a connection to the other.
    pub(super) fn send(&self, number: u64, side: usize, packet: Packet) {
        let arrival = self.network.lock().arrival(self.now(), number, side);
        if let Some(at) = arrival {
            self.push(at, Event::Packet { connection: number, side: 1 - side, packet });
        }
    }

    /// Does what the network left to be done, without its lock.
    pub(super) fn settle(&self, outcome: Outcome) -> Option<(u32, Accept)> {
        for (number, side, packet) in outcome.replies {
            self.send(number, side, packet);
        }
        outcome.wakers.into_iter().for_each(std::task::Waker::wake);
        drop(outcome.gone);
        outcome.accepted
    }
}

impl End {
    /// The end of who was dialled.
    pub(super) fn accepted(core: Arc<Core>, number: u64) -> End {
        End(Arc::new(Inner { core, number, side: 1 }))
    }

    /// Waits until somebody has opened.
    ///
    /// Errors: when nobody is there, or says so, or says nothing.
    pub(super) async fn welcome(&self) -> io::Result<()> {
        let opened = poll_fn(|poller| {
            self.with(|connection, side| {
                let side = &mut connection.sides[side];
                match side.end {
                    _ if side.welcome => Poll::Ready(Ok(())),
                    Some(_) => Poll::Ready(Err(io::ErrorKind::ConnectionRefused.into())),
                    None => {
                        side.reader = Some(poller.waker().clone());
                        Poll::Pending
                    }
                }
            })
            .unwrap_or_else(|broken| Poll::Ready(Err(broken)))
        });
        match select(opened, self.0.core.sleep(CONNECT)).await {
            Either::Left((opened, _)) => opened,
            Either::Right(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    /// Sends one piece whole, once the window is open.
    ///
    /// Errors: when nobody will read it.
    pub(super) async fn send(&self, piece: Bytes) -> io::Result<()> {
        poll_fn(|poller| self.poll_room(poller)).await?;
        self.push(piece);
        Ok(())
    }

    /// The next piece as it was sent; `None` at the proper end.
    ///
    /// Errors: when the other end left or the connection broke before that.
    pub(super) async fn receive(&self) -> Option<io::Result<Bytes>> {
        poll_fn(|poller| {
            self.poll_unread(poller, usize::MAX).map(|piece| match piece {
                Ok(piece) => Some(Ok(piece)),
                Err(Ended::Properly) => None,
                Err(Ended::Left | Ended::Reset) => Some(Err(io::ErrorKind::ConnectionReset.into())),
            })
        })
        .await
    }

    /// Says that no more will be sent.
    pub(super) fn finish(&self) {
        let first =
            self.with(|connection, side| !std::mem::replace(&mut connection.sides[side].finished, true));
        if first.unwrap_or(false) {
            self.0.core.send(self.0.number, self.0.side, Packet::Finish);
        }
    }

    /// Completes when nobody reads any more at the other end.
    pub(super) async fn left(&self) {
        poll_fn(|poller| {
            self.with(|connection, side| {
                let side = &mut connection.sides[side];
                if side.unheard {
                    return Poll::Ready(());
                }
                side.writer = Some(poller.waker().clone());
                Poll::Pending
            })
            .unwrap_or(Poll::Ready(()))
        })
        .await;
    }

    /// Errors: when the connection is no more, or its node.
    fn with<T>(&self, work: impl FnOnce(&mut Connection, usize) -> T) -> io::Result<T> {
        let mut network = self.0.core.network.lock();
        let connection = network.get(self.0.number).ok_or(io::ErrorKind::ConnectionReset)?;
        if connection.sides[self.0.side].held != Held::Open {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(work(connection, self.0.side))
    }

    fn push(&self, bytes: Bytes) {
        let many = bytes.len();
        if self.with(|connection, side| connection.sides[side].window += many).is_ok() {
            self.0.core.send(self.0.number, self.0.side, Packet::Bytes(bytes));
        }
    }

    /// How much may be written now. Unit: bytes.
    fn poll_room(&self, poller: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.with(|connection, side| {
            let side = &mut connection.sides[side];
            if side.end == Some(Ended::Reset) {
                return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
            }
            if side.unheard || side.finished {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
            match WINDOW.saturating_sub(side.window) {
                0 => {
                    side.writer = Some(poller.waker().clone());
                    Poll::Pending
                }
                room => Poll::Ready(Ok(room)),
            }
        })
        .unwrap_or_else(|broken| Poll::Ready(Err(broken)))
    }

    /// What was sent first and is unread, at most so much of it; or how reading ended.
    fn poll_unread(&self, poller: &mut Context<'_>, most: usize) -> Poll<Result<Bytes, Ended>> {
        let read = self.with(|connection, side| {
            let [here, there] = [side, 1 - side];
            let side = &mut connection.sides[here];
            let Some(mut bytes) = side.unread.pop_front() else {
                return match side.end {
                    Some(ended) => Poll::Ready((Err(ended), None)),
                    None => {
                        side.reader = Some(poller.waker().clone());
                        Poll::Pending
                    }
                };
            };
            if bytes.len() > most {
                let rest = bytes.split_off(most);
                side.unread.push_front(rest);
            }
            let other = &mut connection.sides[there];
            other.window = other.window.saturating_sub(bytes.len());
            Poll::Ready((Ok(bytes), other.writer.take()))
        });
        let Ok(read) = read else { return Poll::Ready(Err(Ended::Reset)) };
        read.map(|(bytes, writer)| {
            if let Some(writer) = writer {
                writer.wake();
            }
            bytes
        })
    }
}

impl AsyncRead for End {
    fn poll_read(
        self: Pin<&mut Self>,
        poller: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.poll_unread(poller, buffer.remaining()).map(|read| match read {
            Ok(bytes) => {
                buffer.put_slice(&bytes);
                Ok(())
            }
            Err(Ended::Properly | Ended::Left) => Ok(()),
            Err(Ended::Reset) => Err(io::ErrorKind::ConnectionReset.into()),
        })
    }
}

impl AsyncWrite for End {
    fn poll_write(self: Pin<&mut Self>, poller: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_room(poller).map_ok(|room| {
            let many = bytes.len().min(room);
            self.push(Bytes::copy_from_slice(&bytes[..many]));
            many
        })
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.finish();
        Poll::Ready(Ok(()))
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let mut outcome = Outcome::default();
        self.core.network.lock().leave(self.number, self.side, Held::Dropped, &mut outcome);
        self.core.settle(outcome);
    }
}
