//! Time that a test moves, on a runtime with threads of its own. A simulation moves its own: `Sim::advance`,
//! `Sim::settle`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

use super::Testing;

/// How often a runtime must be found with nothing done since the last look.
const QUIET_LOOKS: u32 = 3;

/// A hand on the clock of a runtime.
#[derive(Default)]
pub(crate) struct Hand {
    /// Somebody touched it once.
    touched: AtomicBool,
    state: Mutex<Held>,
    pub(crate) moved: Notify,
}

#[derive(Default)]
struct Held {
    /// How far it was moved.
    ahead: Duration,
    /// What it shows while it stands still.
    stands: Option<Duration>,
}

impl Hand {
    /// What the clock shows when so much time has truly passed.
    #[inline]
    pub(crate) fn shown(&self, passed: impl Fn() -> Duration) -> Duration {
        if !self.touched.load(Ordering::Relaxed) {
            return passed();
        }
        let held = self.state.lock();
        held.stands.unwrap_or_else(|| passed() + held.ahead)
    }

    pub(crate) fn stands(&self) -> bool {
        self.touched.load(Ordering::Relaxed) && self.state.lock().stands.is_some()
    }

    fn change(&self, passed: Duration, change: impl FnOnce(&mut Held, Duration)) {
        change(&mut self.state.lock(), passed);
        self.touched.store(true, Ordering::SeqCst);
        self.moved.notify_waiters();
    }
}

/// What a runtime's threads have done and have to do.
#[derive(Default)]
pub(crate) struct Work {
    /// How much was handled on shards so far.
    pub(crate) handled: AtomicU64,
    /// How many blocking jobs wait or run.
    pub(crate) jobs: AtomicU64,
}

impl Work {
    pub(crate) fn did(&self, handled: usize) {
        if handled > 0 {
            self.handled.fetch_add(handled as u64, Ordering::SeqCst);
        }
    }

    /// Counts a job until it is done.
    pub(crate) fn job(self: &Arc<Self>, job: Box<dyn FnOnce() + Send>) -> Box<dyn FnOnce() + Send> {
        self.jobs.fetch_add(1, Ordering::SeqCst);
        let outstanding = Outstanding(self.clone());
        Box::new(move || {
            job();
            drop(outstanding);
        })
    }
}

struct Outstanding(Arc<Work>);

impl Drop for Outstanding {
    fn drop(&mut self) {
        self.0.jobs.fetch_sub(1, Ordering::SeqCst);
        self.0.handled.fetch_add(1, Ordering::SeqCst);
    }
}

impl Testing {
    /// Lets the clock stand still: no timer fires and no sleep ends until [`Testing::advance`].
    pub fn pause(&self) {
        let (hand, passed) = self.hand();
        hand.change(passed, |held, passed| {
            held.stands.get_or_insert(passed + held.ahead);
        });
    }

    /// Moves the clock; timers that are due fire, in order.
    pub fn advance(&self, time: Duration) {
        let (hand, passed) = self.hand();
        hand.change(passed, |held, _| match &mut held.stands {
            Some(stands) => *stands += time,
            None => held.ahead += time,
        });
        self.wake();
    }

    /// Lets the clock go on from where it stands.
    pub fn resume(&self) {
        let (hand, passed) = self.hand();
        hand.change(passed, |held, passed| {
            if let Some(stands) = held.stands.take() {
                held.ahead = stands.saturating_sub(passed);
            }
        });
        self.wake();
    }

    /// Waits until every shard is idle, no timer is due and no job is outstanding. What is on its way
    /// over sockets is not seen.
    pub async fn settle(&self) {
        let work = self.runtime.work().expect(ADVICE).clone();
        let (mut before, mut quiet) = (u64::MAX, 0);
        while quiet < QUIET_LOOKS {
            self.round().await;
            let handled = work.handled.load(Ordering::SeqCst);
            let still = handled == before && work.jobs.load(Ordering::SeqCst) == 0;
            quiet = if still { quiet + 1 } else { 0 };
            before = handled;
            if !still {
                std::thread::yield_now();
            }
        }
    }

    /// Whether nothing was done, and nothing is left to do, while every shard had a turn.
    pub async fn settled(&self) -> bool {
        let work = self.runtime.work().expect(ADVICE).clone();
        let before = work.handled.load(Ordering::SeqCst);
        self.round().await;
        self.round().await;
        work.handled.load(Ordering::SeqCst) == before && work.jobs.load(Ordering::SeqCst) == 0
    }

    /// Returns when every shard has had a turn, and its reactor another.
    async fn round(&self) {
        for _ in 0..2 {
            for shard in self.runtime.shards() {
                let (sender, turned) = oneshot::channel();
                shard.command(Box::new(move |_| {
                    let _ = sender.send(());
                }));
                // A shard that has ended has nothing to do.
                let _ = turned.await;
            }
        }
    }

    fn wake(&self) {
        self.runtime.shards().iter().for_each(|shard| shard.command(Box::new(|_| {})));
    }

    fn hand(&self) -> (&Arc<Hand>, Duration) {
        self.runtime.hand().expect(ADVICE)
    }
}

const ADVICE: &str = "a simulated runtime's time is its simulation's: `Sim::advance`, `Sim::settle`";
