//! Wake-ups for tasks that wait long on a shard's own thread. Nearly all of them are called off, so that to order one and to
//! call it off costs next to nothing: no clock is read, and one timer of the shard serves for all.
//!
//! ```text
//!   ordered ──► hung, due at a stroke ──► called off: its place is free again
//!                        │
//!   the shard's timer ── stroke after stroke, while something hangs ──► rings all that are due
//! ```

use std::task::Waker;
use std::time::Duration;

use slab::Slab;

use crate::Runtime;
use crate::shard::Local;

/// From one stroke to the next: a bell rings up to two of them late.
pub(crate) const STROKE: Duration = Duration::from_millis(50);
/// For anything shorter that is too late.
const SHORTEST: Duration = Duration::from_secs(1);

/// Who is to be woken, and at which stroke.
#[derive(Default)]
pub(crate) struct Bells {
    hung: Slab<Hung>,
    /// The number of the last one, so that one that rang is not taken for its place's next.
    last: u64,
    /// Strokes since the runtime started, as of the last one that was heard.
    strokes: u64,
    /// There will be another stroke.
    strikes: bool,
}

struct Hung {
    number: u64,
    due: u64,
    waker: Waker,
}

fn strokes(time: Duration) -> u64 {
    u64::try_from(time.as_millis() / STROKE.as_millis()).unwrap_or(u64::MAX)
}

impl Bells {
    /// Begins to strike, if it does not; then there has to be a timer for the next stroke.
    pub(crate) fn begin(&mut self, now: impl FnOnce() -> Duration) -> Option<Duration> {
        if self.strikes {
            return None;
        }
        let now = now();
        self.strokes = strokes(now);
        self.strikes = true;
        Some(now + STROKE)
    }

    fn hang(&mut self, within: Duration, waker: Waker) -> (usize, u64) {
        self.last += 1;
        // The present stroke may be nearly over, or the next one late.
        let due = self.strokes.saturating_add(strokes(within)).saturating_add(2);
        (self.hung.insert(Hung { number: self.last, due, waker }), self.last)
    }

    fn find(&mut self, place: usize, number: u64) -> Option<&mut Hung> {
        self.hung.get_mut(place).filter(|hung| hung.number == number)
    }

    /// A stroke: whom to wake, and when the next one is.
    pub(crate) fn strike(&mut self, now: Duration) -> (Vec<Waker>, Option<Duration>) {
        self.strokes = strokes(now);
        let due: Vec<usize> =
            self.hung.iter().filter(|(_, hung)| hung.due <= self.strokes).map(|(place, _)| place).collect();
        let woken = due.into_iter().map(|place| self.hung.remove(place).waker).collect();
        self.strikes = !self.hung.is_empty();
        (woken, self.strikes.then(|| now + STROKE))
    }
}

/// A wake-up that was ordered on a shard; called off when dropped there.
pub(crate) struct Bell {
    shard: u64,
    place: usize,
    number: u64,
}

impl Bell {
    /// Orders one, if the time is long and the calling thread a shard of this runtime.
    pub(crate) fn set(runtime: &Runtime, within: Duration, waker: &Waker) -> Option<Bell> {
        if within < SHORTEST {
            return None;
        }
        Local::here(|local| {
            if !runtime.shards().iter().any(|shard| shard.id == local.id()) || !runtime.is_real() {
                return None;
            }
            local.begin_bells(|| runtime.elapsed());
            let (place, number) = local.bells.borrow_mut().hang(within, waker.clone());
            Some(Bell { shard: local.id(), place, number })
        })?
    }

    /// Whether it has rung; if not, `waker` is whom it will wake. `None` on any other thread.
    pub(crate) fn has_rung(&self, waker: &Waker) -> Option<bool> {
        self.at_home(|local| {
            let mut bells = local.bells.borrow_mut();
            let Some(hung) = bells.find(self.place, self.number) else { return true };
            let other =
                (!hung.waker.will_wake(waker)).then(|| std::mem::replace(&mut hung.waker, waker.clone()));
            // Whom it would have woken may go with it: not while the bells are lent out.
            drop(bells);
            drop(other);
            false
        })
    }

    fn at_home<T>(&self, work: impl FnOnce(&Local) -> T) -> Option<T> {
        Local::here(|local| (local.id() == self.shard).then(|| work(local)))?
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        // Elsewhere it wakes somebody for nothing, once.
        self.at_home(|local| {
            let mut bells = local.bells.borrow_mut();
            let known = bells.find(self.place, self.number).is_some();
            let hung = known.then(|| bells.hung.remove(self.place));
            drop(bells);
            drop(hung);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waker() -> Waker {
        Waker::noop().clone()
    }

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn a_bell_rings_once_its_time_is_over_and_never_before() {
        let mut bells = Bells::default();
        assert_eq!(bells.begin(|| seconds(10.0)), Some(seconds(10.05)));
        assert_eq!(bells.begin(|| unreachable!("it strikes")), None);
        let (place, number) = bells.hang(seconds(1.0), waker());
        assert_eq!(bells.strike(seconds(11.0)).0.len(), 0);
        assert!(bells.find(place, number).is_some());
        let (woken, next) = bells.strike(seconds(11.1));
        assert_eq!((woken.len(), next), (1, None), "and then there is nothing to strike for");
        assert!(bells.find(place, number).is_none());
    }

    #[test]
    fn a_bell_that_rang_is_not_the_next_in_its_place() {
        let mut bells = Bells::default();
        bells.begin(|| seconds(0.0));
        let first = bells.hang(seconds(1.0), waker());
        bells.strike(seconds(2.0));
        let second = bells.hang(seconds(9.0), waker());
        assert_eq!(first.0, second.0);
        assert!(bells.find(first.0, first.1).is_none());
        assert!(bells.find(second.0, second.1).is_some());
    }

    #[test]
    fn strokes_that_were_missed_are_caught_up_with() {
        let mut bells = Bells::default();
        bells.begin(|| seconds(0.0));
        bells.hang(seconds(1.0), waker());
        bells.hang(seconds(500.0), waker());
        let (woken, next) = bells.strike(seconds(100.0));
        assert_eq!((woken.len(), next), (1, Some(seconds(100.05))));
    }
}
