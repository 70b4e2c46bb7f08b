//! Turns one shard on its thread, between the reactor's turns.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use tokio::task::coop;
use tokio::time::{Instant, Sleep};

use crate::Runtime;
use crate::environment::Clock;
use crate::shard::{Shard, Shared};

/// Runs until told to stop, then ends what still lives on the shard.
pub(super) async fn run(runtime: Runtime, shared: Arc<Shared>, stop: Arc<AtomicBool>) {
    let clock = runtime.environment().clock.clone();
    #[cfg(feature = "testing")]
    let work = runtime.clone();
    let mut shard = Shard::new(runtime, shared.clone(), None);
    let mut alarm = Alarm::new();
    let mut slept = false;
    let _inside = shard.inhabit();
    loop {
        // Without a timer that may be due nobody asks what time it is.
        let now = match shard.next_timer() {
            Some(due) if !(slept && alarm.rings_before(due)) => clock.elapsed(),
            _ => Duration::ZERO,
        };
        let handled = shard.turn(now);
        #[cfg(feature = "testing")]
        if let Some(work) = work.work() {
            work.did(handled);
        }
        #[cfg(not(feature = "testing"))]
        let _ = handled;
        if stop.load(Ordering::Acquire) {
            break;
        }
        slept = !shard.is_busy();
        if !slept {
            // Comes back after the reactor has looked at its sockets once.
            tokio::task::yield_now().await;
        } else {
            alarm.set(shard.next_timer(), &*clock);
            poll_fn(|poller| {
                shared.inbox.register(poller.waker());
                shard.sleeps(true, alarm.until());
                if shared.inbox.has_mail() || shard.is_busy() || shard.resets() || alarm.poll(poller) {
                    shard.sleeps(false, None);
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            })
            .await;
        }
    }
    shard.kill_all();
    shard.turn(clock.elapsed());
}

/// One sleep of the reactor, moved to the next timer's time.
struct Alarm {
    sleep: Option<Pin<Box<Sleep>>>,
    /// When it ends. Unit: time since the runtime started.
    until: Duration,
    set: bool,
    /// The reactor knows whom it wakes.
    polled: bool,
}

impl Alarm {
    fn new() -> Alarm {
        Alarm { sleep: None, until: Duration::ZERO, set: false, polled: false }
    }

    /// Wakes at `due` or before. A sleep that ends earlier is left alone: most timers are cancelled,
    /// and moving it for each costs more than to wake once for nothing.
    fn set(&mut self, due: Option<Duration>, clock: &dyn Clock) {
        self.set = due.is_some();
        let Some(due) = due else { return };
        if self.until <= due && self.sleep.as_ref().is_some_and(|sleep| !sleep.is_elapsed()) {
            return;
        }
        let now = clock.elapsed();
        self.polled = false;
        self.until = due.min(now + Duration::from_secs(3600));
        let deadline = Instant::now() + self.until.saturating_sub(now);
        match &mut self.sleep {
            Some(sleep) => sleep.as_mut().reset(deadline),
            None => self.sleep = Some(Box::pin(tokio::time::sleep_until(deadline))),
        }
    }

    /// When it wakes, if it does. Unit: time since the runtime started.
    fn until(&self) -> Option<Duration> {
        self.set.then_some(self.until)
    }

    /// Whether it will ring in time for what is due then, and has not: so it is not due yet. Where
    /// tests have a hand on the clock, that says nothing.
    fn rings_before(&self, due: Duration) -> bool {
        let rings = self.polled && self.sleep.as_ref().is_some_and(|sleep| !sleep.is_elapsed());
        rings && self.until <= due && cfg!(not(feature = "testing"))
    }

    /// Whether it rings. It is always the same task that asks.
    fn poll(&mut self, poller: &mut std::task::Context<'_>) -> bool {
        match &mut self.sleep {
            Some(sleep) if self.set && (!self.polled || sleep.is_elapsed()) => {
                // Without budget the reactor is asked in vain.
                self.polled = coop::has_budget_remaining();
                sleep.as_mut().poll(poller).is_ready()
            }
            _ => false,
        }
    }
}
