//! The thread that flushes for many at once: while one group is on its way to the disk, the next gathers.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use crate::frame::Frame;
use crate::writer::{JournalError, Writer};

/// Told once what was asked for is kept, or never will be. Called in the order of asking, on the journal's thread.
pub type Done = Box<dyn FnOnce(Result<(), JournalError>) + Send>;

/// More waits to be written than may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the journal has too much to write")]
pub struct Rejected;

/// A journal that many may write to. Dropping it writes what is left and ends its thread.
pub struct Journal(Way);

enum Way {
    Thread {
        queue: Arc<Queue>,
        thread: Option<JoinHandle<()>>,
    },
    /// Without a thread: whoever asks, waits. For simulations, where a disk takes no time.
    Inline(Box<Mutex<Writer>>),
}

struct Queue {
    state: Mutex<Waiting>,
    changed: Condvar,
    pending_max: usize,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    /// Unit: bytes.
    pending: usize,
    /// Unit: bytes since the last snapshot, as of the last flush.
    size: u64,
    closed: bool,
}

enum Job {
    Append(Vec<Frame>, Done),
    Compact(Vec<u8>, Done),
}

impl Journal {
    /// Writes on a thread of its own.
    ///
    /// Errors: no thread can be started.
    pub fn start(writer: Writer, pending_max: usize) -> io::Result<Self> {
        let queue = Arc::new(Queue {
            state: Mutex::new(Waiting { size: writer.size(), ..Waiting::default() }),
            changed: Condvar::new(),
            pending_max,
        });
        let theirs = queue.clone();
        let thread = thread::Builder::new().name("journal".into()).spawn(move || theirs.run(writer))?;
        Ok(Self(Way::Thread { queue, thread: Some(thread) }))
    }

    /// Writes where it is asked to, before the asking returns.
    pub fn inline(writer: Writer) -> Self {
        Self(Way::Inline(Box::new(Mutex::new(writer))))
    }

    /// Keeps `frames`, whole or not at all.
    ///
    /// Errors: too much waits already; `done` is dropped then.
    pub fn append(&self, frames: Vec<Frame>, done: Done) -> Result<(), Rejected> {
        let size = frames.iter().map(Frame::size).sum();
        self.push(Job::Append(frames, done), size)
    }

    /// Replaces everything asked for so far by `snapshot`, which stands for it.
    ///
    /// Errors: too much waits already; `done` is dropped then.
    pub fn compact(&self, snapshot: Vec<u8>, done: Done) -> Result<(), Rejected> {
        let size = snapshot.len();
        self.push(Job::Compact(snapshot, done), size)
    }

    /// How much was written since the last snapshot: a reason to make one. Unit: bytes.
    pub fn size(&self) -> u64 {
        match &self.0 {
            Way::Thread { queue, .. } => queue.lock().size,
            Way::Inline(writer) => unpoisoned(writer).size(),
        }
    }

    fn push(&self, job: Job, size: usize) -> Result<(), Rejected> {
        match &self.0 {
            Way::Inline(writer) => {
                let (done, result) = perform(&mut unpoisoned(writer), vec![job]);
                done.into_iter().for_each(|done| done(result.clone()));
                Ok(())
            }
            Way::Thread { queue, .. } => {
                let mut state = queue.lock();
                // One that is too large by itself is let through when it is alone.
                if state.pending > 0 && state.pending + size > queue.pending_max {
                    return Err(Rejected);
                }
                state.pending += size;
                state.jobs.push_back(job);
                drop(state);
                queue.changed.notify_one();
                Ok(())
            }
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        if let Way::Thread { queue, thread } = &mut self.0 {
            queue.lock().closed = true;
            queue.changed.notify_one();
            if let Some(thread) = thread.take() {
                // What it was asked to keep is told by its completions; a panic there is theirs.
                let _ = thread.join();
            }
        }
    }
}

impl Queue {
    fn run(&self, mut writer: Writer) {
        loop {
            let mut state = self.lock();
            while state.jobs.is_empty() {
                if state.closed {
                    return;
                }
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            let group = take_group(&mut state.jobs);
            drop(state);

            let (done, result) = perform(&mut writer, group);

            let mut state = self.lock();
            // What has gathered meanwhile counts anew.
            state.pending = state.jobs.iter().map(Job::size).sum();
            state.size = writer.size();
            drop(state);
            done.into_iter().for_each(|done| done(result.clone()));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        unpoisoned(&self.state)
    }
}

impl Job {
    fn size(&self) -> usize {
        match self {
            Self::Append(frames, _) => frames.iter().map(Frame::size).sum(),
            Self::Compact(snapshot, _) => snapshot.len(),
        }
    }
}

/// Nothing is left half done under these locks.
fn unpoisoned<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// All appends up to a compaction, or one compaction.
fn take_group(jobs: &mut VecDeque<Job>) -> Vec<Job> {
    let appends = jobs.iter().take_while(|job| matches!(job, Job::Append(..))).count();
    jobs.drain(..appends.max(1)).collect()
}

fn perform(writer: &mut Writer, group: Vec<Job>) -> (Vec<Done>, Result<(), JournalError>) {
    let mut waiting = Vec::with_capacity(group.len());
    let mut result = Ok(());
    for job in group {
        match job {
            Job::Append(frames, done) => {
                writer.put(&frames);
                waiting.push(done);
            }
            Job::Compact(snapshot, done) => {
                result = writer.compact(&snapshot);
                waiting.push(done);
            }
        }
    }
    let result = result.and_then(|()| writer.flush());
    (waiting, result)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::testing::{Disk, frame, texts};

    #[test]
    fn completions_come_in_order_and_groups_share_flushes() {
        let disk = Disk::default();
        let (writer, _) = disk.open_journal().unwrap();
        let journal = Journal::start(writer, 1 << 20).unwrap();
        let (tell, told) = mpsc::channel();
        for number in 0..500 {
            let tell = tell.clone();
            let done = Box::new(move |result: Result<(), JournalError>| {
                tell.send((number, result.is_ok())).unwrap()
            });
            journal.append(vec![frame(&number.to_string())], done).unwrap();
        }
        drop((journal, tell));

        let told: Vec<_> = told.iter().collect();
        assert_eq!(told, (0..500).map(|number| (number, true)).collect::<Vec<_>>());
        assert_eq!(texts(&disk.crash(0).open_journal().unwrap().1.frames).len(), 500);
        assert!(disk.syncs() <= 502);
    }

    #[test]
    fn after_the_first_error_nothing_is_answered_as_kept() {
        let disk = Disk::default();
        let (writer, _) = disk.open_journal().unwrap();
        let journal = Journal::inline(writer);
        let (tell, told) = mpsc::channel();
        let done = || {
            let tell = tell.clone();
            Box::new(move |result: Result<(), JournalError>| tell.send(result.is_ok()).unwrap())
        };
        journal.append(vec![frame("a")], done()).unwrap();
        disk.fail_from(0);
        journal.append(vec![frame("b")], done()).unwrap();
        journal.append(vec![frame("c")], done()).unwrap();
        assert_eq!(told.try_iter().collect::<Vec<_>>(), [true, false, false]);
    }

    #[test]
    fn what_waits_has_a_bound() {
        let queue = Queue { state: Mutex::default(), changed: Condvar::new(), pending_max: 100 };
        // No thread takes anything away.
        let journal = Journal(Way::Thread { queue: Arc::new(queue), thread: None });
        let append = |bytes: usize| journal.append(vec![frame(&"x".repeat(bytes))], Box::new(|_| {}));
        assert_eq!(append(200), Ok(()));
        assert_eq!(append(1), Err(Rejected));
    }
}
