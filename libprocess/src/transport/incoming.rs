//! The connection somebody dialled: reads frames and brings them where they belong.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use futures_util::future::{Either, select};
use libprocess_wire as wire;
use rand::Rng as _;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::frame::{self, Broken, Frame, Kind};
use super::greeting::{self, Unwelcome};
use super::names::{Door, Receiver, Taken};
use super::outgoing::SILENT_PINGS;
use super::peers::Departure;
use super::refusals::Refusal;
use crate::doors::{self, AskPath, Letter, NoDoor, Origin};
use crate::environment::Stream;
use crate::link::{Exit, RemoteWatch, Watcher};
use crate::mailbox::AnyCell;
use crate::{AskError, Principal, Runtime, SendError, Upid};

/// How much is read at once. Unit: bytes.
const READ: usize = 64 << 10;
/// How many frames are delivered before the receivers have a turn.
const YIELD_AFTER: u64 = 64;
/// How much may wait to go back to who dialled. Unit: bytes.
const BACK_MAX: usize = 1 << 10;
/// How many links one connection may hold.
const WATCHES_MAX: usize = 65_536;

/// A connection as the listener hands it over.
pub(crate) struct Arrival {
    pub(crate) stream: Box<dyn Stream>,
    /// Where it comes from, for the log.
    pub(crate) peer: Option<SocketAddr>,
    /// Whom the connection shows to be at its other end.
    pub(crate) principal: Option<Principal>,
    /// Whether whoever is there may say that its node lives at an address.
    pub(crate) may_live_at: Box<dyn Fn(SocketAddr) -> bool>,
}

impl Arrival {
    /// From a network that shows no more than bytes.
    pub(crate) fn plain(stream: Box<dyn Stream>) -> Arrival {
        Arrival { stream, peer: None, principal: None, may_live_at: Box::new(|_| true) }
    }
}

/// Speaks with a node that dialled us, until the connection breaks.
pub(crate) async fn accept(runtime: Runtime, arrival: Arrival) {
    let peers = runtime.peers();
    let Arrival { mut stream, peer, principal, may_live_at } = arrival;
    let from = || peer.map_or_else(String::new, |peer| format!(" from {peer}"));
    let _open = Open::one(&peers.incoming);
    if peers.incoming.load(Ordering::Relaxed) > peers.limits.links {
        return peers.refuse(&runtime, Refusal::TooManyLinks, || format!("a link{}", from()));
    }
    let mut nonce = [0; 32];
    runtime.environment().rng.stream("nonce").fill_bytes(&mut nonce);
    let greeting = greeting::welcome(&mut *stream, peers.epoch.0, nonce, principal, &peers.security);
    let (hello, principal) = match select(Box::pin(greeting), runtime.sleep(peers.limits.greeting)).await {
        Either::Left((Ok(greeted), _)) => greeted,
        Either::Left((Err(Unwelcome(why, what)), _)) => {
            return peers.refuse(&runtime, why, || format!("a link{}: {what}", from()));
        }
        Either::Right(_) => {
            return peers.refuse(&runtime, Refusal::Greeting, || format!("a link{}: late", from()));
        }
    };
    if !may_live_at(hello.node) {
        return peers.refuse(&runtime, Refusal::PeerAddress, || format!("node {}{}", hello.node, from()));
    }
    peers.counts.accepted.increment(1);
    let closer = peers.incoming(hello.node);
    let mut incoming = Incoming {
        runtime: runtime.clone(),
        node: hello.node,
        principal,
        taken: Taken::default(),
        watches: Vec::new(),
        back: Vec::new(),
    };
    let reads = Cell::new(0);
    let reading = Box::pin(incoming.read(stream, &reads));
    let ending = select(Box::pin(closer.wait()), Box::pin(silence(&runtime, &reads)));
    let ended = match select(reading, ending).await {
        Either::Left((ended, _)) => ended,
        Either::Right((Either::Left(_), _)) => Ok(()),
        Either::Right((Either::Right(_), _)) => Err(io::ErrorKind::TimedOut.into()),
    };
    match ended {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            peers.refuse(&runtime, Refusal::Frame, || format!("node {}{}: {error}", hello.node, from()));
        }
        Err(error) => tracing::debug!(node = %hello.node, %error, "connection broken"),
    }
    incoming.leave();
}

/// One open link, counted while it lives.
struct Open<'a>(&'a AtomicUsize);

impl Open<'_> {
    fn one(open: &AtomicUsize) -> Open<'_> {
        open.fetch_add(1, Ordering::Relaxed);
        Open(open)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

struct Incoming {
    runtime: Runtime,
    /// Where everybody lives who sends on this connection.
    node: SocketAddr,
    /// Who everybody is who sends on this connection.
    principal: Option<Principal>,
    taken: Taken,
    /// Whom that node's processes watch here.
    watches: Vec<(Arc<dyn AnyCell>, Upid, Upid)>,
    /// What goes back on this connection: pongs, and which version is read.
    back: Vec<u8>,
}

impl Incoming {
    /// Reads to the end; counts in `reads` how often something came.
    async fn read(&mut self, mut stream: Box<dyn Stream>, reads: &Cell<u64>) -> io::Result<()> {
        let mut buffer = BytesMut::with_capacity(READ);
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
                self.frame(frame).map_err(invalid)?;
                buffer.advance(length);
                frames += 1;
            }
            self.runtime.peers().counts.frames_received.increment(frames);
            if frames > YIELD_AFTER {
                // Those who were sent to have their turn while their messages are still warm.
                yield_once().await;
            }
            if !self.back.is_empty() {
                stream.write_all(&self.back).await?;
                stream.flush().await?;
                self.back.clear();
            }
        }
    }

    /// Errors: when the frame is not what it says. One message nobody takes is no error.
    fn frame(&mut self, mut frame: Frame<'_>) -> Result<(), Broken> {
        match frame.kind {
            Kind::Define => self.taken.define(frame.rest, self.node),
            Kind::Tell => self.tell(frame),
            Kind::Ask => self.ask(frame),
            Kind::Reply => {
                let ask = self.runtime.peers().peer(self.node).forget_ask(frame.number()?);
                if let Some(ask) = ask {
                    let older = ask.older || frame.flags & frame::OLDER != 0;
                    let answer = (ask.decode)(frame.rest, older).map_err(|_| AskError::Rejected);
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
                self.back(Kind::Pong, &[]);
                Ok(())
            }
            Kind::Pong => Ok(()),
            Kind::Hello | Kind::Welcome | Kind::Proof => Err(Broken::Greeting),
            Kind::Speaks | Kind::Chunk | Kind::Credit => Err(Broken::Kind(frame.kind as u8)),
        }
    }

    /// Says something to who dialled. A peer that does not read it does not fill our memory with it.
    fn back(&mut self, kind: Kind, numbers: &[u64]) {
        if self.back.len() < BACK_MAX {
            frame::write(&mut self.back, kind, numbers, |_| {}).expect("it is short");
        }
    }

    fn tell(&mut self, mut frame: Frame<'_>) -> Result<(), Broken> {
        let (kind, to, from) = (frame.number()?, frame.number()?, frame.number()?);
        let (newest, older) = frame.bodies()?;
        let (_, receiver, from_upid) = self.taken.message(kind, to, from)?;
        // Mostly: a process and a door that were found before.
        if let (Some(door), Some(cell)) = (receiver.door(kind), &receiver.cell) {
            let body = older.filter(|_| door.older).unwrap_or(newest);
            let origin = Origin { from: from_upid, principal: self.principal.as_ref() };
            match cell.deliver(door.number, door.version, &origin, body) {
                Ok(()) => return Ok(()),
                Err(SendError::Gone) => {}
                Err(why) => return self.untaken([kind, to, from], refusal_at_door(why)),
            }
        }
        match self.first(kind, to, from, older.is_some())? {
            Ok((cell, Found::Door(door))) => {
                let body = older.filter(|_| door.older).unwrap_or(newest);
                let origin = Origin { from: self.taken.from(from)?, principal: self.principal.as_ref() };
                match cell.deliver(door.number, door.version, &origin, body) {
                    Ok(()) => Ok(()),
                    Err(SendError::Gone) => self.untaken([kind, to, from], Refusal::NoSuchProcess),
                    Err(why) => self.untaken([kind, to, from], refusal_at_door(why)),
                }
            }
            Ok((cell, Found::NotYet)) => match cell.letter(self.letter(kind, from, newest, older, None)?) {
                Ok(()) => Ok(()),
                Err(_) => self.untaken([kind, to, from], Refusal::Full),
            },
            Err(refusal) => self.untaken([kind, to, from], refusal),
        }
    }

    fn ask(&mut self, mut frame: Frame<'_>) -> Result<(), Broken> {
        let (kind, to, from) = (frame.number()?, frame.number()?, frame.number()?);
        let (correlation, left) = (frame.number()?, frame.number()?);
        let (newest, older) = frame.bodies()?;
        let found = self.first(kind, to, from, older.is_some())?;
        let asked = found.as_ref().ok().map(|(cell, _)| cell.clone());
        let newest_version = self.taken.message(kind, to, from)?.0.version;
        let runtime = self.runtime.clone();
        let way = Way { runtime, node: self.node, correlation, asked, newest: newest_version };
        let mut way = Answering(Some(way));
        let cell = match found {
            Ok((cell, _)) => cell,
            Err(refusal) => {
                let why = match refusal {
                    Refusal::NoSuchProcess => AskError::NoSuchProcess,
                    Refusal::Forbidden => AskError::Forbidden,
                    _ => AskError::Rejected,
                };
                way.answer(Err(why), newest_version);
                return self.untaken([kind, to, from], refusal);
            }
        };
        let deadline = self.runtime.elapsed().saturating_add(Duration::from_millis(left));
        let answer = Box::new(move |answer, version| way.answer(answer, version));
        let path = AskPath { answer, deadline };
        match cell.letter(self.letter(kind, from, newest, older, Some(path))?) {
            Ok(()) => Ok(()),
            Err(why) => self.untaken([kind, to, from], refusal_at_door(why)),
        }
    }

    /// Finds receiver and door of a message that has none remembered, and whether it is let through.
    fn first(
        &mut self,
        kind: u64,
        to: u64,
        from: u64,
        twice: bool,
    ) -> Result<Result<Taker, Refusal>, Broken> {
        let (sort, receiver, _) = self.taken.message(kind, to, from)?;
        if let Some(acl) = &self.runtime.peers().security.acl
            && !acl.allows(self.principal.as_ref(), &receiver.id, &sort.name)
        {
            return Ok(Err(Refusal::Forbidden));
        }
        let Some(cell) = find(&self.runtime, receiver) else { return Ok(Err(Refusal::NoSuchProcess)) };
        let older = sort.older.filter(|_| twice);
        let newest = cell.door(&sort.name, sort.version).map(|number| (number, sort.version, false));
        let found = newest.or_else(|no| match older {
            Some(older) => cell.door(&sort.name, older).map(|number| (number, older, true)),
            None => Err(no),
        });
        Ok(match found {
            Ok((number, version, older)) => {
                let door = Door { number, version, older };
                receiver.remember(kind, door);
                if twice {
                    self.back(Kind::Speaks, &[kind, to, u64::from(!older)]);
                }
                Ok((cell, Found::Door(door)))
            }
            Err(NoDoor::NotYet) => Ok((cell, Found::NotYet)),
            Err(NoDoor::Name) => Err(Refusal::Name),
            Err(NoDoor::Version) => Err(Refusal::Version),
        })
    }

    /// A message that nobody takes breaks nothing.
    #[cold]
    fn untaken(&mut self, [kind, to, from]: [u64; 3], why: Refusal) -> Result<(), Broken> {
        let (sort, receiver, from) = self.taken.message(kind, to, from)?;
        self.runtime.peers().refuse(&self.runtime, why, || {
            format!("`{}` version {} from {from} to `{}`", sort.name, sort.version, receiver.id)
        });
        Ok(())
    }

    /// What waits for doors that have still to open, or is asked.
    fn letter(
        &mut self,
        kind: u64,
        from: u64,
        newest: &[u8],
        older: Option<&[u8]>,
        ask: Option<AskPath>,
    ) -> Result<Letter, Broken> {
        let sort = self.taken.kind(kind)?;
        let older = older.zip(sort.older).map(|(body, version)| (version, body.into()));
        let said = [(sort.version, newest.into())].into_iter().chain(older).collect();
        let (name, from, principal) =
            (sort.name.clone(), self.taken.from(from)?.clone(), self.principal.clone());
        Ok(Letter::Frame(Box::new(doors::Frame { name, from, principal, said, ask })))
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

/// A process that may be sent to, and what there is of its doors.
type Taker = (Arc<dyn AnyCell>, Found);

enum Found {
    Door(Door),
    /// Its doors have still to open.
    NotYet,
}

/// What a door said, as a reason.
fn refusal_at_door(why: SendError) -> Refusal {
    match why {
        SendError::Full => Refusal::Full,
        SendError::Gone => Refusal::NoSuchProcess,
        SendError::Refused | SendError::LinkDown => Refusal::Body,
    }
}

/// Returns when nothing came for too long. A timer for each read would cost more than the read.
async fn silence(runtime: &Runtime, reads: &Cell<u64>) {
    let (mut seen, mut silent) = (reads.get(), 0);
    while silent < SILENT_PINGS {
        runtime.sleep(runtime.peers().limits.ping).await;
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

pub(super) fn invalid(broken: Broken) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, broken)
}

/// The way back to an asker.
struct Way {
    runtime: Runtime,
    node: SocketAddr,
    correlation: u64,
    asked: Option<Arc<dyn AnyCell>>,
    /// The version the asker would rather have had read.
    newest: u32,
}

/// Answers once; a question that is dropped on the way is answered too.
struct Answering(Option<Way>);

impl Answering {
    fn answer(&mut self, answer: Result<Vec<u8>, AskError>, version: u32) {
        let Some(way) = self.0.take() else { return };
        let alive = way.asked.as_ref().is_none_or(|asked| asked.is_alive());
        let answer = answer.map_err(|why| if alive { why } else { AskError::Terminated });
        let flags = if version == way.newest { 0 } else { frame::OLDER };
        way.runtime.peers().reply(&way.runtime, way.node, way.correlation, &answer, flags);
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.answer(Err(AskError::Rejected), 0);
    }
}

/// Brings the word of an end to another node.
struct Telling(Runtime);

impl RemoteWatch for Telling {
    fn ended(&self, linker: &Upid, linked: &Upid, exit: &Exit) {
        self.0.peers().exited(&self.0, linker, linked, exit.clone());
    }
}
