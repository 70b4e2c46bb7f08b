//! What stock actix code expects of a context: `Addr`, actor futures, `run_later`, `run_interval`.
//!
//! Our own messages pass none of this. A process that asks for its `Addr` gets a stock mailbox
//! beside its own, made on first use and drained once per turn.

use std::cell::{Cell as Flag, OnceCell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context as Poller, Waker};
use std::time::Duration;

use actix::dev::Mailbox;
use actix::{
    Actor, ActorContext, ActorFuture, ActorState, Addr, AsyncContext, Handler, Message, SpawnHandle,
};

use crate::context::State;
use crate::{Context, Process, Timer};

type Boxed<A> = Pin<Box<dyn ActorFuture<A, Output = ()>>>;

/// Actor futures of one process, and its stock mailbox.
pub(crate) struct Compat<A: Process> {
    futures: Vec<(SpawnHandle, Boxed<A>)>,
    /// How many of the futures, the foremost, hold the user lane back.
    waits: u32,
    fresh: Flag<bool>,
    last: SpawnHandle,
    stock: OnceCell<RefCell<Mailbox<A>>>,
    /// Handles that mean a timer of ours.
    timers: Vec<(SpawnHandle, Timer)>,
}

impl<A: Process> Default for Compat<A> {
    fn default() -> Compat<A> {
        Compat {
            futures: Vec::new(),
            waits: 0,
            fresh: Flag::new(false),
            last: SpawnHandle::default(),
            stock: OnceCell::new(),
            timers: Vec::new(),
        }
    }
}

impl<A: Process> Context<A> {
    /// Whether a future holds the user lane back.
    #[inline]
    pub(crate) fn waits(&self) -> bool {
        self.compat.get().is_some_and(|compat| compat.waits > 0)
    }

    /// Whether a future has never been polled.
    #[inline]
    pub(crate) fn has_new_futures(&self) -> bool {
        self.compat.get().is_some_and(|compat| compat.fresh.get())
    }

    fn compat(&mut self) -> &mut Compat<A> {
        self.compat.get_or_init(Box::default);
        self.compat.get_mut().expect("made a line ago")
    }

    /// Polls the actor futures, then the stock mailbox.
    pub(crate) fn poll_futures(&mut self, actor: &mut A) {
        let waker = Waker::from(Arc::clone(&self.pid().cell));
        let mut poller = Poller::from_waker(&waker);
        self.compat().fresh.set(false);
        let mut futures = std::mem::take(&mut self.compat().futures);
        let waiting = std::mem::take(&mut self.compat().waits) as usize;
        let mut still_waiting = 0;
        let mut at = 0;
        let mut index = 0;
        while index < futures.len() {
            let ready = futures[index].1.as_mut().poll(actor, self, &mut poller).is_ready();
            if ready {
                drop(futures.remove(index));
            } else {
                still_waiting += u32::from(at < waiting);
                index += 1;
            }
            at += 1;
        }
        // Those spawned meanwhile come behind, those waited for in front.
        let added = std::mem::take(&mut self.compat().futures);
        let added_waits = self.compat().waits as usize;
        for (at, future) in added.into_iter().enumerate() {
            if at < added_waits {
                futures.insert(still_waiting as usize + at, future);
            } else {
                futures.push(future);
            }
        }
        self.compat().waits = still_waiting + u32::try_from(added_waits).expect("few waits");
        self.compat().futures = futures;
        if let Some(stock) = self.compat().stock.take() {
            stock.borrow_mut().poll(actor, self, &mut poller);
            drop(self.compat().stock.set(stock));
        }
    }

    fn spawn_future(&mut self, future: Boxed<A>, wait: bool) -> SpawnHandle {
        let compat = self.compat();
        compat.last = compat.last.next();
        let entry = (compat.last, future);
        if wait {
            compat.futures.insert(compat.waits as usize, entry);
            compat.waits += 1;
        } else {
            compat.futures.push(entry);
        }
        compat.fresh.set(true);
        compat.last
    }
}

impl<A: Process> ActorContext for Context<A> {
    fn stop(&mut self) {
        Context::stop(self);
    }

    fn terminate(&mut self) {
        self.stop_because(crate::Reason::Terminated);
    }

    fn state(&self) -> ActorState {
        match Context::state(self) {
            State::Running => ActorState::Running,
            State::Stopping => ActorState::Stopping,
            State::Stopped => ActorState::Stopped,
        }
    }
}

impl<A: Process> AsyncContext<A> for Context<A> {
    fn address(&self) -> Addr<A> {
        let compat = self.compat.get_or_init(Box::default);
        let stock = compat.stock.get_or_init(|| {
            compat.fresh.set(true);
            RefCell::default()
        });
        stock.borrow().address()
    }

    fn spawn<F>(&mut self, future: F) -> SpawnHandle
    where
        F: ActorFuture<A, Output = ()> + 'static,
    {
        self.spawn_future(Box::pin(future), false)
    }

    fn wait<F>(&mut self, future: F)
    where
        F: ActorFuture<A, Output = ()> + 'static,
    {
        self.spawn_future(Box::pin(future), true);
    }

    fn waiting(&self) -> bool {
        self.waits() || self.is_stopping()
    }

    /// Ends a future, or a timer of `run_later`, `run_interval` or `notify_later`.
    fn cancel_future(&mut self, handle: SpawnHandle) -> bool {
        if let Some(at) = self.compat().timers.iter().position(|(known, _)| *known == handle) {
            let (_, timer) = self.compat().timers.swap_remove(at);
            self.cancel(timer);
            return true;
        }
        let waits = self.compat().waits as usize;
        let futures = &mut self.compat().futures;
        let Some(at) = futures.iter().position(|(known, _)| *known == handle) else { return false };
        drop(futures.remove(at));
        self.compat().waits -= u32::from(at < waits);
        true
    }

    fn notify_later<M>(&mut self, message: M, after: Duration) -> SpawnHandle
    where
        A: Handler<M>,
        M: Message + 'static,
    {
        self.run_later(after, move |actor, ctx| {
            let response = actor.handle(message, ctx);
            actix::dev::MessageResponse::handle(response, ctx, None);
        })
    }

    fn run_later<F>(&mut self, delay: Duration, call: F) -> SpawnHandle
    where
        F: FnOnce(&mut A, &mut <A as Actor>::Context) + 'static,
    {
        self.compat().last = self.compat().last.next();
        let handle = self.compat().last;
        let timer = self.call_after(
            delay,
            Box::new(move |actor, ctx| {
                ctx.compat().timers.retain(|(known, _)| *known != handle);
                call(actor, ctx);
            }),
        );
        self.compat().timers.push((handle, timer));
        handle
    }

    fn run_interval<F>(&mut self, period: Duration, call: F) -> SpawnHandle
    where
        F: FnMut(&mut A, &mut <A as Actor>::Context) + 'static,
    {
        self.compat().last = self.compat().last.next();
        let timer = self.call_every(period, Rc::new(RefCell::new(call)));
        let compat = self.compat();
        compat.timers.push((compat.last, timer));
        compat.last
    }
}
