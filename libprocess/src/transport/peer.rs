//! One other node: what waits to be sent there, what was asked there, and who wants to hear of its end.
//!
//! ```text
//!            first frame              greeting done
//!   idle ──────────────────► open ───────────────────► open, and sending
//!    ▲                         │ dialling fails, the connection breaks
//!    └─────────────────────────┘ all that waited is told so; for a while nothing is dialled
//! ```
//!
//! What is queued belongs to one connection. Nothing is ever sent again on another.

use std::any::Any;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use libprocess_wire as wire;
use parking_lot::Mutex;

use super::bulk::{LARGE_MAX, Outbox};
use super::closer::Closer;
use super::frame::{self, Kind};
use super::greeting::Channel;
use super::limits::Limits;
use super::names::{Given, Numbers, Say};
use super::remains::Remains;
use super::saying::{flags, said, say_it};
use crate::mailbox::AnyCell;
use crate::span::{self, Trace};
use crate::toolbox::Backoff;
use crate::{AskError, Principal, SendError, Upid};

/// How many pieces are written at once. Unit: bytes.
const BATCH: usize = 256 << 10;
/// How long nothing is dialled after failures in a row.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(20), Duration::from_secs(5));

/// Turns an answer's bytes into what the asker expects; says whether it is of the version before.
type Decode = fn(&[u8], bool) -> Result<Box<dyn Any + Send>, wire::DecodeError>;

/// A question that has no answer yet.
pub(super) struct OpenAsk {
    pub(super) asker: Arc<dyn AnyCell>,
    pub(super) number: u64,
    pub(super) decode: Decode,
    /// It was asked in the version before alone.
    pub(super) older: bool,
}

pub(crate) struct Peer {
    pub(super) address: SocketAddr,
    pub(super) channel: Channel,
    /// How much may wait. Unit: bytes.
    outgoing_max: usize,
    asks_max: usize,
    /// This node is of the version before.
    older: bool,
    state: Mutex<State>,
    /// Woken when something waits to be written.
    pub(super) writer: AtomicWaker,
    /// Something has come on a connection which that node dialled, since a ping was due here.
    spoke: AtomicBool,
}

#[derive(Default)]
struct State {
    open: bool,
    /// Frames that wait, one behind the other.
    outgoing: Vec<u8>,
    frames: u64,
    /// What waits to be sent in pieces.
    bulk: Outbox,
    given: Given,
    /// It has said that it wants no traces.
    untraced: bool,
    asks: BTreeMap<u64, OpenAsk>,
    asked: u64,
    links: BTreeMap<(Upid, Upid), Arc<dyn AnyCell>>,
    failures: u32,
    /// Not before this is it dialled again. Unit: time since the runtime started.
    rest_until: Duration,
    /// Connections that this node dialled; they end with ours.
    incoming: Vec<Arc<Closer>>,
    /// Which life of that node greeted us, while it is connected.
    epoch: Option<u64>,
    /// When the last ping was sent, until it is answered. Unit: time since the runtime started.
    pinged: Option<Duration>,
    round_trip: Option<Duration>,
    /// When a ping was answered last. Unit: time since the runtime started.
    answered: Option<Duration>,
    /// The last ping was spared.
    spared: bool,
}

/// One way to another node, for who looks.
#[derive(Clone, Debug)]
pub(crate) struct PeerLook {
    pub(crate) address: SocketAddr,
    pub(crate) channel: Channel,
    pub(crate) state: &'static str,
    pub(crate) epoch: Option<u64>,
    pub(crate) round_trip: Option<Duration>,
    pub(crate) queued_bytes: usize,
    pub(crate) queued_frames: u64,
    pub(crate) questions: usize,
    pub(crate) links: usize,
    pub(crate) incoming: usize,
}

/// Whether the caller has to dial now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(super) enum Then {
    Dial,
    Nothing,
}

/// What became of a ping that was due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Sent,
    Spared,
}

impl Peer {
    /// Questions are numbered from behind `asked`, which is drawn with each life of this node: an answer
    /// to an earlier life, which may still come, answers nothing that this one asks.
    pub(super) fn new(
        address: SocketAddr,
        channel: Channel,
        limits: &Limits,
        asked: u64,
        older: bool,
    ) -> Peer {
        Peer {
            address,
            channel,
            outgoing_max: limits.outgoing,
            asks_max: limits.asks,
            older,
            state: Mutex::new(State { asked, given: Given::by(older), ..State::default() }),
            writer: AtomicWaker::new(),
            spoke: AtomicBool::new(false),
        }
    }

    pub(super) fn tell<M: wire::Message>(
        &self,
        now: impl Fn() -> Duration,
        from: &Upid,
        to: &Upid,
        message: &M,
    ) -> Result<Then, SendError> {
        self.queue(now, |state| {
            let trace = state.trace();
            let State { given, outgoing, .. } = state;
            let Numbers { kind, to, from, say } = given.message::<M>(from, to, outgoing);
            say_it(outgoing, Kind::Tell, (say, trace), &[kind, to, from], message)
        })
    }

    /// Sends a message that may be larger than a frame, in pieces.
    pub(super) fn tell_large<M: wire::Message>(
        &self,
        now: impl Fn() -> Duration,
        from: &Upid,
        to: &Upid,
        message: &M,
    ) -> Result<Then, SendError> {
        debug_assert_eq!(self.channel, Channel::Bulk);
        self.queue(now, |state| {
            let State { given, outgoing, bulk, .. } = state;
            let Numbers { kind, to, from, say } = given.message::<M>(from, to, outgoing);
            let mut bytes = vec![Kind::Tell as u8, flags(say)];
            [kind, to, from].into_iter().for_each(|number| frame::varint(&mut bytes, number));
            said(say, message, &mut bytes);
            if bytes.len() > LARGE_MAX {
                return Err(frame::TooLarge);
            }
            bulk.push([to, from], bytes);
            Ok(())
        })
    }

    /// The other end takes so much more in pieces.
    pub(super) fn credit(&self, bytes: u64) {
        self.state.lock().bulk.grant(bytes);
        self.writer.wake();
    }

    /// Sends a question; its correlation is what [`Peer::forget_ask`] takes.
    pub(super) fn ask<Q: wire::Question>(
        &self,
        now: impl Fn() -> Duration,
        mut open: OpenAsk,
        to: &Upid,
        question: &Q,
        within: Duration,
    ) -> Result<(Then, u64), SendError> {
        let mut correlation = 0;
        let then = self.queue(now, |state| {
            if state.asks.len() >= self.asks_max {
                return Err(frame::TooLarge);
            }
            state.asked += 1;
            correlation = state.asked;
            let trace = state.trace();
            let State { given, outgoing, .. } = state;
            let Numbers { kind, to, from, say } = given.message::<Q>(open.asker.upid(), to, outgoing);
            let left = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
            say_it(outgoing, Kind::Ask, (say, trace), &[kind, to, from, correlation, left], question)?;
            open.older = say == Say::Older;
            state.asks.insert(correlation, open);
            Ok(())
        })?;
        Ok((then, correlation))
    }

    pub(super) fn forget_ask(&self, correlation: u64) -> Option<OpenAsk> {
        self.state.lock().asks.remove(&correlation)
    }

    /// Answers a question that came from that node.
    pub(super) fn reply(
        &self,
        now: impl Fn() -> Duration,
        correlation: u64,
        answer: &Result<Vec<u8>, AskError>,
        flags: u8,
    ) -> Result<Then, SendError> {
        self.queue(now, |state| match answer {
            Ok(bytes) => frame::write_flagged(
                &mut state.outgoing,
                Kind::Reply,
                (flags, None),
                &[correlation],
                |body| {
                    body.extend_from_slice(bytes);
                },
            ),
            Err(why) => frame::write(&mut state.outgoing, Kind::Nack, &[correlation], |body| {
                wire::encode_into(why, body);
            }),
        })
    }

    /// Asks that node to say when `linked` ends; `linker` hears it, or that the way broke.
    pub(super) fn link(
        &self,
        now: impl Fn() -> Duration,
        linker: &Arc<dyn AnyCell>,
        linked: &Upid,
    ) -> Result<Then, SendError> {
        self.queue(now, |state| {
            state.links.insert((linker.upid().clone(), linked.clone()), linker.clone());
            let numbers = state.pair(linker.upid(), linked);
            frame::write(&mut state.outgoing, Kind::Link, &numbers, |_| {})
        })
    }

    pub(super) fn unlink(&self, linker: &Upid, linked: &Upid) -> Then {
        let mut state = self.state.lock();
        let known = state.links.remove(&(linker.clone(), linked.clone()));
        if known.is_none() || !state.open {
            return Then::Nothing;
        }
        let numbers = state.pair(linker, linked);
        let _ = frame::write(&mut state.outgoing, Kind::Unlink, &numbers, |_| {});
        state.frames += 1;
        drop(state);
        self.writer.wake();
        Then::Nothing
    }

    /// The linker of a link whose end was told, if it still wants to hear.
    pub(super) fn take_link(&self, linker: &Upid, linked: &Upid) -> Option<Arc<dyn AnyCell>> {
        self.state.lock().links.remove(&(linker.clone(), linked.clone()))
    }

    /// Queues a frame whose numbers are part of its body.
    pub(super) fn plain(
        &self,
        now: impl Fn() -> Duration,
        kind: Kind,
        body: impl FnOnce(&mut Vec<u8>),
    ) -> Result<Then, SendError> {
        self.queue(now, |state| frame::write(&mut state.outgoing, kind, &[], body))
    }

    /// A receiver there reads the newest version of a type, or only the one before.
    pub(super) fn speaks(&self, kind: u64, to: u64, newest: bool) {
        self.state.lock().given.speaks(kind, to, newest);
    }

    /// Whether messages are to bring their traces.
    pub(super) fn wants(&self, traces: bool) {
        self.state.lock().untraced = !traces;
    }

    /// Registers a connection that this node dialled; `None` if somebody else speaks for it just now.
    pub(super) fn incoming(&self, principal: Option<Principal>) -> Option<Arc<Closer>> {
        let mut state = self.state.lock();
        // Those that ended are held by nobody else.
        state.incoming.retain(|closer| Arc::strong_count(closer) > 1);
        if state.incoming.iter().any(|other| other.principal != principal) {
            return None;
        }
        let closer = Arc::new(Closer::new(principal));
        state.incoming.push(closer.clone());
        Some(closer)
    }

    /// Who this node proved to be last, on a connection that it dialled.
    pub(super) fn proved(&self) -> Option<Principal> {
        self.state.lock().incoming.last().and_then(|closer| closer.principal.clone())
    }

    /// Ends what this node dialled: it cannot be answered.
    pub(super) fn close_incoming(&self) {
        let incoming = std::mem::take(&mut self.state.lock().incoming);
        incoming.iter().for_each(|closer| closer.close());
    }

    /// Swaps what waits into `spare`, which must be empty.
    pub(super) fn take_outgoing(&self, spare: &mut Vec<u8>) -> u64 {
        debug_assert!(spare.is_empty());
        let mut state = self.state.lock();
        std::mem::swap(&mut state.outgoing, spare);
        let mut frames = std::mem::take(&mut state.frames);
        while state.bulk.may_send() && spare.len() < BATCH {
            frames += state.bulk.next(spare);
        }
        frames
    }

    pub(super) fn has_outgoing(&self) -> bool {
        let state = self.state.lock();
        !state.outgoing.is_empty() || state.bulk.may_send()
    }

    /// The greeting is done, with this life of the node: the next failure is the first one again.
    pub(super) fn greeted(&self, epoch: u64) {
        let mut state = self.state.lock();
        state.failures = 0;
        state.epoch = Some(epoch);
    }

    /// Something has come on a connection which that node dialled.
    pub(super) fn speaks_up(&self) {
        self.spoke.store(true, Ordering::Relaxed);
    }

    /// A ping is due: leaves one to the writer, who is not woken: it looks next. Only while there is a connection.
    ///
    /// Says whether it may be spared: that node has spoken by itself since the last one, which it answered. So two nodes
    /// that dialled each other ping half as often; never is it spared twice in a row, since each way is to be proved.
    pub(super) fn ping(&self, now: Duration) -> Due {
        let spoke = self.spoke.swap(false, Ordering::Relaxed);
        let mut state = self.state.lock();
        state.spared = spoke && !state.spared && state.pinged.is_none();
        if state.spared {
            return Due::Spared;
        }
        state.pinged = Some(now);
        // A queue that is full needs no ping: it will be written or the connection is dead.
        if state.outgoing.len() + state.bulk.waiting() < self.outgoing_max {
            frame::write(&mut state.outgoing, Kind::Ping, &[], |_| {}).expect("it is short");
            state.frames += u64::from(self.channel == Channel::Control);
        }
        Due::Sent
    }

    /// A ping was answered.
    pub(super) fn ponged(&self, now: Duration) {
        let mut state = self.state.lock();
        if let Some(pinged) = state.pinged.take() {
            state.round_trip = Some(now.saturating_sub(pinged));
            state.answered = Some(now);
        }
    }

    /// When that node answered a ping last, on the connection that is open now.
    pub(super) fn answered(&self) -> Option<Duration> {
        self.state.lock().answered
    }

    pub(super) fn look(&self, now: Duration) -> PeerLook {
        let state = self.state.lock();
        PeerLook {
            address: self.address,
            channel: self.channel,
            state: match state.open {
                true if state.epoch.is_some() => "up",
                true => "connecting",
                false if now < state.rest_until => "resting",
                false => "idle",
            },
            epoch: state.epoch,
            round_trip: state.round_trip,
            queued_bytes: state.outgoing.len(),
            queued_frames: state.frames,
            questions: state.asks.len(),
            links: state.links.len(),
            incoming: state.incoming.iter().filter(|closer| Arc::strong_count(closer) > 1).count(),
        }
    }

    /// The connection broke, or never was. `chance` from 0 to 1 spreads those who dial again.
    pub(super) fn broke(&self, now: Duration, greeted: bool, chance: f64) -> Remains {
        let mut state = self.state.lock();
        if !greeted {
            state.failures = state.failures.saturating_add(1);
            state.rest_until = now + BACKOFF.delay(state.failures, chance);
        }
        state.open = false;
        (state.epoch, state.pinged, state.round_trip, state.answered) = (None, None, None, None);
        state.given = Given::by(self.older);
        state.untraced = false;
        state.outgoing = Vec::new();
        let bulk = std::mem::take(&mut state.bulk);
        let links = std::mem::take(&mut state.links);
        Remains {
            asks: std::mem::take(&mut state.asks).into_values().collect(),
            links: links.into_iter().map(|((_, linked), linker)| (linked, linker)).collect(),
            incoming: std::mem::take(&mut state.incoming),
            unsent: std::mem::take(&mut state.frames) + bulk.messages(),
        }
    }

    /// Lets go of everybody without a word: the runtime ends.
    pub(super) fn clear(&self) {
        let state = std::mem::take(&mut *self.state.lock());
        state.incoming.iter().for_each(|closer| closer.close());
    }

    fn queue(
        &self,
        now: impl Fn() -> Duration,
        write: impl FnOnce(&mut State) -> Result<(), frame::TooLarge>,
    ) -> Result<Then, SendError> {
        let mut state = self.state.lock();
        if !state.open && now() < state.rest_until {
            return Err(SendError::LinkDown);
        }
        if state.outgoing.len() + state.bulk.waiting() >= self.outgoing_max {
            return Err(SendError::Full);
        }
        let idle = state.outgoing.is_empty();
        write(&mut state).map_err(|frame::TooLarge| SendError::Full)?;
        // What goes in pieces counts when its last has gone.
        state.frames += u64::from(self.channel == Channel::Control);
        let dial = !std::mem::replace(&mut state.open, true);
        drop(state);
        if dial {
            return Ok(Then::Dial);
        }
        if idle {
            self.writer.wake();
        }
        Ok(Then::Nothing)
    }
}

impl State {
    /// What a message that is sent now brings along. Until the other end has said what it wants, all.
    fn trace(&self) -> Option<Trace> {
        if self.untraced { None } else { span::current().map(|part| part.trace) }
    }

    fn pair(&mut self, linker: &Upid, linked: &Upid) -> [u64; 2] {
        let State { given, outgoing, .. } = self;
        [given.to(linked, outgoing), given.from(linker, outgoing)]
    }
}

#[cfg(test)]
mod tests;
