//! The timers of one shard: a heap of deadlines. What is due is for the process to know.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use hashbrown::HashTable;

use crate::shard::Key;

/// Names one timer of a process; [`Context::cancel`](crate::Context::cancel) takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timer(pub(crate) u64);

/// Deadlines in order, those of equal time in order of setting.
#[derive(Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<(Duration, u64, Key)>>,
    cancelled: Cancelled,
    last: u64,
}

/// Numbers of timers that were cancelled and are in the heap still. Nobody sees its order.
#[derive(Default)]
struct Cancelled(HashTable<u64>);

impl Cancelled {
    fn insert(&mut self, timer: u64) {
        if !self.contains(timer) {
            self.0.insert_unique(spread(timer), timer, |timer| spread(*timer));
        }
    }

    fn contains(&self, timer: u64) -> bool {
        !self.0.is_empty() && self.0.find(spread(timer), |known| *known == timer).is_some()
    }

    /// Whether it was there.
    fn remove(&mut self, timer: u64) -> bool {
        let found = self.0.find_entry(spread(timer), |known| *known == timer);
        found.is_ok_and(|found| found.remove().0 == timer)
    }
}

/// A hash of a number that counts.
fn spread(number: u64) -> u64 {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl Timers {
    /// Unit: time since the runtime started. Numbers are never the same twice on a shard.
    pub(crate) fn set(&mut self, deadline: Duration, key: Key) -> u64 {
        self.last += 1;
        self.heap.push(Reverse((deadline, self.last, key)));
        self.last
    }

    /// Forgets a timer that has not been due. Cancelled ones leave the heap when they would have
    /// fired, or together once they are most of it.
    pub(crate) fn cancel(&mut self, timer: u64) {
        self.cancelled.insert(timer);
        if self.cancelled.0.len() > 1_024 && self.cancelled.0.len() * 2 > self.heap.len() {
            let Timers { heap, cancelled, .. } = self;
            heap.retain(|Reverse((_, timer, _))| !cancelled.contains(*timer));
            cancelled.0.clear();
        }
    }

    pub(crate) fn next(&mut self) -> Option<Duration> {
        while let Some(&Reverse((deadline, timer, _))) = self.heap.peek() {
            if !self.cancelled.remove(timer) {
                return Some(deadline);
            }
            self.heap.pop();
        }
        None
    }

    /// Moves what is due by `now` into `due`.
    pub(crate) fn take_due(&mut self, now: Duration, due: &mut Vec<(Key, u64)>) {
        while self.next().is_some_and(|deadline| deadline <= now) {
            let Reverse((_, timer, key)) = self.heap.pop().expect("there is a next");
            due.push((key, timer));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: Key = Key { slot: 1, tenant: 1 };

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn timers_are_due_in_order_of_time_then_of_setting() {
        let mut timers = Timers::default();
        let late = timers.set(ms(9), KEY);
        let first = timers.set(ms(5), KEY);
        let second = timers.set(ms(5), KEY);
        let mut due = Vec::new();

        timers.take_due(ms(5), &mut due);
        assert_eq!(due, [(KEY, first), (KEY, second)]);
        assert_eq!(timers.next(), Some(ms(9)));

        timers.cancel(late);
        assert_eq!(timers.next(), None);
    }

    #[test]
    fn cancelled_timers_do_not_pile_up() {
        let mut timers = Timers::default();
        for _ in 0..10_000 {
            let timer = timers.set(ms(60_000), KEY);
            timers.cancel(timer);
        }
        assert!(timers.heap.len() <= 2_048, "{}", timers.heap.len());
    }
}
