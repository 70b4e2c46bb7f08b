//! Trees are removed beside the agent, a few at a time however many are to go: one may take minutes, and what else may block must
//! not wait for it.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

/// How many are removed at once.
const AT_ONCE: usize = 2;

/// What is still to be removed. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Removals(Arc<Mutex<Lanes>>);

#[derive(Default)]
struct Lanes {
    waiting: VecDeque<Job>,
    busy: usize,
}

pub(crate) type Job = Box<dyn FnOnce() + Send>;

impl Removals {
    /// Has it done after what waits already. Gives what does it, if all who do are busy enough for one more: that may block.
    pub(crate) fn line_up(&self, job: impl FnOnce() + Send + 'static) -> Option<Job> {
        let mut lanes = self.0.lock();
        lanes.waiting.push_back(Box::new(job));
        if lanes.busy == AT_ONCE {
            return None;
        }
        lanes.busy += 1;
        let all = self.clone();
        Some(Box::new(move || {
            while let Some(job) = all.next() {
                job();
            }
        }))
    }

    fn next(&self) -> Option<Job> {
        let mut lanes = self.0.lock();
        let job = lanes.waiting.pop_front();
        if job.is_none() {
            lanes.busy -= 1;
        }
        job
    }
}

impl fmt::Debug for Removals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Removals")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn all_are_done_in_order_by_a_few() {
        let removals = Removals::default();
        let (tell, told) = channel();
        let lanes: Vec<_> = (0..5)
            .filter_map(|number| {
                let tell = tell.clone();
                removals.line_up(move || tell.send(number).unwrap())
            })
            .collect();
        assert_eq!(lanes.len(), AT_ONCE);
        lanes.into_iter().for_each(|lane| lane());
        assert_eq!(told.try_iter().collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        // Those who are done are free again.
        assert!(removals.line_up(|| {}).is_some());
    }
}
