//! A shard: one run queue, one heap of timers, the processes that live on one thread.
//!
//! ```text
//!  same shard:  push ──► ready ───────────┐
//!  other shard: push ──► inbox ─ wake ──► │ turn: ≤ 1,024 messages, then back to the reactor
//!  timers due ────────────────────────────┘
//! ```
//!
//! [`Local`] is what processes of the shard touch, [`Shared`] what everybody else does, and
//! [`Shard`] what the driver turns. The same code runs under the reactor and in the simulator.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, SystemTime};

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::Runtime;
use crate::at_work::{AtWork, Labels};
use crate::bells::Bells;
use crate::inbox::{Inbox, Left};
use crate::timers::Timers;

/// What one shard turn may handle before the reactor has its turn.
const SHARD_BUDGET: usize = 1_024;

/// And how long it may take, looked at every so many turns of processes.
const TURN_TIME: Duration = Duration::from_millis(1);
const CLOCK_EVERY: usize = 16;

/// Where a process lives on its shard, and which tenant of that place is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) slot: u32,
    pub(crate) tenant: u32,
}

impl Key {
    /// No process: a timer under it is a stroke of the [bells](crate::bells).
    pub(crate) const NOBODY: Key = Key { slot: u32::MAX, tenant: u32::MAX };
}

/// A process as its shard sees it.
pub(crate) trait Hosted {
    fn start(&mut self) -> Next;
    /// Handles a batch; says how many it handled and what is next.
    fn turn(&mut self) -> (usize, Next);
    /// A timer of the process is due.
    fn due(&mut self, timer: u64);
    /// Ends it whatever it says.
    fn kill(&mut self);
}

/// What a turn leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Idle,
    Again,
    Ended,
}

/// What other threads may do to a shard.
pub(crate) struct Shared {
    pub(crate) id: u64,
    pub(crate) inbox: Inbox<Key, Command>,
    /// What it is at.
    pub(crate) at_work: AtWork,
}

/// Something to be done on the shard's own thread.
pub(crate) type Command = Box<dyn FnOnce(&mut Shard) + Send>;

/// What the processes of a shard share without a lock.
pub(crate) struct Local {
    id: u64,
    shared: Arc<Shared>,
    labels: Labels,
    ready: RefCell<VecDeque<Key>>,
    pub(crate) timers: RefCell<Timers>,
    pub(crate) bells: RefCell<Bells>,
    /// Until when the shard sleeps, unless it is woken; for ever, if there is nothing. It has to be
    /// woken for a timer that is due before.
    sleeps_until: Cell<Option<Duration>>,
    /// A timer was set that is due before the shard would wake.
    resets: Cell<bool>,
    /// When the clock was first looked at in this turn. Unit: time since the runtime started.
    started: Cell<Option<Duration>>,
    /// This turn has taken its time, whatever else is ready.
    late: Cell<bool>,
    /// Wall time as the process at work sees it, once it asked in this turn of its.
    now: Cell<Option<SystemTime>>,
    /// The shard will look at `ready` by itself; else it has to be woken.
    awake: Cell<bool>,
}

thread_local! {
    static CURRENT: Cell<u64> = const { Cell::new(0) };
    static LOCAL: RefCell<Option<Rc<Local>>> = const { RefCell::new(None) };
}

impl Local {
    /// Wall time, which stands still while one process has its turn.
    pub(crate) fn now(&self, clock: impl FnOnce() -> SystemTime) -> SystemTime {
        let now = self.now.get().unwrap_or_else(clock);
        self.now.set(Some(now));
        now
    }

    /// Another process has its turn.
    pub(crate) fn forget_now(&self) {
        self.now.set(None);
    }

    /// The number of the shard that the calling thread works for, and what is done with it.
    pub(crate) fn here<T>(work: impl FnOnce(&Local) -> T) -> Option<T> {
        if CURRENT.get() == 0 {
            return None;
        }
        LOCAL.with_borrow(|local| local.as_ref().map(|local| work(local)))
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// The process that has its turn.
    pub(crate) fn at_work(&self) -> Key {
        self.shared.at_work.who()
    }

    /// Sees to it that bells ring, also between two turns.
    pub(crate) fn begin_bells(&self, now: impl FnOnce() -> Duration) {
        let Some(stroke) = self.bells.borrow_mut().begin(now) else { return };
        self.timers.borrow_mut().set(stroke, Key::NOBODY);
        if !self.awake.get() && self.sleeps_until.get().is_none_or(|until| stroke < until) {
            self.resets.set(true);
            self.shared.inbox.wake();
        }
    }

    fn strike_bells(&self, now: Duration) {
        let (woken, next) = self.bells.borrow_mut().strike(now);
        if let Some(stroke) = next {
            self.timers.borrow_mut().set(stroke, Key::NOBODY);
        }
        woken.into_iter().for_each(Waker::wake);
    }

    /// The process at work begins with what is called so.
    #[inline]
    pub(crate) fn begin(&self, label: &'static str) {
        self.labels.begin(&self.shared.at_work, label);
    }

    /// Whether this turn has lasted `limit`; if so, it ends after the process at work.
    pub(crate) fn is_late(&self, now: Duration, limit: Duration) -> bool {
        let started = self.started.get().unwrap_or(now);
        self.started.set(Some(started));
        let late = now.saturating_sub(started) >= limit;
        self.late.set(self.late.get() || late);
        late
    }
}

impl Shared {
    /// `id` is never 0 and never the same twice in one OS process.
    pub(crate) fn new(id: u64) -> Arc<Shared> {
        Arc::new(Shared { id, inbox: Inbox::new(), at_work: AtWork::default() })
    }

    /// Lets the process at `key` have a turn.
    #[inline]
    pub(crate) fn ready(&self, key: Key) {
        if CURRENT.get() == self.id {
            LOCAL.with_borrow(|local| {
                let local = local.as_ref().expect("set together with CURRENT");
                local.ready.borrow_mut().push_back(key);
                if !local.awake.replace(true) {
                    self.inbox.wake();
                }
            });
            return;
        }
        self.inbox.leave(|left| left.ready.push(key));
    }

    pub(crate) fn command(&self, command: Command) {
        self.inbox.leave(|left| left.commands.push(command));
    }

    /// Drops what waits: nobody will turn this shard again.
    pub(crate) fn forget(&self) {
        self.inbox.take(&mut Left::default());
    }
}

/// The shard itself; lives on one thread.
pub(crate) struct Shard {
    runtime: Runtime,
    shared: Arc<Shared>,
    local: Rc<Local>,
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// Draws who is next among the ready; in order of arrival if there is none.
    chance: Option<ChaCha8Rng>,
    /// What is taken from the inbox; empty between two turns.
    left: Left<Key, Command>,
    /// Commands that wait for the next turn.
    commands: VecDeque<Command>,
    /// How many messages those who started in this turn have handled.
    at_start: usize,
    due: Vec<(Key, u64)>,
}

struct Slot {
    tenant: u32,
    process: Option<Box<dyn Hosted>>,
}

impl Shard {
    pub(crate) fn new(runtime: Runtime, shared: Arc<Shared>, chance: Option<ChaCha8Rng>) -> Shard {
        let local = Rc::new(Local {
            id: shared.id,
            shared: shared.clone(),
            labels: Labels::default(),
            ready: RefCell::default(),
            timers: RefCell::default(),
            bells: RefCell::default(),
            sleeps_until: Cell::default(),
            resets: Cell::default(),
            started: Cell::default(),
            late: Cell::default(),
            now: Cell::default(),
            awake: Cell::new(true),
        });
        Shard {
            runtime,
            shared,
            local,
            slots: Vec::new(),
            free: Vec::new(),
            chance,
            left: Left::default(),
            commands: VecDeque::new(),
            at_start: 0,
            due: Vec::new(),
        }
    }

    /// Makes the calling thread this shard's own, so that tasks of its processes, polled between two
    /// turns, reach it without a lock.
    pub(crate) fn inhabit(&self) -> Inside {
        Inside::enter(&self.local)
    }

    /// Whether the next turn comes only when the shard is woken, or at a time.
    pub(crate) fn sleeps(&self, sleeps: bool, until: Option<Duration>) {
        self.local.awake.set(!sleeps);
        self.local.sleeps_until.set(until);
    }

    /// Whether there is a timer due before the time the shard sleeps until.
    pub(crate) fn resets(&self) -> bool {
        self.local.resets.take()
    }

    /// Runs `work` as this shard: whatever it makes ready goes to the local queue.
    pub(crate) fn enter<T>(&mut self, work: impl FnOnce(&mut Shard) -> T) -> T {
        let _inside = (CURRENT.get() != self.local.id).then(|| Inside::enter(&self.local));
        work(self)
    }

    /// One shard turn: inbox, due timers, then ready processes until the budget is used.
    ///
    /// Returns how many messages were handled.
    pub(crate) fn turn(&mut self, now: Duration) -> usize {
        self.enter(|shard| {
            shard.local.started.set(None);
            shard.local.late.set(false);
            shard.empty_inbox();
            shard.fire(now);
            let (mut handled, mut turns) = (0, 0usize);
            while handled < SHARD_BUDGET && !shard.local.late.get() {
                let Some(key) = shard.next() else { break };
                handled += shard.run(key).max(1);
                turns += 1;
                if turns.is_multiple_of(CLOCK_EVERY) {
                    shard.local.is_late(shard.runtime.elapsed(), TURN_TIME);
                }
            }
            handled + std::mem::take(&mut shard.at_start)
        })
    }

    /// The smallest turn: inbox, due timers, then one process.
    ///
    /// Returns whose turn it was, and how many messages it handled.
    pub(crate) fn step(&mut self, now: Duration) -> Option<(Key, usize)> {
        self.enter(|shard| {
            shard.empty_inbox();
            shard.fire(now);
            let key = shard.next()?;
            Some((key, shard.run(key)))
        })
    }

    /// Whether there is something to do without waiting.
    pub(crate) fn is_busy(&self) -> bool {
        !self.local.ready.borrow().is_empty() || !self.commands.is_empty() || self.shared.inbox.has_mail()
    }

    /// When the next timer is due. Unit: time since the runtime started.
    pub(crate) fn next_timer(&self) -> Option<Duration> {
        self.local.timers.borrow_mut().next()
    }

    pub(crate) fn local(&self) -> &Rc<Local> {
        &self.local
    }

    /// Gives a process a place; `make` is told which.
    pub(crate) fn admit(&mut self, make: impl FnOnce(Key) -> Option<Box<dyn Hosted>>) -> Option<Key> {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot { tenant: 0, process: None });
            u32::try_from(self.slots.len() - 1).expect("fewer than 2^32 processes on a shard")
        });
        let place = &mut self.slots[slot as usize];
        place.tenant = place.tenant.wrapping_add(1);
        let key = Key { slot, tenant: place.tenant };
        match make(key) {
            Some(process) => {
                self.slots[slot as usize].process = Some(process);
                Some(key)
            }
            None => {
                self.free.push(slot);
                None
            }
        }
    }

    /// Lets the process at `key` start. If something waits for it already it has its first turn at once:
    /// all that it consists of has just been touched. Under a seed that turn is one among others.
    pub(crate) fn start(&mut self, key: Key) {
        let at_once = self.chance.is_none();
        self.at_start += self.with(key, |process| match process.start() {
            Next::Again if at_once => process.turn(),
            next => (1, next),
        });
    }

    /// Ends every process, the youngest place first.
    pub(crate) fn kill_all(&mut self) {
        self.enter(|shard| {
            for slot in (0..shard.slots.len()).rev() {
                if let Some(mut process) = shard.slots[slot].process.take() {
                    process.kill();
                }
            }
        });
    }

    fn empty_inbox(&mut self) {
        if self.shared.inbox.has_mail() {
            self.shared.inbox.take(&mut self.left);
            self.local.ready.borrow_mut().extend(self.left.ready.drain(..));
            self.commands.extend(self.left.commands.drain(..));
        }
        if self.commands.is_empty() {
            return;
        }
        let mut done = 0usize;
        while let Some(command) = self.commands.pop_front() {
            command(self);
            done += 1;
            // Under a seed, nothing hangs on how long something takes.
            let look = done.is_multiple_of(CLOCK_EVERY) && self.chance.is_none();
            if look && self.local.is_late(self.runtime.elapsed(), TURN_TIME) {
                break;
            }
        }
        // Those who lived before have their time too.
        self.local.started.set(None);
        self.local.late.set(false);
    }

    fn fire(&mut self, now: Duration) {
        let mut due = std::mem::take(&mut self.due);
        self.local.timers.borrow_mut().take_due(now, &mut due);
        for (key, timer) in due.drain(..) {
            if key == Key::NOBODY {
                self.local.strike_bells(now);
                continue;
            }
            self.with(key, |process| {
                process.due(timer);
                (0, Next::Again)
            });
        }
        self.due = due;
    }

    fn next(&mut self) -> Option<Key> {
        let mut ready = self.local.ready.borrow_mut();
        match &mut self.chance {
            Some(chance) if ready.len() > 1 => {
                let at = chance.random_range(0..ready.len());
                ready.remove(at)
            }
            _ => ready.pop_front(),
        }
    }

    fn run(&mut self, key: Key) -> usize {
        self.with(key, |process| process.turn())
    }

    /// Lends the process out, so that it may reach the shard while it runs.
    fn with(&mut self, key: Key, work: impl FnOnce(&mut dyn Hosted) -> (usize, Next)) -> usize {
        let Some(slot) = self.slots.get_mut(key.slot as usize) else { return 0 };
        if slot.tenant != key.tenant {
            return 0;
        }
        let Some(mut process) = slot.process.take() else { return 0 };
        let Local { labels, .. } = &*self.local;
        labels.turn(&self.shared.at_work, key);
        let (handled, next) = work(&mut *process);
        labels.rest(&self.shared.at_work);
        match next {
            Next::Ended => self.free.push(key.slot),
            Next::Again | Next::Idle => {
                self.slots[key.slot as usize].process = Some(process);
                if next == Next::Again {
                    self.local.ready.borrow_mut().push_back(key);
                }
            }
        }
        handled
    }
}

/// While it lives, this thread works for one shard.
pub(crate) struct Inside {
    id: u64,
    local: Option<Rc<Local>>,
}

impl Inside {
    fn enter(local: &Rc<Local>) -> Inside {
        let id = CURRENT.replace(local.id);
        Inside { id, local: LOCAL.replace(Some(local.clone())) }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        CURRENT.set(self.id);
        LOCAL.set(self.local.take());
    }
}
