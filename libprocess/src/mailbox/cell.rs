//! The shared half of a process: its lanes behind one small lock, and when a turn is due.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Poll, Waker};

use actix::{Handler, Message};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::due::Due;
use super::envelope::{Envelope, System};
use super::watchers::Watchers;
use crate::ask::SendError;
use crate::doors::Doors;
use crate::lane::{Bound, Overflow, Pushed, UserLane};
use crate::link::{Reason, Watcher};
use crate::shard::{Key, Shared};
use crate::supervision::OnPanic;
use crate::{Context, Process, Runtime, Upid, span};

/// Which lane a termination takes: ahead of what waits, or behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    System,
    User,
}

/// The shared half of a process: whoever holds it can send.
pub(crate) struct Cell<A: Process> {
    pub(super) upid: Upid,
    pub(super) runtime: Runtime,
    pub(super) shard: Arc<Shared>,
    /// `None` inside: open, but there are none.
    pub(super) doors: OnceLock<Option<Box<Doors<A>>>>,
    /// How many messages were handled; written by the shard alone.
    pub(super) handled: AtomicU64,
    pub(super) lanes: Mutex<Lanes<A>>,
}

pub(super) struct Lanes<A: Process> {
    pub(super) user: UserLane<Envelope<A>>,
    /// What only some processes need, so that idle ones stay small.
    pub(super) rare: Option<Box<Rare<A>>>,
    pub(super) key: Key,
    /// How many messages the user lane holds.
    room: u32,
    overflow: Overflow,
    pub(super) on_panic: OnPanic,
    due: Due,
    life: Life,
}

/// How far a process has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Lives,
    /// Its last acts have begun: what it drops from now on is not turned away, but ended.
    Dies,
    /// The reason is among the rare.
    Ended,
}

pub(super) struct Rare<A: Process> {
    pub(super) system: VecDeque<System<A>>,
    pub(super) watchers: Watchers,
    /// Why it ended, once it has.
    reason: Option<Reason>,
}

impl<A: Process> Rare<A> {
    fn new(reason: Option<Reason>) -> Box<Rare<A>> {
        Box::new(Rare { system: VecDeque::new(), watchers: Watchers::default(), reason })
    }
}

impl<A: Process> Lanes<A> {
    pub(super) fn rare(&mut self) -> &mut Rare<A> {
        self.rare.get_or_insert_with(|| Rare::new(None))
    }

    #[inline]
    pub(super) fn has_ended(&self) -> bool {
        self.life == Life::Ended
    }

    fn bound(&self) -> (usize, Overflow) {
        (self.room as usize, self.overflow)
    }

    pub(super) fn reason(&self) -> Option<&Reason> {
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
            room: u32::try_from(bound.messages).unwrap_or(u32::MAX),
            overflow: bound.overflow,
            on_panic,
            due: Due::Scheduled,
            life: Life::Lives,
        };
        Arc::new(Cell {
            upid,
            runtime,
            shard,
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
        self.lanes.lock().life == Life::Lives
    }

    /// The last acts begin.
    pub(crate) fn dies(&self) {
        self.lanes.lock().life = Life::Dies;
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
        if lanes.has_ended() {
            return self.refuse(lanes, envelope, SendError::Gone);
        }
        let room = lanes.room as usize;
        match lanes.user.push_plain(envelope, room) {
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
        let (room, overflow) = lanes.bound();
        match lanes.user.push(envelope, room, overflow) {
            Ok(pushed) => {
                self.pushed(lanes, pushed);
                Ok(())
            }
            Err(envelope) => self.refuse(lanes, envelope, SendError::Full),
        }
    }

    /// Moves several into the user lane, in order and under one lock; says how many found no room.
    ///
    /// Errors: when the process has ended.
    pub(super) fn push_all(&self, several: &mut VecDeque<Envelope<A>>) -> Result<usize, SendError> {
        let (mut dropped, mut refused) = (Vec::new(), Vec::new());
        let mut lanes = self.lanes.lock();
        if lanes.has_ended() {
            drop(lanes);
            several.clear();
            return Err(SendError::Gone);
        }
        let (room, overflow) = lanes.bound();
        if !lanes.user.append_plain(several, room) {
            for envelope in several.drain(..) {
                match lanes.user.push(envelope, room, overflow) {
                    Ok(Pushed::Queued) => {}
                    Ok(Pushed::Instead(older)) => dropped.extend(older),
                    Err(newer) => refused.push(newer),
                }
            }
        }
        self.wake(lanes);
        self.runtime.counts().dropped.increment(dropped.len() as u64);
        self.runtime.counts().rejected.increment(refused.len() as u64);
        Ok(refused.len())
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
        if lanes.has_ended() {
            return Poll::Ready(Err(SendError::Gone));
        }
        let bound = lanes.bound();
        match lanes.user.push_or_wait(envelope, ticket, bound, waker) {
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
        let wake = lanes.user.to_wake(lanes.room as usize);
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
        if lanes.has_ended() {
            drop(lanes);
            return drop(entry);
        }
        lanes.rare().system.push_back(entry);
        self.wake(lanes);
    }

    /// Lets the futures of the process be polled again.
    pub(crate) fn wake_futures(&self) {
        let mut lanes = self.lanes.lock();
        if lanes.due.woken() {
            self.schedule(lanes);
        }
    }

    #[inline]
    fn wake(&self, mut lanes: Guard<'_, A>) {
        if lanes.due.pushed() {
            self.schedule(lanes);
        }
    }

    #[inline]
    fn schedule(&self, lanes: Guard<'_, A>) {
        if !lanes.has_ended() {
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
        !system && lanes.user.is_empty() && lanes.due.rests()
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
        let woken = lanes.due.taken(more && !blocked);
        let wake = lanes.user.to_wake(lanes.room as usize);
        drop(lanes);
        wake.into_iter().for_each(Waker::wake);
        (woken, more)
    }

    /// Ends the cell: what waits is dropped, and everybody who watches hears why.
    pub(crate) fn close(&self, reason: &Reason) {
        let mut lanes = self.lanes.lock();
        lanes.life = Life::Ended;
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
                lanes.rare().watchers.push(Watcher::Waiter(sender));
            }
        }
        receiver
    }

    pub(crate) fn terminate(&self, lane: Lane) {
        match lane {
            Lane::System => self.push_system(System::Terminate(Reason::Terminated)),
            Lane::User => {
                let mut lanes = self.lanes.lock();
                if !lanes.has_ended() {
                    lanes.user.push_always(Envelope::Terminate);
                    self.wake(lanes);
                }
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    struct Idle;
    struct Nothing;

    impl Message for Nothing {
        type Result = ();
    }
    impl actix::Actor for Idle {
        type Context = Context<Self>;
    }
    impl Process for Idle {
        const KIND: &'static str = "idle";
        type Input = Nothing;
    }
    impl Handler<Nothing> for Idle {
        type Result = ();
        fn handle(&mut self, _: Nothing, _: &mut Context<Self>) {}
    }

    #[test]
    fn an_idle_process_is_small() {
        // With what the allocator adds, these are of 144 and 64 bytes.
        assert!(size_of::<Cell<Idle>>() + 2 * size_of::<usize>() <= 136, "{}", size_of::<Cell<Idle>>());
        assert!(size_of::<crate::hosted::Home<Idle>>() <= 56, "{}", size_of::<crate::hosted::Home<Idle>>());
    }
}
