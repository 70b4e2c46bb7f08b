//! Turns one shard on its thread, between the reactor's turns.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use crate::Runtime;
use crate::shard::{Shard, Shared};

/// Runs until told to stop, then ends what still lives on the shard.
pub(super) async fn run(runtime: Runtime, shared: Arc<Shared>, stop: Arc<AtomicBool>) {
    let clock = runtime.environment().clock.clone();
    let mut shard = Shard::new(runtime, shared.clone(), None);
    let mut alarm = Alarm::new();
    let _inside = shard.inhabit();
    loop {
        // Without a timer nobody asks what time it is.
        let now = shard.next_timer().map_or(Duration::ZERO, |_| clock.elapsed());
        shard.turn(now);
        if stop.load(Ordering::Acquire) {
            break;
        }
        if shard.is_busy() {
            // Comes back after the reactor has looked at its sockets once.
            tokio::task::yield_now().await;
        } else {
            let next = shard.next_timer().map(|due| due.saturating_sub(clock.elapsed()));
            alarm.set(next);
            poll_fn(|poller| {
                shared.waker.register(poller.waker());
                shard.sleeps(true);
                if shared.has_mail() || shard.is_busy() || alarm.poll(poller) {
                    shard.sleeps(false);
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
    set: bool,
}

impl Alarm {
    fn new() -> Alarm {
        Alarm { sleep: None, set: false }
    }

    fn set(&mut self, delay: Option<Duration>) {
        self.set = delay.is_some();
        let Some(delay) = delay else { return };
        // A far timer is looked at again before it is due; nothing fires early.
        let deadline = Instant::now() + delay.min(Duration::from_secs(3600));
        match &mut self.sleep {
            Some(sleep) => sleep.as_mut().reset(deadline),
            None => self.sleep = Some(Box::pin(tokio::time::sleep_until(deadline))),
        }
    }

    fn poll(&mut self, poller: &mut std::task::Context<'_>) -> bool {
        match &mut self.sleep {
            Some(sleep) if self.set => sleep.as_mut().poll(poller).is_ready(),
            _ => false,
        }
    }
}
