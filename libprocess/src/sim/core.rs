//! Time, what happens when, and who may go on now. The half of a simulation that may be shared.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::agenda::Agenda;
use super::network::{Line, Network, Packet};
use super::tasks::Name;
use super::trace::{Happening, Trace, digest, mix};

/// How many dead sleeps may lie in the agenda before anybody looks.
const DEAD_MIN: usize = 1_024;

/// What a simulation's nodes share.
pub(super) struct Core {
    pub(super) seed: u64,
    /// Unit: nanoseconds since the simulation began.
    now: AtomicU64,
    queue: Mutex<Queue>,
    ready: Mutex<Vec<Ready>>,
    /// Locked before `queue`, never after it.
    pub(super) network: Mutex<Network>,
}

struct Queue {
    agenda: Agenda<Event>,
    /// How many entries are on their way between two nodes, or are jobs.
    flying: usize,
    /// How many sleeps were dropped before their time, at most.
    dead: usize,
    chance: ChaCha8Rng,
    trace: Trace,
}

/// What happens at a time.
pub(super) enum Event {
    /// A sleep is over.
    Wake(Arc<Alarm>),
    /// The next timer of a shard may be due.
    Timer { life: u32, shard: usize },
    /// Something arrives at one side of a connection.
    Packet { connection: Line, side: usize, packet: Packet },
    /// A blocking job is done.
    Job { life: u32, job: Box<dyn FnOnce() + Send> },
}

/// Who may go on now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ready {
    Shard {
        life: u32,
        shard: usize,
    },
    Task {
        life: u32,
        task: Name,
    },
    /// A node shuts itself down.
    Down {
        life: u32,
    },
}

/// What a sleep and the agenda share; alone in there, it wakes nobody.
#[derive(Default)]
pub(super) struct Alarm {
    waker: AtomicWaker,
}

impl Core {
    pub(super) fn new(seed: u64) -> Arc<Core> {
        let queue = Queue {
            agenda: Agenda::default(),
            flying: 0,
            dead: 0,
            chance: stream(seed, &["who is next"]),
            trace: Trace::default(),
        };
        Arc::new(Core {
            seed,
            now: AtomicU64::new(0),
            queue: Mutex::new(queue),
            ready: Mutex::default(),
            network: Mutex::new(Network::new(stream(seed, &["network"]))),
        })
    }

    /// Unit: time since the simulation began.
    pub(super) fn now(&self) -> Duration {
        Duration::from_nanos(self.now.load(Ordering::Relaxed))
    }

    pub(super) fn set_now(&self, now: Duration) {
        self.now.store(u64::try_from(now.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(super) fn push(&self, at: Duration, event: Event) {
        let mut queue = self.queue.lock();
        queue.flying += usize::from(event.flies());
        queue.agenda.push(at, event);
    }

    /// The next event, if it happens by `until`; time moves to it.
    pub(super) fn pop(&self, until: Duration) -> Option<Event> {
        let mut queue = self.queue.lock();
        loop {
            let (at, event) = queue.agenda.pop(until)?;
            queue.flying -= usize::from(event.flies());
            if event.is_dead() {
                queue.dead = queue.dead.saturating_sub(1);
                continue;
            }
            drop(queue);
            self.set_now(at.max(self.now()));
            return Some(event);
        }
    }

    /// Draws who goes on.
    pub(super) fn choose(&self) -> Option<Ready> {
        let mut ready = self.ready.lock();
        let at = match ready.len() {
            0 => return None,
            1 => 0,
            many => self.queue.lock().chance.random_range(0..many),
        };
        Some(ready.swap_remove(at))
    }

    pub(super) fn ready(&self, who: Ready) {
        self.ready.lock().push(who);
    }

    /// Whether somebody may go on, or something is on its way.
    pub(super) fn is_moving(&self) -> bool {
        !self.ready.lock().is_empty() || self.queue.lock().flying > 0
    }

    pub(super) fn note(&self, what: Happening, life: u32, details: [u64; 2]) {
        let now = self.now();
        self.queue.lock().trace.note(now, what, life, details);
    }

    pub(super) fn trace(&self) -> Trace {
        self.queue.lock().trace
    }

    /// A blocking job takes a moment, drawn between `least` and ten times that, and `more`.
    pub(super) fn job(&self, life: u32, least: Duration, more: Duration, job: Box<dyn FnOnce() + Send>) {
        let delay = least + least.mul_f64(9.0 * self.queue.lock().chance.random::<f64>()) + more;
        self.push(self.now() + delay, Event::Job { life, job });
    }

    /// A pause of whoever awaits it.
    pub(super) fn sleep(self: &Arc<Self>, duration: Duration) -> Nap {
        Nap { core: self.clone(), at: self.now().saturating_add(duration), alarm: None }
    }

    /// Lets go of everything that has not happened.
    pub(super) fn clear(&self) {
        let connections = self.network.lock().clear();
        let events = std::mem::take(&mut self.queue.lock().agenda);
        self.ready.lock().clear();
        drop((connections, events));
    }

    fn forget_nap(&self) {
        let mut queue = self.queue.lock();
        queue.dead += 1;
        if queue.dead > DEAD_MIN && queue.dead * 2 > queue.agenda.len() {
            queue.dead = 0;
            queue.agenda.retain(|event| !event.is_dead());
        }
    }
}

/// Chance of its own for one purpose: the same names under the same seed draw the same.
pub(super) fn stream(seed: u64, names: &[&str]) -> ChaCha8Rng {
    let mut state = mix(seed);
    for name in names {
        state = mix(state ^ digest(name.as_bytes()));
    }
    ChaCha8Rng::seed_from_u64(state)
}

impl Event {
    fn flies(&self) -> bool {
        match self {
            Event::Packet { .. } | Event::Job { .. } => true,
            Event::Wake(_) | Event::Timer { .. } => false,
        }
    }

    fn is_dead(&self) -> bool {
        matches!(self, Event::Wake(alarm) if Arc::strong_count(alarm) == 1)
    }
}

impl Alarm {
    pub(super) fn ring(&self) {
        self.waker.wake();
    }
}

/// A sleep. It enters the agenda when it is first polled: those who never wait cost nothing.
pub(super) struct Nap {
    core: Arc<Core>,
    at: Duration,
    alarm: Option<Arc<Alarm>>,
}

impl Future for Nap {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, poller: &mut Context<'_>) -> Poll<()> {
        if self.core.now() >= self.at {
            return Poll::Ready(());
        }
        if let Some(alarm) = &self.alarm {
            alarm.waker.register(poller.waker());
            return Poll::Pending;
        }
        let alarm = Arc::<Alarm>::default();
        alarm.waker.register(poller.waker());
        self.alarm = Some(alarm.clone());
        self.core.push(self.at, Event::Wake(alarm));
        Poll::Pending
    }
}

impl Drop for Nap {
    fn drop(&mut self) {
        if self.alarm.take().is_some() && self.core.now() < self.at {
            self.core.forget_nap();
        }
    }
}

/// Puts a shard or a task among the ready, once until it had its turn.
pub(super) struct Waiter {
    core: Arc<Core>,
    who: Ready,
    queued: AtomicBool,
}

impl Waiter {
    pub(super) fn new(core: Arc<Core>, who: Ready) -> Arc<Waiter> {
        Arc::new(Waiter { core, who, queued: AtomicBool::new(false) })
    }

    /// Its turn has come: from here on it can be woken again.
    pub(super) fn begin(&self) {
        self.queued.store(false, Ordering::Relaxed);
    }

    pub(super) fn waker(self: &Arc<Self>) -> Waker {
        Waker::from(self.clone())
    }
}

impl Wake for Waiter {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.queued.swap(true, Ordering::Relaxed) {
            self.core.ready(self.who);
        }
    }
}
