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
use super::network::{Accept, Connection, Ended, Held, Line, Outcome, Packet, WINDOW};
use crate::environment::{Stream, Transport};
use crate::transport::{self, Arrival};

/// How long a connection may take to come about, as outside.
const CONNECT: Duration = Duration::from_secs(5);

/// One end of a connection; clones are the same end, which is let go with the last.
#[derive(Clone)]
pub(super) struct End(Arc<Inner>);

struct Inner {
    core: Arc<Core>,
    line: Line,
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
        let line = self.core.network.lock().connect(self.address, self.life, to, accept);
        let line = line.ok_or(io::ErrorKind::ConnectionAborted)?;
        self.core.send(line, 0, Packet::Knock);
        Ok(End(Arc::new(Inner { core: self.core.clone(), line, side: 0 })))
    }
}

impl Transport for Dialler {
    fn dial(&self, to: SocketAddr) -> LocalBoxFuture<'static, io::Result<Box<dyn Stream>>> {
        let accept: Accept =
            Box::new(|runtime, end| Box::pin(transport::accept(runtime, Arrival::plain(Box::new(end)))));
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
    pub(super) fn send(&self, line: Line, side: usize, packet: Packet) {
        let arrival = self.network.lock().arrival(self.now(), line, side, packet.len());
        if let Some(at) = arrival {
            self.push(at, Event::Packet { connection: line, side: 1 - side, packet });
        }
    }

    /// Does what the network left to be done, without its lock.
    pub(super) fn settle(&self, outcome: Outcome) -> Option<(u32, Accept)> {
        for (line, side, packet) in outcome.replies {
            self.send(line, side, packet);
        }
        outcome.wakers.into_iter().for_each(std::task::Waker::wake);
        drop(outcome.gone);
        outcome.accepted
    }
}

impl End {
    /// The end of who was dialled.
    pub(super) fn accepted(core: Arc<Core>, line: Line) -> End {
        End(Arc::new(Inner { core, line, side: 1 }))
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

    /// Sends one piece whole, once the window is open, and lets this end go: what the other still sends is reset.
    ///
    /// Errors: when nobody will read it.
    pub(super) async fn send_last(&self, piece: Bytes) -> io::Result<()> {
        poll_fn(|poller| self.poll_room(poller)).await?;
        let Inner { core, line, side } = &*self.0;
        core.send(*line, *side, Packet::Last(piece));
        let mut outcome = Outcome::default();
        core.network.lock().leave(*line, *side, Held::Dropped, &mut outcome);
        // The piece says that it is let go.
        outcome.replies.clear();
        core.settle(outcome);
        Ok(())
    }

    /// The first piece that comes from whoever opens; `None` if that is the proper end.
    ///
    /// Errors: when nobody is there, or says so, or says nothing.
    pub(super) async fn first(&self) -> io::Result<Option<io::Result<Bytes>>> {
        let welcome = || self.with(|connection, side| connection.sides[side].welcome);
        let _ = self.with(|connection, side| connection.sides[side].patient = true);
        let piece = match select(Box::pin(self.receive()), self.0.core.sleep(CONNECT)).await {
            Either::Left((piece, _)) => piece,
            Either::Right((_, receiving)) if welcome().unwrap_or(true) => receiving.await,
            Either::Right(_) => return Err(io::ErrorKind::TimedOut.into()),
        };
        match piece {
            Some(Err(_)) if !welcome().unwrap_or(true) => Err(io::ErrorKind::ConnectionRefused.into()),
            piece => Ok(piece),
        }
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
            self.0.core.send(self.0.line, self.0.side, Packet::Finish);
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
        let connection = network.get(self.0.line).ok_or(io::ErrorKind::ConnectionReset)?;
        if connection.sides[self.0.side].held != Held::Open {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(work(connection, self.0.side))
    }

    fn push(&self, bytes: Bytes) {
        let many = bytes.len();
        if self.with(|connection, side| connection.sides[side].window += many).is_ok() {
            self.0.core.send(self.0.line, self.0.side, Packet::Bytes(bytes));
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
        self.core.network.lock().leave(self.line, self.side, Held::Dropped, &mut outcome);
        self.core.settle(outcome);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use parking_lot::Mutex;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::Runtime;
    use crate::sim::{Disk, Sim};

    struct Pair {
        sim: Sim,
        nodes: [Runtime; 2],
        dialled: End,
        accepted: End,
    }

    /// Two nodes and a connection between them.
    fn pair() -> Pair {
        let mut sim = Sim::new(1);
        let nodes = [sim.node("10.0.0.1:1"), sim.node("10.0.0.2:1")];
        let (dialled, accepted) = connect(&mut sim, &nodes);
        Pair { sim, nodes, dialled, accepted }
    }

    fn connect(sim: &mut Sim, nodes: &[Runtime; 2]) -> (End, End) {
        let address = nodes[0].address();
        let life = sim.life(address).unwrap().number;
        let dialler = Dialler { core: sim.core().clone(), address, life };
        let slot = Arc::new(Mutex::new(None));
        let put = slot.clone();
        let accept: Accept = Box::new(move |_, end| {
            *put.lock() = Some(end);
            Box::pin(async {})
        });
        let dialled = dialler.knock(nodes[1].address(), accept).unwrap();
        sim.block_on(dialled.welcome()).unwrap();
        let accepted = slot.lock().take().unwrap();
        (dialled, accepted)
    }

    /// Writes until there is no room.
    fn fill(end: &mut End) -> usize {
        let mut written = 0;
        while let Some(some) = end.write(&[7; 100_000]).now_or_never() {
            written += some.unwrap();
        }
        written
    }

    #[test]
    fn a_writer_waits_while_its_reader_does_not_read() {
        let Pair { mut sim, mut dialled, mut accepted, .. } = pair();
        assert_eq!(fill(&mut dialled), WINDOW);
        sim.settle();
        assert!(dialled.write(&[1]).now_or_never().is_none());
        let mut some = [0; 1_000];
        assert_eq!(sim.block_on(accepted.read(&mut some)).unwrap(), 1_000);
        assert_eq!(fill(&mut dialled), 1_000);
        // The other direction has a window of its own.
        assert_eq!(fill(&mut accepted), WINDOW);
    }

    #[test]
    fn what_was_sent_into_a_partition_arrives_in_order_when_it_heals() {
        let Pair { mut sim, nodes: [one, two], mut dialled, mut accepted } = pair();
        let mut say = |sim: &mut Sim, text: &'static str| {
            sim.block_on(dialled.write_all(text.as_bytes())).unwrap();
        };
        say(&mut sim, "on its way, ");
        sim.partition(&one, &two);
        say(&mut sim, "held back, ");
        sim.advance(Duration::from_secs(1));
        assert!(accepted.read_u8().now_or_never().is_none());
        say(&mut sim, "on its way again, ");
        sim.heal(&one, &two);
        say(&mut sim, "late");
        sim.settle();
        drop(dialled);
        let mut all = String::new();
        sim.block_on(accepted.read_to_string(&mut all)).unwrap();
        assert_eq!(all, "on its way, held back, on its way again, late");
    }

    #[test]
    fn an_end_that_is_let_go_is_read_to_the_end_and_written_to_no_more() {
        let Pair { mut sim, mut dialled, mut accepted, .. } = pair();
        sim.block_on(accepted.write_all(b"bye")).unwrap();
        drop(accepted);
        sim.settle();
        let mut all = Vec::new();
        sim.block_on(dialled.read_to_end(&mut all)).unwrap();
        assert_eq!(all, b"bye");
        let error = dialled.write(b"hello?").now_or_never().unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn an_answer_is_waited_for_once_somebody_has_opened_and_its_sender_is_gone_with_it() {
        let Pair { mut sim, nodes, mut dialled, accepted } = pair();
        sim.block_on(accepted.send_last(Bytes::from_static(b"bye"))).unwrap();
        let mut all = Vec::new();
        sim.block_on(dialled.read_to_end(&mut all)).unwrap();
        assert_eq!(all, b"bye");
        let error = dialled.write(b"hello?").now_or_never().unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);

        let address = nodes[0].address();
        let life = sim.life(address).unwrap().number;
        let dialler = Dialler { core: sim.core().clone(), address, life };
        let late = || -> Accept {
            Box::new(|runtime, end| {
                Box::pin(async move {
                    runtime.sleep(2 * CONNECT).await;
                    end.send_last(Bytes::from_static(b"late")).await.unwrap();
                })
            })
        };
        let end = dialler.knock(nodes[1].address(), late()).unwrap();
        assert_eq!(sim.block_on(end.first()).unwrap().unwrap().unwrap(), "late");
        sim.kill(&nodes[1]);
        let end = dialler.knock(nodes[1].address(), late()).unwrap();
        assert_eq!(sim.block_on(end.first()).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    }

    #[test]
    fn a_connection_that_is_cut_fails_at_both_ends() {
        let Pair { mut sim, nodes: [one, two], mut dialled, mut accepted } = pair();
        sim.cut(&one, &two);
        for end in [&mut dialled, &mut accepted] {
            let read = sim.block_on(end.read_u8()).unwrap_err();
            let written = sim.block_on(end.write(b"x")).unwrap_err();
            assert_eq!([read.kind(), written.kind()], [io::ErrorKind::ConnectionReset; 2]);
        }
        drop((dialled, accepted));
        connect(&mut sim, &[one, two]);
    }

    #[test]
    fn a_half_open_connection_is_reset_once_its_machine_is_back() {
        let Pair { mut sim, nodes: [_one, two], mut dialled, mut accepted } = pair();
        sim.power_off(&two);
        assert!(accepted.read_u8().now_or_never().unwrap().is_err());
        sim.block_on(dialled.write_all(b"anybody?")).unwrap();
        sim.advance(Duration::from_secs(3_600));
        assert!(dialled.read_u8().now_or_never().is_none());
        let _two = sim.restart(&two, Disk::Kept);
        sim.block_on(dialled.write_all(b"and now?")).unwrap();
        let error = sim.block_on(dialled.read_u8()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }

    #[test]
    fn nobody_is_refused_and_silence_times_out() {
        let Pair { mut sim, nodes: [one, two], .. } = pair();
        let dial = |sim: &mut Sim| {
            let dialling = one.environment().transport.dial(two.address());
            sim.block_on(dialling).map(|_| ()).map_err(|error| error.kind())
        };
        sim.kill(&two);
        assert_eq!(dial(&mut sim), Err(io::ErrorKind::ConnectionRefused));
        let two = sim.restart(&two, Disk::Kept);
        assert_eq!(dial(&mut sim), Ok(()));
        sim.power_off(&two);
        assert_eq!(dial(&mut sim), Err(io::ErrorKind::TimedOut));
        let two = sim.restart(&two, Disk::Kept);
        sim.partition_one_way(&two, &one);
        assert_eq!(dial(&mut sim), Err(io::ErrorKind::TimedOut));
    }
}
