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
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Poll, Waker};
use std::time::Duration;

use actix::{Handler, Message};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::ask::{AskError, SendError};
use crate::doors::{AskPath, Doors, Letter, NoDoor, Origin};
use crate::lane::{Bound, Entry, Overflow, Pushed, UserLane};
use crate::link::{Exit, Reason, Watcher};
use crate::shard::{Key, Shared};
use crate::span::{self, Part};
use crate::supervision::OnPanic;
use crate::{Context, Process, Runtime, Upid};

/// Which lane a termination takes: ahead of what waits, or behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    System,
    User,
}

/// One entry of the user lane.
pub(crate) enum Envelope<A: Process> {
    Input(A::Input),
    /// Came in so many bytes that they count.
    Heavy(Box<(usize, A::Input)>),
    /// Not run once its asker has given up. Unit: time since the runtime started.
    Expiring(Box<(Duration, A::Input)>),
    /// Any other message the actor handles, in actix's own envelope.
    Stock(actix::dev::Envelope<A>),
    /// Came before the doors were open.
    Letter(Box<Letter>),
    /// Any of these, as part of a trace.
    Traced(Box<(Part, Envelope<A>)>),
    Terminate,
}

/// Below this, the bytes a message came in are not counted.
const HEAVY: usize = 1 << 10;

impl<A: Process> Envelope<A> {
    /// The same, known to have come in so many bytes.
    fn of_bytes(self, bytes: usize) -> Envelope<A> {
        match self {
            Envelope::Input(input) if bytes >= HEAVY => Envelope::Heavy(Box::new((bytes, input))),
            light => light,
        }
    }
}

impl<A: Process> Entry for Envelope<A> {
    #[inline]
    fn weight(&self) -> usize {
        match self {
            Envelope::Input(input) => A::weight(input),
            Envelope::Heavy(heavy) => heavy.0,
            Envelope::Expiring(expiring) => A::weight(&expiring.1),
            Envelope::Letter(letter) => bytes_of(letter),
            Envelope::Traced(traced) => traced.1.weight(),
            Envelope::Stock(_) | Envelope::Terminate => 0,
        }
    }

    fn key(&self) -> Option<u64> {
        match self {
            Envelope::Input(input) => A::key(input),
            Envelope::Heavy(heavy) => A::key(&heavy.1),
            Envelope::Expiring(expiring) => A::key(&expiring.1),
            Envelope::Traced(traced) => traced.1.key(),
            Envelope::Letter(_) | Envelope::Stock(_) | Envelope::Terminate => None,
        }
    }
}

/// How many bytes a letter came in.
fn bytes_of(letter: &Letter) -> usize {
    match letter {
        Letter::Frame(frame) => frame.said.iter().map(|(_, body)| body.len()).sum(),
        Letter::Moved { .. } => 0,
    }
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
    /// Was held back by a filter, and is let go.
    #[cfg(feature = "testing")]
    Passed(Box<crate::testing::Passed<A>>),
    /// Somebody looks at this process.
    Probe(oneshot::Sender<Inside>),
}

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

/// How many of those who wait are named.
const NAMED: usize = 16;

impl<A: Process> Envelope<A> {
    fn sort(&self) -> &'static str {
        match self {
            Envelope::Input(_) | Envelope::Heavy(_) => "message",
            Envelope::Expiring(_) => "question",
            Envelope::Stock(_) => "stock message",
            Envelope::Letter(_) => "letter",
            Envelope::Traced(traced) => traced.1.sort(),
            Envelope::Terminate => "terminate",
        }
    }
}

impl<A: Process> System<A> {
    fn sort(&self) -> &'static str {
        match self {
            System::Input(_) | System::Done(..) => "result",
            System::Exited(..) => "exited",
            System::Answer(..) => "answer",
            System::Panicked(_) => "panicked",
            System::Terminate(_) => "terminate",
            System::Probe(_) => "probe",
            #[cfg(feature = "testing")]
            System::Passed(_) => "passed",
        }
    }
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
    /// How many messages were handled; written by the shard alone.
    handled: AtomicU64,
    lanes: Mutex<Lanes<A>>,
}

struct Lanes<A: Process> {
    user: UserLane<Envelope<A>>,
    /// What only some processes need, so that idle ones stay small.
    rare: Option<Box<Rare<A>>>,
    key: Key,
    /// A turn is due: nobody need say so again. True until the process has started.
    scheduled: bool,
    /// A future of the process may go on.
    woken: bool,
    /// Its last acts have begun: what it drops from now on is not turned away, but ended.
    dying: bool,
    /// It has ended: the reason is among the rare.
    ended: bool,
}

struct Rare<A: Process> {
    system: VecDeque<System<A>>,
    watchers: Vec<Watcher>,
    /// Why it ended, once it has.
    reason: Option<Reason>,
}

impl<A: Process> Rare<A> {
    fn new(reason: Option<Reason>) -> Box<Rare<A>> {
        Box::new(Rare { system: VecDeque::new(), watchers: Vec::new(), reason })
    }
}

impl<A: Process> Lanes<A> {
    fn rare(&mut self) -> &mut Rare<A> {
        self.rare.get_or_insert_with(|| Rare::new(None))
    }

    fn reason(&self) -> Option<&Reason> {
        self.rare.as_ref()?.reason.as_ref()
    }
}

type Guard<'a, A> = parking_lot::MutexGuard<'a, Lanes<A>>;

impl<A: Process> Cell<A> {
    pub(crate) fn new(
        upid: Upid,
        runtime: Runtime,
        shard: Arc<Shared>,
        bound: Bound,
        on_panic: OnPanic,
    ) -> Arc<Cell<A>> {
        let lanes = Lanes {
            user: UserLane::new(&bound),
            rare: None,
            key: Key::default(),
            scheduled: true,
            woken: false,
            dying: false,
            ended: false,
        };
        let Bound { messages, overflow, .. } = bound;
        let room = u32::try_from(messages).unwrap_or(u32::MAX);
        Arc::new(Cell {
            upid,
            runtime,
            shard,
            room,
            overflow,
            on_panic,
            doors: OnceLock::new(),
            handled: AtomicU64::new(0),
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
        let lanes = self.lanes.lock();
        !lanes.ended && !lanes.dying
    }

    /// The last acts begin.
    pub(crate) fn dies(&self) {
        self.lanes.lock().dying = true;
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
        let envelope = match span::current() {
            None => envelope,
            Some(part) => Envelope::Traced(Box::new((part, envelope))),
        };
        let mut lanes = self.lanes.lock();
        if lanes.ended {
            return self.refuse(lanes, envelope, SendError::Gone);
        }
        match lanes.user.push_plain(envelope, self.room as usize) {
            Ok(()) => {
                self.wake(lanes);
                Ok(())
            }
            Err(envelope) => self.push_rare(lanes, envelope),
        }
    }

    /// Puts an envelope into a lane that is full, or in which not only numbers count.
    #[cold]
    fn push_rare(&self, mut lanes: Guard<'_, A>, envelope: Envelope<A>) -> Result<(), SendError> {
        match lanes.user.push(envelope, self.room as usize, self.overflow) {
            Ok(pushed) => {
                self.pushed(lanes, pushed);
                Ok(())
            }
            Err(envelope) => self.refuse(lanes, envelope, SendError::Full),
        }
    }

    fn pushed(&self, lanes: Guard<'_, A>, pushed: Pushed<Envelope<A>>) {
        self.wake(lanes);
        if let Pushed::Instead(dropped) = pushed {
            self.runtime.counts().dropped.increment(dropped.len() as u64);
            drop(dropped);
        }
    }

    /// Puts an envelope in once there is room for it.
    ///
    /// Errors: when the process has ended, or the lane could never hold it.
    pub(crate) fn push_or_wait(
        &self,
        envelope: &mut Option<Envelope<A>>,
        ticket: &mut Option<u64>,
        waker: &Waker,
    ) -> Poll<Result<(), SendError>> {
        let mut lanes = self.lanes.lock();
        if lanes.ended {
            return Poll::Ready(Err(SendError::Gone));
        }
        match lanes.user.push_or_wait(envelope, ticket, (self.room as usize, self.overflow), waker) {
            Some(Ok(pushed)) => {
                self.pushed(lanes, pushed);
                Poll::Ready(Ok(()))
            }
            Some(Err(())) => Poll::Pending,
            None => Poll::Ready(Err(SendError::Full)),
        }
    }

    /// Whoever had this ticket waits no more; its room is for those behind it.
    pub(crate) fn wait_no_more(&self, ticket: u64) {
        let mut lanes = self.lanes.lock();
        lanes.user.leave(ticket);
        let wake = lanes.user.to_wake(self.room as usize);
        drop(lanes);
        wake.into_iter().for_each(Waker::wake);
    }

    #[cold]
    fn refuse<T>(&self, lanes: Guard<'_, A>, envelope: T, why: SendError) -> Result<(), SendError> {
        drop(lanes);
        drop(envelope);
        self.runtime.counts().rejected.increment(1);
        Err(why)
    }

    /// Puts something into the system lane, which is never full.
    pub(crate) fn push_system(&self, entry: System<A>) {
        let mut lanes = self.lanes.lock();
        if lanes.ended {
            drop(lanes);
            return drop(entry);
        }
        lanes.rare().system.push_back(entry);
        self.wake(lanes);
    }

    /// Lets the futures of the process be polled again.
    pub(crate) fn wake_futures(&self) {
        let mut lanes = self.lanes.lock();
        lanes.woken = true;
        self.wake(lanes);
    }

    #[inline]
    fn wake(&self, mut lanes: Guard<'_, A>) {
        if !lanes.scheduled && !lanes.ended {
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

    /// So many more were handled.
    pub(crate) fn count(&self, handled: usize) {
        self.handled.store(self.handled.load(Ordering::Relaxed) + handled as u64, Ordering::Relaxed);
    }

    pub(crate) fn doors(&self) -> Option<&Doors<A>> {
        self.doors.get()?.as_deref()
    }

    /// Nothing waits: from here on, pushes schedule a turn. False if something does.
    pub(crate) fn rest(&self) -> bool {
        let mut lanes = self.lanes.lock();
        let system = lanes.rare.as_ref().is_some_and(|rare| !rare.system.is_empty());
        let empty = !system && lanes.user.is_empty() && !lanes.woken;
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
        if let Some(rare) = &mut lanes.rare
            && !rare.system.is_empty()
        {
            std::mem::swap(&mut rare.system, system);
        }
        let more = if budget > 0 { lanes.user.take(user, budget) } else { !lanes.user.is_empty() };
        let woken = std::mem::take(&mut lanes.woken);
        lanes.scheduled = more && !blocked;
        let wake = lanes.user.to_wake(self.room as usize);
        drop(lanes);
        wake.into_iter().for_each(Waker::wake);
        (woken, more)
    }

    /// Ends the cell: what waits is dropped, and everybody who watches hears why.
    pub(crate) fn close(&self, reason: &Reason) {
        let mut lanes = self.lanes.lock();
        lanes.ended = true;
        let (user, waiting) = lanes.user.close();
        let rare = lanes.rare.replace(Rare::new(Some(reason.clone())));
        drop(lanes);
        let (system, watchers) = rare.map_or_else(Default::default, |rare| (rare.system, rare.watchers));
        let dropped = catch_unwind(AssertUnwindSafe(|| drop((system, user))));
        if dropped.is_err() {
            tracing::error!(upid = %self.upid, "a message panicked while it was dropped");
        }
        waiting.into_iter().for_each(Waker::wake);
        watchers.into_iter().for_each(|watcher| watcher.notify(reason));
    }

    /// The reason of the end, once there is one.
    pub(crate) fn wait(&self) -> oneshot::Receiver<Reason> {
        let (sender, receiver) = oneshot::channel();
        let mut lanes = self.lanes.lock();
        match lanes.reason() {
            Some(reason) => drop(sender.send(Reason::clone(reason))),
            None => {
                let watchers = &mut lanes.rare().watchers;
                if watchers.len() == watchers.capacity() {
                    // Those who gave up waiting do not pile up.
                    watchers.retain(|watcher| !watcher.gave_up());
                }
                watchers.push(Watcher::Waiter(sender));
            }
        }
        receiver
    }

    pub(crate) fn terminate(&self, lane: Lane) {
        match lane {
            Lane::System => self.push_system(System::Terminate(Reason::Terminated)),
            Lane::User => {
                let mut lanes = self.lanes.lock();
                if !lanes.ended {
                    lanes.user.push_always(Envelope::Terminate);
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
    /// A message by name or by type, through the doors, past the filters of tests.
    fn letter(&self, letter: Letter) -> Result<(), SendError>;
    /// The same, past no filter.
    fn take_letter(&self, letter: Letter) -> Result<(), SendError>;
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
        self.on_panic
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
        if !lanes.ended {
            lanes.rare().watchers.push(watcher);
            return true;
        }
        false
    }

    fn unwatch(&self, linker: &Upid, linked: &Upid) {
        let mut lanes = self.lanes.lock();
        let Some(rare) = &mut lanes.rare else { return };
        if let Some(at) = rare.watchers.iter().position(|watcher| watcher.is(linker, linked)) {
            let watcher = rare.watchers.swap_remove(at);
            drop(lanes);
            drop(watcher);
        }
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
