//! At most so many permits in a while, spaced evenly, first come first served.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use parking_lot::Mutex;

use super::Overloaded;
use crate::Runtime;
use crate::environment::Sleep;

/// When permits are due: the rule alone, for those who have a clock and a timer of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pace {
    interval: Duration,
    /// When the next permit is due. Unit: that of the `now` it is asked with.
    next: Duration,
}

impl Pace {
    /// `permits` in each `per`, one every `per / permits`; without permits, one every `per`.
    pub fn new(permits: u32, per: Duration) -> Pace {
        Pace { interval: per / permits.max(1), next: Duration::ZERO }
    }

    /// Takes a permit, or says how long until there is one.
    pub fn take(&mut self, now: Duration) -> Result<(), Duration> {
        if now < self.next {
            return Err(self.next - now);
        }
        self.next = now.saturating_add(self.interval);
        Ok(())
    }
}

/// Permits to be awaited. Cheap to clone; clones share the pace.
///
/// Who stops waiting loses nothing for others: the permit goes to the next in line.
///
/// ```
/// # use libprocess::{Config, Runtime};
/// # use std::time::Duration;
/// use libprocess::toolbox::Limiter;
///
/// # let node = Runtime::start(Config { listen: None, http_workers: 0, ..Config::default() })?;
/// let limiter = Limiter::new(&node, 1_000, Duration::from_secs(1), 64);
/// node.block_on(async {
///     for _ in 0..3 {
///         limiter.acquire().await?; // at once, then one each millisecond
///     }
///     Ok::<(), libprocess::toolbox::Overloaded>(())
/// })?;
/// # node.shutdown();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Limiter(Arc<Inner>);

struct Inner {
    runtime: Runtime,
    waiting_max: usize,
    state: Mutex<State>,
}

struct State {
    pace: Pace,
    /// Those who wait, in order of arrival.
    waiting: BTreeMap<u64, Option<Waker>>,
    last: u64,
}

impl State {
    fn leave(&mut self, number: u64) -> Option<Waker> {
        let first = self.waiting.first_key_value().is_some_and(|(&first, _)| first == number);
        self.waiting.remove(&number);
        if first { self.waiting.first_entry().and_then(|mut next| next.get_mut().take()) } else { None }
    }
}

impl Limiter {
    /// `permits` in each `per`; at most `waiting_max` may wait for one.
    pub fn new(runtime: &Runtime, permits: u32, per: Duration, waiting_max: usize) -> Limiter {
        let state = State { pace: Pace::new(permits, per), waiting: BTreeMap::new(), last: 0 };
        Limiter(Arc::new(Inner { runtime: runtime.clone(), waiting_max, state: Mutex::new(state) }))
    }

    /// Waits for a permit, behind those who wait already.
    ///
    /// Errors: when as many wait as may.
    pub fn acquire(&self) -> Acquire {
        Acquire { limiter: self.0.clone(), number: None, sleep: None }
    }

    /// Takes a permit if there is one now and nobody waits.
    pub fn try_acquire(&self) -> bool {
        let now = self.0.runtime.elapsed();
        let mut state = self.0.state.lock();
        state.waiting.is_empty() && state.pace.take(now).is_ok()
    }
}

/// A place in the line for a permit, taken when it is first polled.
#[must_use = "nothing is acquired before it is awaited"]
pub struct Acquire {
    limiter: Arc<Inner>,
    /// Its place, while it has one.
    number: Option<u64>,
    sleep: Option<Sleep>,
}

impl Future for Acquire {
    type Output = Result<(), Overloaded>;

    fn poll(mut self: Pin<&mut Self>, poller: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        loop {
            let wait = {
                let mut state = this.limiter.state.lock();
                if this.number.is_none() {
                    if state.waiting.len() >= this.limiter.waiting_max {
                        return Poll::Ready(Err(Overloaded));
                    }
                    state.last += 1;
                    let number = state.last;
                    state.waiting.insert(number, None);
                    this.number = Some(number);
                }
                let number = this.number.expect("taken a line ago");
                let mut first = state.waiting.first_entry().expect("it waits itself");
                if *first.key() != number {
                    state.waiting.insert(number, Some(poller.waker().clone()));
                    return Poll::Pending;
                }
                *first.get_mut() = Some(poller.waker().clone());
                match state.pace.take(this.limiter.runtime.elapsed()) {
                    Ok(()) => {
                        this.number = None;
                        let next = state.leave(number);
                        drop(state);
                        next.into_iter().for_each(Waker::wake);
                        return Poll::Ready(Ok(()));
                    }
                    Err(wait) => wait,
                }
            };
            let sleep = this.sleep.get_or_insert_with(|| this.limiter.runtime.sleep(wait));
            if sleep.as_mut().poll(poller).is_pending() {
                return Poll::Pending;
            }
            this.sleep = None;
        }
    }
}

impl Drop for Acquire {
    fn drop(&mut self) {
        if let Some(number) = self.number.take() {
            let next = self.limiter.state.lock().leave(number);
            next.into_iter().for_each(Waker::wake);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::{Either, select};

    use super::*;
    use crate::sim::Sim;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn permits_are_spaced_evenly_and_not_saved_up() {
        let mut pace = Pace::new(4, Duration::from_secs(1));
        assert_eq!(pace.take(ms(1_000)), Ok(()));
        assert_eq!(pace.take(ms(1_100)), Err(ms(150)));
        assert_eq!(pace.take(ms(1_250)), Ok(()));
        assert_eq!(pace.take(ms(9_000)), Ok(()));
        assert_eq!(pace.take(ms(9_001)), Err(ms(249)));
    }

    #[test]
    fn who_waits_is_served_in_order_and_who_gives_up_is_skipped() {
        let mut sim = Sim::new(1);
        let node = sim.node("10.0.0.1:5050");
        let limiter = Limiter::new(&node, 10, Duration::from_secs(1), 8);
        let start = sim.now();
        let served = Mutex::new(Vec::new());
        let wait = |name: u32| {
            let (limiter, served, node) = (limiter.clone(), &served, node.clone());
            async move {
                limiter.acquire().await.expect("there is room");
                served.lock().push((name, node.elapsed()));
            }
        };
        sim.block_on(async {
            let (first, second, third) = (wait(1), wait(2), wait(3));
            let mut gives_up = Box::pin(limiter.acquire());
            let fourth = async {
                // Takes its place behind the second, and leaves it when half its time is over.
                let late = node.sleep(ms(50));
                assert!(matches!(select(&mut gives_up, late).await, Either::Right(_)));
                drop(gives_up);
            };
            futures_util::join!(first, second, fourth, third);
        });
        let base = start - start;
        assert_eq!(*served.lock(), [(1, base), (2, base + ms(100)), (3, base + ms(200))]);
        assert!(!limiter.try_acquire());
    }

    #[test]
    fn a_line_that_is_too_long_is_refused() {
        let mut sim = Sim::new(1);
        let node = sim.node("10.0.0.1:5050");
        let limiter = Limiter::new(&node, 1, Duration::from_secs(1), 1);
        sim.block_on(async {
            limiter.acquire().await.unwrap();
            let (waits, refused) = futures_util::join!(limiter.acquire(), limiter.acquire());
            assert_eq!((waits, refused), (Ok(()), Err(Overloaded)));
        });
        assert_eq!(node.elapsed(), Duration::from_secs(1));
    }
}
