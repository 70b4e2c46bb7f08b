//! The connection somebody dialled: reads frames and brings them where they belong.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use libprocess_wire as wire;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::answering::{Answering, Telling, Way};
use super::bulk::Inbox;
use super::frame::{self, Broken, Frame, Kind};
use super::greeting::{self, Channel, Hello};
use super::inflow::Inflow;
use super::names::{Door, Receiver, Taken};
use super::peer::Peer;
use super::peers::Departure;
use super::refusals::Refusal;
use super::run::{RUN_MAX, Run};
use crate::doors::{self, AskPath, Letter, NoDoor, Origin};
use crate::environment::Stream;
use crate::link::{Exit, RemoteWatch, Watcher};
use crate::mailbox::{AnyCell, Spare, Untaken};
use crate::span::{self, Part, Trace};
use crate::{Acl, AskError, Principal, Runtime, SendError, Upid};

/// How many frames are delivered before the receivers and other links have a turn; no more than one turn takes.
const YIELD_AFTER: usize = RUN_MAX;
/// And how many bytes, over however many reads: some milliseconds' decoding. Unit: bytes.
const YIELD_BYTES: usize = 64 << 10;
/// How much may wait to go back to who dialled. Unit: bytes.
const BACK_MAX: usize = 16 << 10;
/// How many links one connection may hold.
const WATCHES_MAX: usize = 65_536;

/// What is known of a connection that was let in.
pub(super) struct Incoming {
    runtime: Runtime,
    /// Where everybody lives who sends on this connection.
    node: SocketAddr,
    /// The way back there.
    peer: Arc<Peer>,
    /// Who everybody is who sends on this connection.
    principal: Option<Principal>,
    taken: Taken,
    /// Whom that node's processes watch here. Shape: linker and linked → the latter's cell.
    watches: BTreeMap<(Upid, Upid), Arc<dyn AnyCell>>,
    /// What comes in pieces, on a connection for that.
    inbox: Option<Inbox>,
    /// What goes back on this connection: pongs, and which version is read.
    back: Vec<u8>,
    /// What was said last of traces being wanted, to an end that understands it.
    wants: Option<bool>,
    spare: Spare,
}

impl Incoming {
    pub(super) fn new(runtime: &Runtime, hello: &Hello, principal: Option<Principal>) -> Incoming {
        Incoming {
            runtime: runtime.clone(),
            node: hello.node,
            peer: runtime.peers().peer(hello.node),
            principal,
            taken: Taken::default(),
            watches: BTreeMap::new(),
            inbox: (hello.channel == Channel::Bulk).then(Inbox::default),
            back: Vec::new(),
            wants: greeting::wants(hello),
            spare: Spare::default(),
        }
    }

    /// Reads to the end; notes in `heard` when something came last.
    pub(super) async fn read(
        &mut self,
        mut stream: Box<dyn Stream>,
        heard: &Cell<Duration>,
    ) -> io::Result<()> {
        let mut inflow = Inflow::new();
        let mut bytes = 0;
        loop {
            if let Some(credit) = self.inbox.as_mut().and_then(Inbox::credit) {
                self.back(Kind::Credit, &[credit]);
            }
            let wants = self.wants.map(|_| span::wanted());
            if wants != self.wants {
                self.wants = wants;
                self.back(Kind::Wants, &[u64::from(span::wanted())]);
            }
            if !self.back.is_empty() {
                stream.write_all(&self.back).await?;
                stream.flush().await?;
                self.back.clear();
            }
            let read = stream.read(inflow.space()).await?;
            inflow.filled(read);
            heard.set(self.runtime.elapsed());
            self.peer.speaks_up();
            if read == 0 {
                return Ok(());
            }
            self.runtime.peers().counts.bytes_received.increment(read as u64);
            let mut frames = 0;
            while let Some((some, length)) =
                self.take(inflow.unread(), YIELD_AFTER - frames).map_err(invalid)?
            {
                inflow.consume(length);
                frames += some;
                bytes += length;
                if frames >= YIELD_AFTER || bytes >= YIELD_BYTES {
                    self.runtime.peers().counts.frames_received.increment(frames as u64);
                    (frames, bytes) = (0, 0);
                    // Those who were sent to have their turn while their messages are still warm. The reactor looks at
                    // its sockets before this goes on: a flood on one link does not hold up the others.
                    tokio::task::yield_now().await;
                }
            }
            self.runtime.peers().counts.frames_received.increment(frames as u64);
        }
    }

    /// Takes what is at the front of what came: a frame, or up to `most` that go the same way. Says how
    /// many it were, and how long; nothing, if not even one is whole.
    ///
    /// Errors: when a frame is not what it says.
    fn take(&mut self, unread: &[u8], most: usize) -> Result<Option<(usize, usize)>, Broken> {
        if let Some(run) = Run::first(unread, most)
            && self.run(&run)?
        {
            return Ok(Some((run.bodies().len(), run.length)));
        }
        let Some((frame, length)) = Frame::first(unread)? else { return Ok(None) };
        self.frame(frame)?;
        Ok(Some((1, length)))
    }

    /// Delivers messages together, if that is possible: to a process and through a door found before.
    fn run(&mut self, run: &Run<'_>) -> Result<bool, Broken> {
        let [kind, to, from] = run.numbers;
        let (receiver, from) = self.taken.pair(to, from)?;
        let (Some(door), Some(cell)) = (receiver.door(kind), &receiver.cell) else { return Ok(false) };
        let origin = Origin { from, principal: self.principal.as_ref() };
        let taken = cell.deliver_all(door.number, door.version, &origin, run.bodies(), &mut self.spare);
        let Some(Untaken { malformed, full }) = taken else { return Ok(false) };
        (0..malformed).try_for_each(|_| self.untaken(run.numbers, Refusal::Body))?;
        (0..full).try_for_each(|_| self.untaken(run.numbers, Refusal::Full))?;
        Ok(true)
    }

    /// Errors: when the frame is not what it says. One message nobody takes is no error.
    fn frame(&mut self, mut frame: Frame<'_>) -> Result<(), Broken> {
        match frame.kind {
            Kind::Define => self.taken.define(frame.rest, self.node),
            Kind::Tell => self.tell(frame),
            Kind::Ask => self.ask(frame),
            Kind::Reply => {
                let ask = self.peer.forget_ask(frame.number()?);
                if let Some(ask) = ask {
                    let older = ask.older || frame.flags & frame::OLDER != 0;
                    let answer = (ask.decode)(frame.rest, older).map_err(|_| AskError::Rejected);
                    ask.asker.answer(ask.number, answer);
                }
                Ok(())
            }
            Kind::Nack => {
                let ask = self.peer.forget_ask(frame.number()?);
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
                if let Some(cell) = self.peer.take_link(&linker, &linked) {
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
            Kind::Chunk => self.chunk(frame),
            Kind::Speaks | Kind::Credit | Kind::Wants => Err(Broken::Kind(frame.kind as u8)),
        }
    }

    /// Says something to who dialled. A peer that does not read it does not fill our memory with it.
    fn back(&mut self, kind: Kind, numbers: &[u64]) {
        if self.back.len() < BACK_MAX {
            frame::write(&mut self.back, kind, numbers, |_| {}).expect("it is short");
        }
    }

    fn chunk(&mut self, mut frame: Frame<'_>) -> Result<(), Broken> {
        let inbox = self.inbox.as_mut().ok_or(Broken::Kind(frame.kind as u8))?;
        let (number, whole) = (frame.number()?, frame.number()?);
        let Some(bytes) = inbox.take(number, whole, frame.rest)? else { return Ok(()) };
        match Frame::bare(&bytes)? {
            told if told.kind == Kind::Tell => self.tell(told),
            other => Err(Broken::Kind(other.kind as u8)),
        }
    }

    fn tell(&mut self, mut frame: Frame<'_>) -> Result<(), Broken> {
        let (kind, to, from) = (frame.number()?, frame.number()?, frame.number()?);
        let trace = frame.trace;
        let (newest, older) = frame.bodies()?;
        let _inside = self.part_of(trace, from)?;
        // Mostly: a process and a door that were found before.
        let (receiver, from_upid) = self.taken.pair(to, from)?;
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

    /// While the guard lives, what is delivered is part of the sender's trace.
    fn part_of(&mut self, trace: Option<Trace>, from: u64) -> Result<Option<span::Inside>, Broken> {
        let Some(trace) = trace.filter(|_| span::wanted()) else { return Ok(None) };
        let from = self.taken.from(from)?.clone();
        Ok(Some(span::enter(Part { trace, from })))
    }

    fn ask(&mut self, mut frame: Frame<'_>) -> Result<(), Broken> {
        let (kind, to, from) = (frame.number()?, frame.number()?, frame.number()?);
        let (correlation, left) = (frame.number()?, frame.number()?);
        let trace = frame.trace;
        let (newest, older) = frame.bodies()?;
        let _inside = self.part_of(trace, from)?;
        let receiver = self.taken.to(to)?;
        let remembered = receiver.door(kind).zip(receiver.cell.clone().filter(|cell| cell.is_alive()));
        let found = match remembered {
            Some((door, cell)) => Ok((cell, Found::Door(door))),
            None => self.first(kind, to, from, older.is_some())?,
        };
        let asked = found.as_ref().ok().map(|(cell, _)| cell.clone());
        let newest_version = self.taken.message(kind, to, from)?.0.version;
        let runtime = self.runtime.clone();
        let way = Way { runtime, peer: self.peer.clone(), correlation, asked, newest: newest_version };
        let mut way = Answering(Some(way));
        let (cell, found) = match found {
            Ok(found) => found,
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
        let asked = match found {
            Found::NotYet => cell.letter(self.letter(kind, from, newest, older, Some(path))?),
            Found::Door(door) => {
                let body = older.filter(|_| door.older).unwrap_or(newest);
                let origin = Origin { from: self.taken.from(from)?, principal: self.principal.as_ref() };
                cell.ask(door.number, door.version, &origin, body, path)
            }
        };
        match asked {
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
        let newest = match self.runtime.peers().is_older() && sort.older.is_some() {
            true => Err(NoDoor::Version),
            false => cell.door(&sort.name, sort.version).map(|number| (number, sort.version, false)),
        };
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
        let security = self.runtime.peers().security();
        let may = |acl: &Acl| acl.allows(self.principal.as_ref(), &receiver.id, Acl::LINK);
        let cell = if security.acl.as_ref().is_none_or(may) {
            find(&self.runtime, receiver)
        } else {
            // It hears what it would of a name that nobody bears.
            let what = || format!("a link from {linker} to `{}`", receiver.id);
            self.runtime.peers().refuse(&self.runtime, Refusal::Forbidden, what);
            None
        };
        let pair = (linker, linked);
        let known = self.watches.get(&pair);
        if cell.as_ref().zip(known).is_some_and(|(cell, known)| Arc::ptr_eq(cell, known)) {
            return Ok(());
        }
        let tell: Arc<dyn RemoteWatch> = Arc::new(Telling(self.runtime.clone()));
        let watcher = Watcher::Remote { linker: pair.0.clone(), linked: pair.1.clone(), tell };
        if self.watches.len() >= WATCHES_MAX {
            self.watches.retain(|_, cell| cell.is_alive());
        }
        match cell {
            Some(cell) if self.watches.len() < WATCHES_MAX && cell.watch(watcher) => {
                self.watches.insert(pair, cell);
            }
            _ => self.runtime.peers().exited(&self.runtime, &pair.0, &pair.1, Exit::NoSuchProcess),
        }
        Ok(())
    }

    fn unlink(&mut self, mut frame: Frame<'_>) -> Result<(), Broken> {
        let (to, from) = (frame.number()?, frame.number()?);
        let linker = self.taken.from(from)?.clone();
        let linked = address_of(self.taken.to(to)?, self.runtime.peers().address);
        let pair = (linker, linked);
        if let Some(cell) = self.watches.remove(&pair) {
            cell.unwatch(&pair.0, &pair.1);
        }
        Ok(())
    }

    /// The node cannot be told any more: nobody watches for it.
    pub(super) fn leave(self) {
        for ((linker, linked), cell) in self.watches {
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
