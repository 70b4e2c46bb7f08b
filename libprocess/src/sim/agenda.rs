//! What is to happen, in order of time: a radix heap.
//!
//! Time goes one way, so an entry need not be compared with any other. It lies in a bucket by the highest bit in which its
//! time differs from now's: bucket 0 holds what happens now, in order of arrival. When that is empty, the lowest bucket
//! that is not is dealt to those below it. Each entry moves down at most once for each bit, in sequence; a binary heap of
//! half a million would miss the cache at every level.

use std::collections::VecDeque;
use std::time::Duration;

const BUCKETS: usize = 65;
/// For how many entries an empty bucket keeps room.
const ROOM_MAX: usize = 16 << 10;

/// Entries by time, those of equal time in order of arrival.
pub(super) struct Agenda<T> {
    buckets: [Bucket<T>; BUCKETS],
    /// The time of the last that was taken. Unit: nanoseconds.
    now: u64,
    len: usize,
}

struct Bucket<T> {
    entries: VecDeque<(u64, T)>,
    /// None of them is earlier. Unit: nanoseconds.
    least: u64,
}

impl<T> Default for Agenda<T> {
    fn default() -> Agenda<T> {
        let bucket = |_| Bucket { entries: VecDeque::new(), least: u64::MAX };
        Agenda { buckets: std::array::from_fn(bucket), now: 0, len: 0 }
    }
}

impl<T> Agenda<T> {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// What should have happened before the last that was taken happens next.
    pub(super) fn push(&mut self, at: Duration, entry: T) {
        self.len += 1;
        self.put(nanos(at).max(self.now), entry);
    }

    /// The next, if it happens by `until`, and when it was to happen.
    pub(super) fn pop(&mut self, until: Duration) -> Option<(Duration, T)> {
        let until = nanos(until);
        if self.buckets[0].entries.is_empty() {
            self.deal(until)?;
        } else if self.now > until {
            return None;
        }
        let (at, entry) = self.buckets[0].entries.pop_front()?;
        self.len -= 1;
        Some((Duration::from_nanos(at), entry))
    }

    pub(super) fn retain(&mut self, keep: impl Fn(&T) -> bool) {
        for bucket in &mut self.buckets {
            bucket.entries.retain(|(_, entry)| keep(entry));
        }
        self.len = self.buckets.iter().map(|bucket| bucket.entries.len()).sum();
    }

    fn put(&mut self, at: u64, entry: T) {
        let bucket = &mut self.buckets[(u64::BITS - (at ^ self.now).leading_zeros()) as usize];
        bucket.entries.push_back((at, entry));
        bucket.least = bucket.least.min(at);
    }

    /// Moves on to the earliest entry; `None` if there is none by `until`.
    fn deal(&mut self, until: u64) -> Option<()> {
        let from = self.buckets.iter().position(|bucket| !bucket.entries.is_empty())?;
        let lowest = &mut self.buckets[from];
        if lowest.least > until {
            return None;
        }
        // Some may have been let go of since.
        lowest.least = lowest.entries.iter().map(|(at, _)| *at).min()?;
        if lowest.least > until {
            return None;
        }
        self.now = std::mem::replace(&mut lowest.least, u64::MAX);
        let mut entries = std::mem::take(&mut lowest.entries);
        entries.drain(..).for_each(|(at, entry)| self.put(at, entry));
        // All went further down: its room is for those to come.
        if entries.capacity() <= ROOM_MAX {
            self.buckets[from].entries = entries;
        }
        Some(())
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        /// So long after the last that was taken.
        Push(u64),
        Pop(u64),
        /// Those that such a number divides go.
        Forget(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        let after = || prop_oneof![0..4u64, 0..1_000u64, 0..u64::MAX / 1_000];
        prop_oneof![4 => after().prop_map(Step::Push), 3 => after().prop_map(Step::Pop), 1 => (2..5usize).prop_map(Step::Forget)]
    }

    proptest! {
        #[test]
        fn it_gives_what_a_sorted_list_would(steps in prop::collection::vec(step(), 1..200)) {
            let mut agenda = Agenda::default();
            let mut list: Vec<(u64, usize)> = Vec::new();
            let mut now = 0;
            for (number, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Push(after) => {
                        agenda.push(Duration::from_nanos(now + after), number);
                        list.push((now + after, number));
                        list.sort_unstable();
                    }
                    Step::Pop(after) => {
                        let expected = list.first().copied().filter(|(at, _)| *at <= now + after);
                        let popped = agenda.pop(Duration::from_nanos(now + after));
                        prop_assert_eq!(popped.map(|(at, number)| (nanos(at), number)), expected);
                        if let Some((at, _)) = expected {
                            list.remove(0);
                            now = at;
                        }
                    }
                    Step::Forget(divisor) => {
                        agenda.retain(|number| number % divisor != 0);
                        list.retain(|(_, number)| number % divisor != 0);
                    }
                }
                prop_assert_eq!(agenda.len(), list.len());
            }
        }
    }

    #[test]
    fn what_is_late_happens_next() {
        let mut agenda = Agenda::default();
        agenda.push(Duration::from_secs(5), "five");
        assert!(agenda.pop(Duration::from_secs(4)).is_none());
        assert_eq!(agenda.pop(Duration::from_secs(9)).unwrap().1, "five");
        agenda.push(Duration::from_secs(6), "six");
        agenda.push(Duration::from_secs(1), "late");
        assert_eq!(agenda.pop(Duration::from_secs(9)).unwrap().1, "late");
        assert_eq!(agenda.pop(Duration::from_secs(9)).unwrap().1, "six");
    }
}
