//! Flushing for many at once: while one group is on its way to the disk, the next gathers.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::config::JournalError;
use crate::lane::{Lane, Way};
use crate::times::Times;

/// Told once what was asked for is kept, or never will be. Called in the order of asking, where the journal writes.
pub type Done = Box<dyn FnOnce(Result<(), JournalError>) + Send>;

/// More waits to be written than may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the journal has too much to write")]
pub struct Rejected;

/// What is not written in one flush with what comes after it. Unit: bytes.
const GROUP_MAX: usize = 4 << 20;

/// How the flushes went so far. Times are zero where there is no clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flushes {
    /// How many groups were written.
    pub groups: u64,
    /// How many asked for them.
    pub jobs: u64,
    /// Unit: bytes that were asked to be kept.
    pub bytes: u64,
    /// How long all took together, from asking to being kept.
    pub took: Duration,
    /// How long the latest took.
    pub latest: Duration,
    /// How long the slowest took.
    pub slowest: Duration,
    /// How long each took, counted.
    pub times: Times,
    /// How long what waits has waited for its flush, if something does.
    pub present: Option<Duration>,
    /// Unit: bytes that wait.
    pub pending: usize,
    /// Whether the disk has failed; nothing is written any more.
    pub failed: bool,
}

/// What carries out what was asked for, one group at a time.
pub(crate) trait Keeper: Send + 'static {
    type Job: Send + 'static;

    /// Unit: bytes.
    fn size(job: &Self::Job) -> usize;

    /// Whether a job may share a flush with the one before it.
    fn joins(before: &Self::Job, job: &Self::Job) -> bool;

    /// Keeps a group. Once it has failed, it always fails.
    fn keep(&mut self, group: Vec<Self::Job>) -> Result<(), JournalError>;
}

/// Jobs on their way to a keeper. Dropping it has a thread write what is left and end.
pub(crate) struct Flusher<K: Keeper> {
    queue: Arc<Queue<K>>,
    thread: Option<JoinHandle<()>>,
}

struct Queue<K: Keeper> {
    waiting: Mutex<Waiting<K::Job>>,
    changed: Condvar,
    keeper: Mutex<K>,
    lane: Lane,
    pending_max: usize,
}

struct Waiting<J> {
    jobs: VecDeque<(J, Done)>,
    /// Unit: bytes.
    pending: usize,
    closed: bool,
    /// Jobs are being carried out, one after another.
    running: bool,
    /// Since when something waits: the first of what does now was asked for then, or what came before it was kept then.
    began: Option<Duration>,
    flushes: Flushes,
}

impl<K: Keeper> Flusher<K> {
    /// Errors: no thread can be started.
    pub(crate) fn start(keeper: K, lane: Lane, pending_max: usize) -> io::Result<Self> {
        let waiting = Waiting {
            jobs: VecDeque::new(),
            pending: 0,
            closed: false,
            running: false,
            began: None,
            flushes: Flushes::default(),
        };
        let queue = Arc::new(Queue {
            waiting: Mutex::new(waiting),
            changed: Condvar::new(),
            keeper: Mutex::new(keeper),
            lane,
            pending_max,
        });
        let thread = match &queue.lane.way {
            Way::Thread => {
                let theirs = queue.clone();
                Some(thread::Builder::new().name("journal".into()).spawn(move || theirs.run())?)
            }
            Way::Jobs(_) | Way::Inline => None,
        };
        Ok(Self { queue, thread })
    }

    /// Has something kept, once [`Flusher::go`] is called.
    ///
    /// Errors: too much waits already; `done` is dropped then.
    pub(crate) fn push(&self, job: K::Job, done: Done) -> Result<(), Rejected> {
        let size = K::size(&job);
        let mut waiting = unpoisoned(&self.queue.waiting);
        // One that is too large by itself is let through when it is alone.
        if waiting.pending > 0 && waiting.pending + size > self.queue.pending_max {
            return Err(Rejected);
        }
        waiting.pending += size;
        waiting.jobs.push_back((job, done));
        waiting.began.get_or_insert_with(|| self.queue.lane.elapsed());
        Ok(())
    }

    /// Has what was pushed carried out.
    pub(crate) fn go(&self) {
        match &self.queue.lane.way {
            Way::Thread => self.queue.changed.notify_one(),
            Way::Inline => while self.queue.step() {},
            Way::Jobs(_) => {
                if !std::mem::replace(&mut unpoisoned(&self.queue.waiting).running, true) {
                    Queue::again(&self.queue);
                }
            }
        }
    }

    pub(crate) fn flushes(&self) -> Flushes {
        let waiting = unpoisoned(&self.queue.waiting);
        let present = waiting.began.map(|began| self.queue.lane.elapsed().saturating_sub(began));
        Flushes { present, pending: waiting.pending, ..waiting.flushes }
    }
}

impl<K: Keeper> Drop for Flusher<K> {
    fn drop(&mut self) {
        unpoisoned(&self.queue.waiting).closed = true;
        self.queue.changed.notify_one();
        // What it was asked to keep is told by its completions, of which one may be what drops this.
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != thread::current().id()
        {
            let _ = thread.join();
        }
    }
}

impl<K: Keeper> Queue<K> {
    fn run(&self) {
        loop {
            let mut waiting = unpoisoned(&self.waiting);
            while waiting.jobs.is_empty() {
                if waiting.closed {
                    return;
                }
                waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            }
            drop(waiting);
            self.step();
        }
    }

    /// One group, and then the next, each a job of its own: whoever stops a node stops it between two of them.
    fn again(this: &Arc<Self>) {
        let Way::Jobs(spawner) = &this.lane.way else { return };
        let queue = this.clone();
        spawner.blocking(Box::new(move || {
            queue.step();
            let mut waiting = unpoisoned(&queue.waiting);
            waiting.running = !waiting.jobs.is_empty();
            let more = waiting.running;
            drop(waiting);
            if more {
                Self::again(&queue);
            }
        }));
    }

    /// Carries out one group, if any; says whether there was one.
    fn step(&self) -> bool {
        let mut waiting = unpoisoned(&self.waiting);
        let many = group_len::<K>(&waiting.jobs);
        if many == 0 {
            return false;
        }
        let (group, done): (Vec<_>, Vec<_>) = waiting.jobs.drain(..many).unzip();
        let began = waiting.began;
        drop(waiting);

        let bytes: usize = group.iter().map(K::size).sum();
        let result = unpoisoned(&self.keeper).keep(group);

        let now = self.lane.elapsed();
        let took = began.map_or(Duration::ZERO, |began| now.saturating_sub(began));
        let mut waiting = unpoisoned(&self.waiting);
        waiting.began = (!waiting.jobs.is_empty()).then_some(now);
        waiting.pending -= bytes;
        let flushes = &mut waiting.flushes;
        flushes.groups += 1;
        flushes.jobs += many as u64;
        flushes.bytes += bytes as u64;
        flushes.took += took;
        flushes.latest = took;
        flushes.slowest = flushes.slowest.max(took);
        flushes.times.note(took);
        flushes.failed |= result.is_err();
        drop(waiting);
        done.into_iter().for_each(|done| done(result.clone()));
        true
    }
}

/// How many of the first jobs are written together.
fn group_len<K: Keeper>(jobs: &VecDeque<(K::Job, Done)>) -> usize {
    let mut bytes = 0;
    let mut before = None;
    jobs.iter()
        .take_while(|(job, _)| {
            let joins = before.is_none_or(|before| bytes < GROUP_MAX && K::joins(before, job));
            before = Some(job);
            bytes += K::size(job);
            joins
        })
        .count()
}

/// Nothing is left half done under these locks.
pub(crate) fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
