//! A process without its type: delivered to through its doors, watched, looked at.

use std::any::Any;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::oneshot;

use super::cell::Cell;
use super::envelope::{Envelope, System, bytes_of};
use crate::ask::{AskError, SendError};
use crate::doors::{AskPath, Letter, NoDoor, Origin};
use crate::link::{Exit, Reason, Watcher};
use crate::shard::Key;
use crate::supervision::OnPanic;
use crate::{Process, Upid, span};

/// What of a process is seen from outside, however busy it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Look {
    pub(crate) user: usize,
    pub(crate) system: usize,
    /// What the first of those who wait are.
    pub(crate) waiting: Vec<&'static str>,
    pub(crate) watchers: usize,
    pub(crate) handled: u64,
}

/// What only a process itself knows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inside {
    pub(crate) links: Vec<Upid>,
    pub(crate) timers: usize,
    pub(crate) questions: usize,
    pub(crate) tasks: usize,
}

/// How many of several messages were not taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Untaken {
    /// Were not what their door reads.
    pub(crate) malformed: usize,
    /// Found no room.
    pub(crate) full: usize,
}

/// An empty queue that is kept from one delivery to the next: to allocate one for each costs more than
/// the queueing.
#[derive(Default)]
pub(crate) struct Spare(Option<Box<dyn Any>>);

impl Spare {
    fn take<Q: Default + 'static>(&mut self) -> Box<Q> {
        self.0.take().and_then(|kept| kept.downcast().ok()).unwrap_or_default()
    }
}

/// How many of those who wait are named.
const NAMED: usize = 16;

/// A cell without its type: what links, connections and the registry hold.
pub(crate) trait AnyCell: Send + Sync {
    fn upid(&self) -> &Upid;
    fn kind(&self) -> &'static str;
    fn on_panic(&self) -> OnPanic;
    fn is_alive(&self) -> bool;
    /// Why it ended, once it has.
    fn ended(&self) -> Option<Reason>;
    /// Itself, for who knows its type.
    fn typed(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
    /// A message by name or by type, through the doors, past the filters of tests.
    fn letter(&self, letter: Letter) -> Result<(), SendError>;
    /// The same, past no filter.
    fn take_letter(&self, letter: Letter) -> Result<(), SendError>;
    /// The door for a name and version.
    fn door(&self, name: &str, version: u32) -> Result<usize, NoDoor>;
    /// A message in bytes, through a door found before that reads that version.
    fn deliver(&self, door: usize, version: u32, origin: &Origin<'_>, body: &[u8]) -> Result<(), SendError>;
    /// Several of them, one behind the other, under one lock; what is not taken is counted.
    /// `None` if they have to come one by one, or the process has ended: then none was taken.
    fn deliver_all(
        &self,
        door: usize,
        version: u32,
        origin: &Origin<'_>,
        bodies: &[&[u8]],
        spare: &mut Spare,
    ) -> Option<Untaken>;
    /// A question in bytes, through such a door.
    fn ask(
        &self,
        door: usize,
        version: u32,
        origin: &Origin<'_>,
        body: &[u8],
        path: AskPath,
    ) -> Result<(), SendError>;
    fn exited(&self, peer: Upid, exit: Exit);
    fn answer(&self, number: u64, answer: Result<Box<dyn Any + Send>, AskError>);
    /// Whether it will be heard; not if the process has ended.
    fn watch(&self, watcher: Watcher) -> bool;
    fn unwatch(&self, linker: &Upid, linked: &Upid);
    fn end(&self, reason: Reason);
    /// Its shard, and its place there.
    fn place(&self) -> (u64, Key);
    fn look(&self) -> Look;
    /// Lets it tell what only it knows, when it comes to it.
    fn probe(&self, asker: oneshot::Sender<Inside>);
}

impl<A: Process> AnyCell for Cell<A> {
    fn upid(&self) -> &Upid {
        &self.upid
    }

    fn kind(&self) -> &'static str {
        A::KIND
    }

    fn on_panic(&self) -> OnPanic {
        self.lanes.lock().on_panic
    }

    fn is_alive(&self) -> bool {
        Cell::is_alive(self)
    }

    fn ended(&self) -> Option<Reason> {
        self.lanes.lock().reason().cloned()
    }

    fn typed(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }

    fn letter(&self, letter: Letter) -> Result<(), SendError> {
        match self.runtime.filters().is_active() {
            true => crate::testing::letter(&self.runtime, self, letter),
            false => self.take_letter(letter),
        }
    }

    fn take_letter(&self, letter: Letter) -> Result<(), SendError> {
        match self.doors.get() {
            None => self.push(Envelope::Letter(Box::new(letter))),
            Some(Some(doors)) => {
                let bytes = bytes_of(&letter);
                self.push(doors.open(letter)?.of_bytes(bytes))
            }
            Some(None) => Err(SendError::Refused),
        }
    }

    fn door(&self, name: &str, version: u32) -> Result<usize, NoDoor> {
        match self.doors.get() {
            None => Err(NoDoor::NotYet),
            Some(None) => Err(NoDoor::Name),
            Some(Some(doors)) => doors.find(name, version),
        }
    }

    fn deliver(&self, door: usize, version: u32, origin: &Origin<'_>, body: &[u8]) -> Result<(), SendError> {
        let doors = self.doors().ok_or(SendError::Refused)?;
        if self.runtime.filters().is_active() {
            return self.letter(doors.letter(door, version, origin, body, None)?);
        }
        self.push(doors.decode(door, version, origin, body)?.of_bytes(body.len()))
    }

    fn deliver_all(
        &self,
        door: usize,
        version: u32,
        origin: &Origin<'_>,
        bodies: &[&[u8]],
        spare: &mut Spare,
    ) -> Option<Untaken> {
        if self.runtime.filters().is_active() || span::current().is_some() {
            return None;
        }
        let mut several = spare.take::<VecDeque<Envelope<A>>>();
        several.reserve(bodies.len());
        let malformed = self.doors()?.decode_all(door, version, origin, bodies, &mut several);
        let full = self.push_all(&mut several).ok()?;
        spare.0 = Some(several);
        Some(Untaken { malformed, full })
    }

    fn ask(
        &self,
        door: usize,
        version: u32,
        origin: &Origin<'_>,
        body: &[u8],
        path: AskPath,
    ) -> Result<(), SendError> {
        let doors = self.doors().ok_or(SendError::Refused)?;
        if self.runtime.filters().is_active() {
            return self.letter(doors.letter(door, version, origin, body, Some(path))?);
        }
        self.push(doors.ask(door, version, origin, body, path)?)
    }

    fn exited(&self, peer: Upid, exit: Exit) {
        self.push_system(System::Exited(peer, exit));
    }

    fn answer(&self, number: u64, answer: Result<Box<dyn Any + Send>, AskError>) {
        self.push_system(System::Answer(number, answer));
    }

    fn watch(&self, watcher: Watcher) -> bool {
        let mut lanes = self.lanes.lock();
        if !lanes.has_ended() {
            lanes.rare().watchers.push(watcher);
            return true;
        }
        false
    }

    fn unwatch(&self, linker: &Upid, linked: &Upid) {
        let mut lanes = self.lanes.lock();
        let Some(rare) = &mut lanes.rare else { return };
        let watcher = rare.watchers.remove(linker, linked);
        drop(lanes);
        drop(watcher);
    }

    fn end(&self, reason: Reason) {
        self.push_system(System::Terminate(reason));
    }

    fn place(&self) -> (u64, Key) {
        (self.shard.id, self.lanes.lock().key)
    }

    fn look(&self) -> Look {
        let lanes = self.lanes.lock();
        let rare = lanes.rare.as_deref();
        let system = rare.into_iter().flat_map(|rare| rare.system.iter().map(System::sort));
        Look {
            user: lanes.user.iter().len(),
            system: rare.map_or(0, |rare| rare.system.len()),
            waiting: system.chain(lanes.user.iter().map(Envelope::sort)).take(NAMED).collect(),
            watchers: rare.map_or(0, |rare| rare.watchers.len()),
            handled: self.handled.load(Ordering::Relaxed),
        }
    }

    fn probe(&self, asker: oneshot::Sender<Inside>) {
        // Who looks again and again at one that does not answer does not fill its mailbox.
        let waits =
            |system: &VecDeque<System<A>>| system.iter().any(|entry| matches!(entry, System::Probe(_)));
        if !self.lanes.lock().rare.as_ref().is_some_and(|rare| waits(&rare.system)) {
            self.push_system(System::Probe(asker));
        }
    }
}
