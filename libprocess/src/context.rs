//! All a handler may do.
//!
//! | to | say |
//! |---|---|
//! | know who and when | [`pid`](Context::pid), [`upid`](Context::upid), [`now`](Context::now), [`rng`](Context::rng) |
//! | send | [`tell`](Context::tell), [`send`](Context::send), [`send_large`](Context::send_large), [`ask`](Context::ask) |
//! | be woken | [`after`](Context::after), [`every`](Context::every), [`cancel`](Context::cancel) |
//! | hear of ends | [`link`](Context::link), [`unlink`](Context::unlink) |
//! | let something take its time | [`task`](Context::task), [`blocking`](Context::blocking) |
//! | end | [`stop`](Context::stop) |

use std::any::Any;
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use actix::{Handler, Message};
use futures_util::FutureExt;
use libprocess_wire as wire;
use rand_chacha::ChaCha8Rng;

use crate::compat::Compat;
use crate::environment::Task;
use crate::link::{Exit, Reason, Watcher};
use crate::mailbox::{AnyCell, Cell, Inside, System};
use crate::shard::Local;
use crate::span::{self, Part};
use crate::transport::{AskCancel, Peer};
use crate::{AskError, Pid, Process, Runtime, SendError, Timer, Upid, panics};

/// What a process is given while it handles something.
pub struct Context<A: Process> {
    pid: Pid<A>,
    shard: Rc<Local>,
    state: State,
    /// What only some processes need, so that idle ones stay small.
    extras: Option<Box<Extras<A>>>,
    /// Made when stock actix code is used.
    pub(crate) compat: OnceCell<Box<Compat<A>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Running,
    Stopping,
    Stopped,
}

struct Extras<A: Process> {
    /// Shape: timer → what it means.
    /// Boxed: a leaf of the tree has eleven places, and most processes have an alarm or two.
    alarms: BTreeMap<u64, Box<Pending<A>>>,
    asks: BTreeMap<u64, AskSlot<A>>,
    links: BTreeMap<Upid, ()>,
    tasks: BTreeMap<u64, Task>,
    rng: Option<Box<ChaCha8Rng>>,
    /// Why it ends, once it is about to.
    reason: Option<Box<Reason>>,
    /// Whom a message was sent to last, and the way to that node.
    peer: Option<(Upid, Arc<Peer>)>,
    last: u64,
}

enum Pending<A: Process> {
    Input(A::Input),
    Every {
        period: Duration,
        next: Duration,
        name: Timer,
        make: Box<dyn FnMut() -> A::Input>,
    },
    Call(Call<A>),
    CallEvery {
        period: Duration,
        next: Duration,
        name: Timer,
        call: CallMut<A>,
    },
    /// A question's time is over.
    Ask(u64),
    /// Under the name of a periodic timer: the timer that is set just now.
    Named(u64),
}

type Call<A> = Box<dyn FnOnce(&mut A, &mut Context<A>)>;
type CallMut<A> = Rc<std::cell::RefCell<dyn FnMut(&mut A, &mut Context<A>)>>;
type Answered<A> = Box<dyn FnOnce(Result<Box<dyn Any + Send>, AskError>) -> <A as Process>::Input>;

struct AskSlot<A: Process> {
    map: Answered<A>,
    timer: u64,
    cancel: Option<AskCancel>,
    /// What the question is part of, as coming from whoever was asked.
    part: Option<Part>,
}

/// What a due timer asks of its process.
pub(crate) enum Alarm<A: Process> {
    Input(A::Input),
    Call(Call<A>),
    Ask(u64),
}

impl<A: Process> Context<A> {
    pub(crate) fn new(pid: Pid<A>, shard: Rc<Local>) -> Context<A> {
        Context { pid, shard, state: State::Running, extras: None, compat: OnceCell::new() }
    }

    /// This process.
    pub fn pid(&self) -> &Pid<A> {
        &self.pid
    }

    /// The address of this process that travels.
    pub fn upid(&self) -> &Upid {
        self.pid.upid()
    }

    pub fn runtime(&self) -> &Runtime {
        self.pid.cell.runtime()
    }

    /// The wall time of this turn; never goes backwards.
    pub fn now(&self) -> SystemTime {
        self.shard.now(|| self.runtime().now())
    }

    /// Chance of this process' own; under one seed it draws the same.
    pub fn rng(&mut self) -> &mut ChaCha8Rng {
        let cell = self.pid.cell.clone();
        self.extras()
            .rng
            .get_or_insert_with(|| Box::new(cell.runtime().environment().rng.stream(cell.upid().id())))
    }

    /// Puts a message into the mailbox of a process of this runtime; never waits.
    ///
    /// Errors: when that mailbox is full, or the process has ended.
    pub fn tell<B, M>(&mut self, to: &Pid<B>, message: M) -> Result<(), SendError>
    where
        B: Process + Handler<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        to.cell.push_message(message)
    }

    /// Sends a message to whoever has a door for it at `to`, here or on another node; never waits.
    ///
    /// At most once, and in order for each pair of processes while one link lives.
    pub fn send<M: wire::Message>(&mut self, to: &Upid, message: M) -> Result<(), SendError> {
        if to.address() == self.runtime().address() {
            return self.runtime().post(self.upid(), to, message);
        }
        let runtime = self.pid.cell.runtime();
        // Mostly: the node that was sent to last.
        if let Some(Extras { peer: Some((known, peer)), .. }) = self.extras.as_deref()
            && known.same(to)
        {
            return runtime.peers().tell(runtime, peer, self.upid(), to, &message);
        }
        let peer = runtime.peers().peer(to.address());
        let sent = runtime.peers().tell(runtime, &peer, self.upid(), to, &message);
        self.extras().peer = Some((to.clone(), peer));
        sent
    }

    /// Sends a message that may be larger than a frame, on a connection for large ones: what is sent
    /// otherwise does not wait behind it. Up to 64 MiB; never waits.
    ///
    /// At most once. In order with other large messages of this pair, not with small ones.
    pub fn send_large<M: wire::Message>(&mut self, to: &Upid, message: M) -> Result<(), SendError> {
        self.runtime().post_large(self.upid(), to, message)
    }

    /// Asks whoever has a door for `question` at `to`; the answer, or why there is none, comes
    /// back as an input, exactly once.
    pub fn ask<Q: wire::Question>(
        &mut self,
        to: &Upid,
        question: Q,
        within: Duration,
        map: impl FnOnce(Result<Q::Reply, AskError>) -> A::Input + 'static,
    ) {
        let number = self.number();
        let part = span::current().map(|part| Part { from: to.clone(), ..part });
        let asker: Arc<dyn AnyCell> = self.pid.cell.clone();
        let cancel = self.runtime().question::<Q>(asker, number, to, question, within);
        let timer = self.set(within, Pending::Ask(number));
        let map: Answered<A> = Box::new(move |answer| {
            map(answer
                .map(|answer| *answer.downcast::<Q::Reply>().expect("answers are of the question's type")))
        });
        self.extras().asks.insert(number, AskSlot { map, timer, cancel, part });
    }

    /// Receives `input` after a while, ahead of what waits in the mailbox.
    pub fn after(&mut self, delay: Duration, input: A::Input) -> Timer {
        Timer(self.set(delay, Pending::Input(input)))
    }

    /// Receives an input again and again. A period that was slept through is not made up for.
    pub fn every(&mut self, period: Duration, make: impl FnMut() -> A::Input + 'static) -> Timer {
        let next = self.runtime().elapsed().saturating_add(period);
        let name = Timer(self.number() | PERIODIC);
        let timer = self.set(period, Pending::Every { period, next, name, make: Box::new(make) });
        self.extras().alarms.insert(name.0, Box::new(Pending::Named(timer)));
        name
    }

    /// Forgets a timer. One that has fired, or never was, is nobody's business.
    pub fn cancel(&mut self, timer: Timer) {
        let Some(extras) = &mut self.extras else { return };
        let set = match extras.alarms.remove(&timer.0).map(|pending| *pending) {
            Some(Pending::Named(set)) => {
                extras.alarms.remove(&set);
                set
            }
            Some(_) => timer.0,
            None => return,
        };
        self.shard.timers.borrow_mut().cancel(set);
    }

    /// Asks to hear, once, when the process at `peer` is gone or out of reach:
    /// [`Process::exited`]. Linking again before that changes nothing.
    pub fn link(&mut self, peer: &Upid) {
        if self.extras().links.insert(peer.clone(), ()).is_some() {
            return;
        }
        let linker: Arc<dyn AnyCell> = self.pid.cell.clone();
        self.runtime().link(linker, peer);
    }

    /// Links a process of this runtime, whose reason is told even if it has ended already.
    pub(crate) fn link_cell(&mut self, target: &Arc<dyn AnyCell>) {
        let linked = target.upid().clone();
        self.extras().links.insert(linked.clone(), ());
        let linker: Arc<dyn AnyCell> = self.pid.cell.clone();
        let watcher = Watcher::Local { linker: linker.clone(), linked: linked.clone() };
        if !target.watch(watcher) {
            let reason = target.ended().expect("who cannot be watched has ended");
            linker.exited(linked, Exit::Ended(reason));
        }
    }

    /// Does not want to hear of it any more.
    pub fn unlink(&mut self, peer: &Upid) {
        if self.forget_link(peer) {
            self.runtime().unlink(self.upid(), peer);
        }
    }

    /// Runs a future on this shard's reactor; its output comes back as an input. The future is
    /// dropped when the process ends, and may stay on its thread.
    pub fn task<F>(&mut self, future: F, map: impl FnOnce(F::Output) -> A::Input + 'static)
    where
        F: Future + 'static,
    {
        let number = self.number();
        let cell = self.pid.cell.clone();
        // Not an `async` block: it would have room for the future twice.
        let done = AssertUnwindSafe(future).catch_unwind().map(move |done| match done {
            Ok(output) => cell.push_system(System::Done(number, map(output))),
            Err(panic) => {
                cell.push_system(System::Panicked(Box::new(panics::reason(&*panic, "the output of a task"))));
            }
        });
        let task = self.runtime().environment().spawner.local(Box::pin(done));
        self.extras().tasks.insert(number, task);
    }

    /// Runs a job that blocks on a pool of threads; its output comes back as an input.
    ///
    /// A job that has begun runs to its end, also when the process has ended meanwhile.
    pub fn blocking<T: Send + 'static>(
        &mut self,
        job: impl FnOnce() -> T + Send + 'static,
        map: impl FnOnce(T) -> A::Input + Send + 'static,
    ) {
        let cell: Arc<Cell<A>> = self.pid.cell.clone();
        self.runtime().environment().spawner.blocking(Box::new(move || {
            match std::panic::catch_unwind(AssertUnwindSafe(|| map(job()))) {
                Ok(input) => cell.push_system(System::Input(input)),
                Err(panic) => cell
                    .push_system(System::Panicked(Box::new(panics::reason(&*panic, "the output of a task")))),
            }
        }));
    }

    /// Ends this process when the handler returns.
    pub fn stop(&mut self) {
        self.stop_because(Reason::Stopped);
    }

    pub(crate) fn cell(&self) -> &Cell<A> {
        &self.pid.cell
    }

    /// Lets others see what is handled from here on.
    #[inline]
    pub(crate) fn begin(&self, label: &'static str) {
        self.shard.begin(label);
    }

    /// What only this process knows of itself.
    pub(crate) fn inside(&self) -> Inside {
        let Some(extras) = &self.extras else { return Inside::default() };
        Inside {
            links: extras.links.keys().cloned().collect(),
            timers: extras.alarms.keys().filter(|timer| **timer & PERIODIC == 0).count(),
            questions: extras.asks.len(),
            tasks: extras.tasks.len(),
        }
    }

    pub(crate) fn begin_turn(&mut self) {
        self.shard.forget_now();
    }

    /// Whether the shard's turn has lasted so long that the reactor must have its own.
    pub(crate) fn is_late(&self, limit: Duration) -> bool {
        self.shard.is_late(self.runtime().elapsed(), limit)
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.state != State::Running
    }

    pub(crate) fn state(&self) -> State {
        self.state
    }

    pub(crate) fn set_state(&mut self, state: State) {
        self.state = state;
        if state == State::Running
            && let Some(extras) = &mut self.extras
        {
            extras.reason = None;
        }
    }

    /// The first reason stands, but nobody talks a termination or a panic out of it.
    pub(crate) fn stop_because(&mut self, reason: Reason) {
        if self.reason().is_none_or(|earlier| *earlier == Reason::Stopped) {
            self.extras().reason = Some(Box::new(reason));
        }
        self.state = State::Stopping;
    }

    /// Only who stops by itself is asked whether it means it.
    pub(crate) fn may_refuse_to_stop(&self) -> bool {
        self.reason() == Some(&Reason::Stopped)
    }

    fn reason(&self) -> Option<&Reason> {
        self.extras.as_ref()?.reason.as_deref()
    }

    pub(crate) fn task_done(&mut self, number: u64) {
        if let Some(task) = self.extras().tasks.remove(&number) {
            task.detach();
        }
    }

    /// What a timer means, once it is due; nothing if it was cancelled.
    pub(crate) fn take_alarm(&mut self, timer: u64) -> Option<Alarm<A>> {
        match *self.extras().alarms.remove(&timer)? {
            Pending::Input(input) => Some(Alarm::Input(input)),
            Pending::Call(call) => Some(Alarm::Call(call)),
            Pending::Ask(number) => Some(Alarm::Ask(number)),
            Pending::Named(_) => None,
            Pending::Every { period, next, name, mut make } => {
                let input = make();
                self.again(period, next, name, |next| Pending::Every { period, next, name, make });
                Some(Alarm::Input(input))
            }
            Pending::CallEvery { period, next, name, call } => {
                let now = call.clone();
                self.again(period, next, name, |next| Pending::CallEvery { period, next, name, call });
                Some(Alarm::Call(Box::new(move |actor, ctx| (now.borrow_mut())(actor, ctx))))
            }
        }
    }

    /// The input an answer becomes, and what it is part of; nothing if the question is over.
    pub(crate) fn answered(
        &mut self,
        number: u64,
        answer: Result<Box<dyn Any + Send>, AskError>,
    ) -> Option<(A::Input, Option<Part>)> {
        let slot = self.extras().asks.remove(&number)?;
        if let Some(cancel) = slot.cancel {
            cancel.cancel();
        }
        if self.extras().alarms.remove(&slot.timer).is_some() {
            self.shard.timers.borrow_mut().cancel(slot.timer);
        }
        Some(((slot.map)(answer), slot.part))
    }

    /// Whether there was such a link.
    pub(crate) fn forget_link(&mut self, peer: &Upid) -> bool {
        self.extras.as_mut().is_some_and(|extras| extras.links.remove(peer).is_some())
    }

    /// Runs a closure on the actor after a while.
    pub(crate) fn call_after(&mut self, delay: Duration, call: Call<A>) -> Timer {
        Timer(self.set(delay, Pending::Call(call)))
    }

    /// Runs a closure on the actor again and again.
    pub(crate) fn call_every(&mut self, period: Duration, call: CallMut<A>) -> Timer {
        let next = self.runtime().elapsed().saturating_add(period);
        let name = Timer(self.number() | PERIODIC);
        let timer = self.set(period, Pending::CallEvery { period, next, name, call });
        self.extras().alarms.insert(name.0, Box::new(Pending::Named(timer)));
        name
    }

    /// The end: nothing of this process stays behind.
    pub(crate) fn leave(&mut self) {
        let (mut reason, mut links) = (Reason::Stopped, BTreeMap::new());
        if let Some(extras) = self.extras.take() {
            let Extras { alarms, asks, links: linked, tasks, reason: why, .. } = *extras;
            why.into_iter().for_each(|why| reason = *why);
            let mut timers = self.shard.timers.borrow_mut();
            alarms.keys().filter(|timer| **timer & PERIODIC == 0).for_each(|timer| timers.cancel(*timer));
            drop(timers);
            asks.into_values().filter_map(|slot| slot.cancel).for_each(AskCancel::cancel);
            drop((alarms, tasks));
            links = linked;
        }
        self.compat.take();
        let runtime = self.runtime().clone();
        links.keys().for_each(|peer| runtime.unlink(self.upid(), peer));
        runtime.leave(&*self.pid.cell, &reason);
        self.pid.cell.close(&reason);
    }

    fn again(
        &mut self,
        period: Duration,
        last: Duration,
        name: Timer,
        pending: impl FnOnce(Duration) -> Pending<A>,
    ) {
        let now = self.runtime().elapsed();
        let next = last.saturating_add(period).max(now);
        let timer = self.set(next - now, pending(next));
        self.extras().alarms.insert(name.0, Box::new(Pending::Named(timer)));
    }

    fn set(&mut self, delay: Duration, pending: Pending<A>) -> u64 {
        let deadline = self.runtime().elapsed().saturating_add(delay);
        let timer = self.shard.timers.borrow_mut().set(deadline, self.shard.at_work());
        self.extras().alarms.insert(timer, Box::new(pending));
        timer
    }

    fn number(&mut self) -> u64 {
        let extras = self.extras();
        extras.last += 1;
        extras.last
    }

    fn extras(&mut self) -> &mut Extras<A> {
        self.extras.get_or_insert_with(|| {
            Box::new(Extras {
                alarms: BTreeMap::new(),
                asks: BTreeMap::new(),
                links: BTreeMap::new(),
                tasks: BTreeMap::new(),
                rng: None,
                reason: None,
                peer: None,
                last: 0,
            })
        })
    }
}

/// Marks names of periodic timers, which outlive the timer that is set.
const PERIODIC: u64 = 1 << 63;

/// Links one process of this runtime to another.
pub(crate) fn link_local(linker: Arc<dyn AnyCell>, linked: &Upid, target: Option<Arc<dyn AnyCell>>) {
    let watcher = Watcher::Local { linker: linker.clone(), linked: linked.clone() };
    if !target.is_some_and(|target| target.watch(watcher)) {
        linker.exited(linked.clone(), Exit::NoSuchProcess);
    }
}
