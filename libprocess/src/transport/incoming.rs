//! The connection somebody dialled: reads frames and brings them where they belong.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use futures_util::future::{Either, select};
use libprocess_wire as wire;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::frame::{self, Broken, Frame, Kind};
use super::greeting;
use super::names::{Receiver, Taken};
use super::outgoing::{GREETING, SILENCE_MAX};
use super::peers::Departure;
use crate::doors::{AskPath, Letter};
use crate::environment::Stream;
use crate::link::{Exit, RemoteWatch, Watcher};
use crate::mailbox::AnyCell;
use crate::{AskError, Runtime, SendError, Upid};

/// How much is read at once. Unit: bytes.
const READ: usize = 64 << 10;
/// How many frames are delivered before the receivers have a turn.
const YIELD_AFTER: u64 = 64;
/// How many links one connection may hold.
const WATCHES_MAX: usize = 65_536;

/// Speaks with a node that dialled us, until the connection breaks.
pub(crate) async fn accept(runtime: Runtime, mut stream: Box<dyn Stream>) {
    let counts = &runtime.peers().counts;
    let greeting = greeting::welcome(&mut *stream, runtime.peers().epoch.0);
    let hello = match select(Box::pin(greeting), runtime.sleep(GREETING)).await {
        Either::Left((Ok(hello), _)) => hello,
        Either::Left((Err(error), _)) => {
            counts.greetings_refused.increment(1);
            tracing::debug!(%error, "greeting refused");
            return;
        }
        Either::Right(_) => return counts.greetings_refused.increment(1),
    };
    counts.accepted.increment(1);
    let closer = runtime.peers().incoming(hello.node);
    let mut incoming =
        Incoming { runtime: runtime.clone(), node: hello.node, taken: Taken::default(), watches: Vec::new() };
    let reads = Cell::new(0);
    let reading = Box::pin(incoming.read(stream, &reads));
    let ending = select(Box::pin(closer.wait()), Box::pin(silence(&runtime, &reads)));
    let ended = match select(reading, ending).await {
        Either::Left((ended, _)) => ended,
        Either::Right((Either::Left(_), _)) => Ok(()),
        Either::Right((Either::Right(_), _)) => Err(io::ErrorKind::TimedOut.into()),
    };
    if let Err(error) = ended {
        tracing::debug!(node = %hello.node, %error, "connection broken");
    }
    incoming.leave();
}

struct Incoming {
    runtime: Runtime,
    /// Where everybody lives who sends on this connection.
    node: SocketAddr,
    taken: Taken,
    /// Whom that node's processes watch here.
    watches: Vec<(Arc<dyn AnyCell>, Upid, Upid)>,
}

impl Incoming {
    /// Reads to the end; counts in `reads` how often something came.
    async fn read(&mut self, mut stream: Box<dyn Stream>, reads: &Cell<u64>) -> io::Result<()> {
        let mut buffer = BytesMut::with_capacity(READ);
        let mut pongs = Vec::new();
        loop {
            buffer.reserve(READ);
            let read = stream.read_buf(&mut buffer).await?;
            reads.set(reads.get() + 1);
            if read == 0 {
                return Ok(());
            }
            self.runtime.peers().counts.bytes_received.increment(read as u64);
            let mut frames = 0;
            while let Some((frame, length)) = Frame::first(&buffer).map_err(invalid)? {
                self.frame(frame, &mut pongs).map_err(invalid)?;
                buffer.advance(length);
                frames += 1;
            }
            self.runtime.peers().counts.frames_received.increment(frames);
            if frames > YIELD_AFTER {
                // Those who were sent to have their turn while their messages are still warm.
                yield_once().await;
            }
            if !pongs.is_empty() {
                stream.write_all(&pongs).await?;
                pongs.clear();
            }
        }
    }

    /// Errors: when the frame is not what it says. One message nobody takes is no error.
    fn frame(&mut self, mut frame: Frame<'_>, pongs: &mut Vec<u8>) -> Result<(), Broken> {
        match frame.kind {
            Kind::Define => self.taken.define(frame.rest, self.node),
            Kind::Tell => self.tell(frame),
            Kind::Ask => self.ask(frame),
            Kind::Reply => {
                let ask = self.runtime.peers().peer(self.node).forget_ask(frame.number()?);
                if let Some(ask) = ask {
                    let answer = (ask.decode)(frame.rest).map_err(|_| AskError::Rejected);
                    ask.asker.answer(ask.number, answer);
                }
                Ok(())
            }
            Kind::Nack => {
                let ask = self.runtime.peers().peer(self.node).forget_ask(frame.number()?);
                let why: AskError = wire::decode(frame.rest).map_err(|_| Broken::Body)?;
                if let Some(ask) = ask {
                    ask.asker.answer(ask.number, Err(why));
                }
                Ok(())
            }
            Kind::Link => self.link(frame),
            Kind::Unlink => self.unlink(frame),
            Kind::Exited => {
                let departure: Departure = wire::decode(frame.rest).map_err(|_| Broken::Body)?;
                let linker = departure.linker.at(self.runtime.peers().address);
                let linked = departure.linked.at(self.node);
                if let Some(cell) = self.runtime.peers().peer(self.node).take_link(&linker, &linked) {
                    cell.exited(linked, departure.exit);
                }
                Ok(())
            }
            Kind::Ping => {
                // A peer that pings without reading the answers does not fill our memory with them.
                if pongs.is_empty() {
                    frame::write(pongs, Kind::Pong, &[], |_| {}).expect("a pong is short");
                }
                Ok(())
            }
            Kind::Pong => Ok(()),
            Kind::Hello | Kind::Welcome => Err(Broken::Greeting),
        }
    }

    fn tell(&mut self, mut frame: Frame<'_>) -> Result<(), Broken> {
        let (kind, to, from) = (frame.number()?, frame.number()?, frame.number()?);
        let ((name, version), receiver, from) = self.taken.message(kind, to, from)?;
        // Mostly: a process and a door that were found before.
        if let (Some(door), Some(cell)) = (receiver.door(kind), &receiver.cell) {
            match cell.deliver(door, from, frame.rest) {
                Ok(()) => return Ok(()),
                Err(SendError::Gone) => {}
                Err(_) => return self.untaken(),
            }
        }
        let told = find(&self.runtime, receiver).is_some_and(|cell| match cell.door(name, version) {
            Some(door) => {
                receiver.remember(kind, door);
                cell.deliver(door, from, frame.rest).is_ok()
            }
            // Its doors may not be open yet.
            None => cell.letter(letter((name, version), from, frame.rest, None)).is_ok(),
        });
        if !told {
            tracing::debug!(message = name, to = &*receiver.id, %from, "nobody takes this message");
            return self.untaken();
        }
        Ok(())
    }

    fn untaken(&self) -> Result<(), Broken> {
        self.runtime.peers().counts.messages_refused.increment(1);
        Ok(())
    }

    fn ask(&mut self, mut frame: Frame<'_>) -> Result<(), Broken> {
        let (kind, to, from) = (frame.number()?, frame.number()?, frame.number()?);
        let (correlation, left) = (frame.number()?, frame.number()?);
        let (kind, receiver, from) = self.taken.message(kind, to, from)?;
        let cell = find(&self.runtime, receiver);
        let way = Way { runtime: self.runtime.clone(), node: self.node, correlation, asked: cell.clone() };
        let mut way = Answering(Some(way));
        let Some(cell) = cell else {
            way.answer(Err(AskError::NoSuchProcess));
            return Ok(());
        };
        let deadline = self.runtime.elapsed().saturating_add(Duration::from_millis(left));
        let path = AskPath { answer: Box::new(move |answer| way.answer(answer)), deadline };
        if cell.letter(letter(kind, from, frame.rest, Some(path))).is_err() {
            self.runtime.peers().counts.messages_refused.increment(1);
        }
        Ok(())
    }

    fn link(&mut self, mut frame: Frame<'_>) -> Result<(), Broken> {
        let (to, from) = (frame.number()?, frame.number()?);
        let linker = self.taken.from(from)?.clone();
        let receiver = self.taken.to(to)?;
        let linked = address_of(receiver, self.runtime.peers().address);
        let cell = find(&self.runtime, receiver);
        let tell: Arc<dyn RemoteWatch> = Arc::new(Telling(self.runtime.clone()));
        let watcher = Watcher::Remote { linker: linker.clone(), linked: linked.clone(), tell };
        if self.watches.len() >= WATCHES_MAX {
            self.watches.retain(|(cell, ..)| cell.is_alive());
        }
        match cell {
            Some(cell) if self.watches.len() < WATCHES_MAX && cell.watch(watcher) => {
                self.watches.push((cell, linker, linked));
            }
            _ => self.runtime.peers().exited(&self.runtime, &linker, &linked, Exit::NoSuchProcess),
        }
        Ok(())
    }

    fn unlink(&mut self, mut frame: Frame<'_>) -> Result<(), Broken> {
        let (to, from) = (frame.number()?, frame.number()?);
        let linker = self.taken.from(from)?.clone();
        let linked = address_of(self.taken.to(to)?, self.runtime.peers().address);
        if let Some(at) = self.watches.iter().position(|(_, who, whom)| *who == linker && *whom == linked) {
            let (cell, ..) = self.watches.swap_remove(at);
            cell.unwatch(&linker, &linked);
        }
        Ok(())
    }

    /// The node cannot be told any more: nobody watches for it.
    fn leave(self) {
        for (cell, linker, linked) in self.watches {
            cell.unwatch(&linker, &linked);
        }
    }
}

/// Returns when nothing came for too long. A timer for each read would cost more than the read.
async fn silence(runtime: &Runtime, reads: &Cell<u64>) {
    const LOOKS: u32 = 3;
    let (mut seen, mut silent) = (reads.get(), 0);
    while silent < LOOKS {
        runtime.sleep(SILENCE_MAX / LOOKS).await;
        silent = if reads.get() == seen { silent + 1 } else { 0 };
        seen = reads.get();
    }
}

/// Lets everybody else have a turn.
async fn yield_once() {
    let mut yielded = false;
    std::future::poll_fn(|poller| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        poller.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// The process that is meant, if it lives.
fn find(runtime: &Runtime, receiver: &mut Receiver) -> Option<Arc<dyn AnyCell>> {
    if !receiver.cell.as_ref().is_some_and(|cell| cell.is_alive()) {
        receiver.doors.clear();
        receiver.cell = runtime.find(&receiver.id, receiver.epoch);
    }
    receiver.cell.clone()
}

/// The address by which the other node named it.
fn address_of(receiver: &Receiver, node: SocketAddr) -> Upid {
    match receiver.epoch {
        Some(epoch) => Upid::with_epoch(receiver.id.clone(), node, epoch),
        None => Upid::new(receiver.id.clone(), node),
    }
}

fn letter((name, version): (&str, u32), from: &Upid, body: &[u8], ask: Option<AskPath>) -> Letter {
    Letter::Frame { name: name.into(), version, from: from.clone(), body: body.into(), ask }
}

fn invalid(broken: Broken) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, broken)
}

/// The way back to an asker.
struct Way {
    runtime: Runtime,
    node: SocketAddr,
    correlation: u64,
    asked: Option<Arc<dyn AnyCell>>,
}

/// Answers once; a question that is dropped on the way is answered too.
struct Answering(Option<Way>);

impl Answering {
    fn answer(&mut self, answer: Result<Vec<u8>, AskError>) {
        let Some(way) = self.0.take() else { return };
        let alive = way.asked.as_ref().is_none_or(|asked| asked.is_alive());
        let answer = answer.map_err(|why| if alive { why } else { AskError::Terminated });
        way.runtime.peers().reply(&way.runtime, way.node, way.correlation, &answer);
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.answer(Err(AskError::Rejected));
    }
}

/// Brings the word of an end to another node.
struct Telling(Runtime);

impl RemoteWatch for Telling {
    fn ended(&self, linker: &Upid, linked: &Upid, exit: &Exit) {
        self.0.peers().exited(&self.0, linker, linked, exit.clone());
    }
}
