//! The mailbox: two lanes, their bounds, and the moment a process becomes ready.
//!
//! ```text
//!  senders ──► system lane (unbounded, counted) ──┐
//!         └──► user lane   (bounded, a policy) ───┴──► cell ── idle → ready once ──► shard
//! ```
//!
//! One small lock guards a cell. It is held for a push or for taking a batch, never while foreign
//! code runs: messages are dropped, and exits delivered, after it is released.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use actix::{Handler, Message};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::ask::{AskError, SendError};
use crate::doors::{AskPath, Doors, Letter, NoDoor, Origin};
use crate::link::{Exit, Reason, Watcher};
use crate::shard::{Key, Shared};
use crate::supervision::OnPanic;
use crate::{Context, Process, Runtime, Upid};

/// How much a user lane holds, and what happens to more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    pub messages: usize,
    pub overflow: Overflow,
}

/// What a full user lane does with one more message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// Refuses it: the sender hears [`SendError::Full`].
    Reject,
    /// Takes it and drops the oldest that nobody began to handle.
    DropOldest,
}

impl Bound {
    /// At most so many messages; more are refused.
    pub const fn messages(messages: usize) -> Bound {
        Bound { messages, overflow: Overflow::Reject }
    }

    /// Makes room by dropping the oldest.
    pub const fn drop_oldest(self) -> Bound {
        Bound { overflow: Overflow::DropOldest, ..self }
    }
}

impl Default for Bound {
    fn default() -> Bound {
        Bound::messages(65_536)
    }
}

/// Which lane a termination takes: ahead of what waits, or behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    System,
    User,
}

/// One entry of the user lane.
pub(crate) enum Envelope<A: Process> {
    Input(A::Input),
    /// Not run once its asker has given up. Unit: time since the runtime started.
    Expiring(Box<(Duration, A::Input)>),
    /// Any other message the actor handles, in actix's own envelope.
    Stock(actix::dev::Envelope<A>),
    /// Came before the doors were open.
    Letter(Box<Letter>),
    Terminate,
}

/// One entry of the system lane.
pub(crate) enum System<A: Process> {
    Input(A::Input),
    /// A task of the process is done, with this input.
    Done(u64, A::Input),
    Exited(Upid, Exit),
    Answer(u64, Result<Box<dyn Any + Send>, AskError>),
    /// Something of the process panicked outside a turn.
    Panicked(Box<Reason>),
    Terminate(Reason),
}

/// The shared half of a process: whoever holds it can send.
pub(crate) struct Cell<A: Process> {
    upid: Upid,
    runtime: Runtime,
    shard: Arc<Shared>,
    room: u32,
    overflow: Overflow,
    on_panic: OnPanic,
    /// `None` inside: open, but there are none.
    doors: OnceLock<Option<Box<Doors<A>>>>,
    lanes: Mutex<Lanes<A>>,
}

pub(crate) struct Lanes<A: Process> {
    pub(crate) system: VecDeque<System<A>>,
    pub(crate) user: VecDeque<Envelope<A>>,
    watchers: Vec<Watcher>,
    key: Key,
    /// A turn is due: nobody need say so again. True until the process has started.
    scheduled: bool,
    /// A future of the process may go on.
    pub(crate) woken: bool,
    /// Why it ended, once it has.
    ended: Option<Box<Reason>>,
}

impl<A: Process> Cell<A> {
    pub(crate) fn new(
        upid: Upid,
        runtime: Runtime,
        shard: Arc<Shared>,
        bound: Bound,
        on_panic: OnPanic,
    ) -> Arc<Cell<A>> {
        let lanes = Lanes {
            system: VecDeque::new(),
            user: VecDeque::new(),
            watchers: Vec::new(),
            key: Key::default(),
            scheduled: true,
            woken: false,
            ended: None,
        };
        let Bound { messages, overflow } = bound;
        let room = u32::try_from(messages).unwrap_or(u32::MAX);
        Arc::new(Cell {
            upid,
            runtime,
            shard,
            room,
            overflow,
            on_panic,
            doors: OnceLock::new(),
            lanes: Mutex::new(lanes),
        })
    }

    pub(crate) fn upid(&self) -> &Upid {
        &self.upid
    }

    pub(crate) fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.lanes.lock().ended.is_none()
    }

    /// Puts `message` into the user lane, in place if it is the process' own input.
    pub(crate) fn push_message<M>(&self, message: M) -> Result<(), SendError>
    where
        A: Handler<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        // Decided at compile time for each `M`: the test is of two constants.
        let mut slot = Some(message);
        if let Some(input) = (&mut slot as &mut dyn Any).downcast_mut::<Option<A::Input>>() {
            return self.push(Envelope::Input(input.take().expect("was put there a line ago")));
        }
        self.push_stock(slot.expect("was not taken"), None)
    }

    /// Puts a message with a slot for its result into the user lane.
    pub(crate) fn push_stock<M>(
        &self,
        message: M,
        slot: Option<oneshot::Sender<M::Result>>,
    ) -> Result<(), SendError>
    where
        A: Handler<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        self.push(Envelope::Stock(actix::dev::Envelope::new(message, slot)))
    }

    pub(crate) fn push(&self, envelope: Envelope<A>) -> Result<(), SendError> {
        let mut lanes = self.lanes.lock();
        if lanes.ended.is_some() {
            return self.refuse(lanes, envelope, SendError::Gone);
        }
        if lanes.user.len() >= self.room as usize {
            match self.overflow {
                Overflow::Reject => return self.refuse(lanes, envelope, SendError::Full),
                Overflow::DropOldest => {
                    let oldest = lanes.user.pop_front();
                    lanes.user.push_back(envelope);
                    drop(lanes);
                    drop(oldest);
                    return Ok(());
                }
            }
        }
        lanes.user.push_back(envelope);
        self.wake(lanes);
        Ok(())
    }

    #[cold]
    fn refuse<T>(
        &self,
        lanes: parking_lot::MutexGuard<'_, Lanes<A>>,
        envelope: T,
        why: SendError,
    ) -> Result<(), SendError> {
        drop(lanes);
        drop(envelope);
        self.runtime.counts().rejected.increment(1);
        Err(why)
    }

    /// Puts something into the system lane, which is never full.
    pub(crate) fn push_system(&self, entry: System<A>) {
        let mut lanes = self.lanes.lock();
        if lanes.ended.is_some() {
            drop(lanes);
            return drop(entry);
        }
        lanes.system.push_back(entry);
        self.wake(lanes);
    }

    /// Lets the futures of the process be polled again.
    pub(crate) fn wake_futures(&self) {
        let mut lanes = self.lanes.lock();
        lanes.woken = true;
        self.wake(lanes);
    }

    #[inline]
    fn wake(&self, mut lanes: parking_lot::MutexGuard<'_, Lanes<A>>) {
        if !lanes.scheduled && lanes.ended.is_none() {
            lanes.scheduled = true;
            let key = lanes.key;
            drop(lanes);
            self.shard.ready(key);
        }
    }

    /// The process has a place on its shard and doors; from here on, pushes schedule it.
    pub(crate) fn open(&self, key: Key, doors: Doors<A>) {
        self.lanes.lock().key = key;
        let doors = (!doors.is_empty()).then(|| Box::new(doors));
        assert!(self.doors.set(doors).is_ok(), "a process starts once");
    }

    pub(crate) fn doors(&self) -> Option<&Doors<A>> {
        self.doors.get()?.as_deref()
    }

    /// Nothing waits: from here on, pushes schedule a turn. False if something does.
    pub(crate) fn rest(&self) -> bool {
        let mut lanes = self.lanes.lock();
        let empty = lanes.system.is_empty() && lanes.user.is_empty() && !lanes.woken;
        lanes.scheduled = !empty;
        empty
    }

    /// Takes what a turn may handle: all of the system lane, at most `budget` of the user lane.
    ///
    /// With a budget both buffers arrive empty; with none, the user lane is left alone. Returns
    /// whether futures may go on, and whether more is left: then, unless the process waits for
    /// something (`blocked`), the cell stays scheduled and the shard is to come again.
    pub(crate) fn take(
        &self,
        system: &mut VecDeque<System<A>>,
        user: &mut VecDeque<Envelope<A>>,
        budget: usize,
        blocked: bool,
    ) -> (bool, bool) {
        let mut lanes = self.lanes.lock();
        if !lanes.system.is_empty() {
            std::mem::swap(&mut lanes.system, system);
        }
        if budget > 0 {
            if lanes.user.len() <= budget {
                std::mem::swap(&mut lanes.user, user);
            } else {
                user.extend(lanes.user.drain(..budget));
            }
        }
        let woken = std::mem::take(&mut lanes.woken);
        let more = !lanes.user.is_empty();
        lanes.scheduled = more && !blocked;
        (woken, more)
    }

    /// Ends the cell: what waits is dropped, and everybody who watches hears why.
    pub(crate) fn close(&self, reason: &Reason) {
        let mut lanes = self.lanes.lock();
        lanes.ended = Some(Box::new(reason.clone()));
        let system = std::mem::take(&mut lanes.system);
        let user = std::mem::take(&mut lanes.user);
        let watchers = std::mem::take(&mut lanes.watchers);
        drop(lanes);
        let dropped = catch_unwind(AssertUnwindSafe(|| drop((system, user))));
        if dropped.is_err() {
            tracing::error!(upid = %self.upid, "a message panicked while it was dropped");
        }
        watchers.into_iter().for_each(|watcher| watcher.notify(reason));
    }

    /// The reason of the end, once there is one.
    pub(crate) fn wait(&self) -> oneshot::Receiver<Reason> {
        let (sender, receiver) = oneshot::channel();
        let mut lanes = self.lanes.lock();
        match &lanes.ended {
            Some(reason) => drop(sender.send(Reason::clone(reason))),
            None => {
                if lanes.watchers.len() == lanes.watchers.capacity() {
                    // Those who gave up waiting do not pile up.
                    lanes.watchers.retain(|watcher| !watcher.gave_up());
                }
                lanes.watchers.push(Watcher::Waiter(sender));
            }
        }
        receiver
    }

    pub(crate) fn terminate(&self, lane: Lane) {
        match lane {
            Lane::System => self.push_system(System::Terminate(Reason::Terminated)),
            Lane::User => {
                let mut lanes = self.lanes.lock();
                if lanes.ended.is_none() {
                    lanes.user.push_back(Envelope::Terminate);
                    self.wake(lanes);
                }
            }
        }
    }
}

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
    /// A message by name or by type, through the doors.
    fn letter(&self, letter: Letter) -> Result<(), SendError>;
    /// The door for a name and version.
    fn door(&self, name: &str, version: u32) -> Result<usize, NoDoor>;
    /// A message in bytes, through a door found before that reads that version.
    fn deliver(&self, door: usize, version: u32, origin: &Origin<'_>, body: &[u8]) -> Result<(), SendError>;
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
}

impl<A: Process> AnyCell for Cell<A> {
    fn upid(&self) -> &Upid {
        &self.upid
    }

    fn kind(&self) -> &'static str {
        A::KIND
    }

    fn on_panic(&self) -> OnPanic {
        self.on_panic
    }

    fn is_alive(&self) -> bool {
        Cell::is_alive(self)
    }

    fn ended(&self) -> Option<Reason> {
        self.lanes.lock().ended.as_deref().cloned()
    }

    fn typed(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }

    fn letter(&self, letter: Letter) -> Result<(), SendError> {
        match self.doors.get() {
            None => self.push(Envelope::Letter(Box::new(letter))),
            Some(Some(doors)) => self.push(doors.open(letter)?),
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
        self.push(doors.decode(door, version, origin, body)?)
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
        if lanes.ended.is_none() {
            lanes.watchers.push(watcher);
            return true;
        }
        false
    }

    fn unwatch(&self, linker: &Upid, linked: &Upid) {
        let mut lanes = self.lanes.lock();
        if let Some(at) = lanes.watchers.iter().position(|watcher| watcher.is(linker, linked)) {
            let watcher = lanes.watchers.swap_remove(at);
            drop(lanes);
            drop(watcher);
        }
    }

    fn end(&self, reason: Reason) {
        self.push_system(System::Terminate(reason));
    }
}

/// Wakes the futures of a process.
impl<A: Process> std::task::Wake for Cell<A> {
    fn wake(self: Arc<Self>) {
        self.wake_futures();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.wake_futures();
    }
}

/// Lets stock `Addr` and `Recipient` pack messages for our context.
impl<A, M> actix::dev::ToEnvelope<A, M> for Context<A>
where
    A: Process + Handler<M>,
    M: Message + Send + 'static,
    M::Result: Send,
{
    fn pack(message: M, slot: Option<oneshot::Sender<M::Result>>) -> actix::dev::Envelope<A> {
        actix::dev::Envelope::new(message, slot)
    }
}
