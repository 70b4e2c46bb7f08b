//! A journal that many may write to: frames, and now and then a snapshot of what they amount to.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::config::JournalError;
use crate::flush::{Done, Flusher, Flushes, Keeper, Rejected};
use crate::frame::Frame;
use crate::lane::Lane;
use crate::writer::Writer;

/// A journal that many may write to. Dropping it writes what is left.
pub struct Journal {
    flusher: Flusher<Snapshots>,
    /// Unit: bytes since the last snapshot, as of the last flush.
    size: Arc<AtomicU64>,
}

/// Appends, and snapshots that replace them.
struct Snapshots {
    writer: Writer,
    size: Arc<AtomicU64>,
}

enum Job {
    Append(Vec<Frame>),
    Compact(Vec<u8>),
}

impl Journal {
    /// Writes in a lane; no more than so many bytes wait for it.
    ///
    /// Errors: no thread can be started.
    pub fn start(writer: Writer, lane: Lane, pending_max: usize) -> io::Result<Self> {
        let size = Arc::new(AtomicU64::new(writer.size()));
        let keeper = Snapshots { writer, size: size.clone() };
        Ok(Self { flusher: Flusher::start(keeper, lane, pending_max)?, size })
    }

    /// Keeps `frames`, whole or not at all.
    ///
    /// Errors: too much waits already; `done` is dropped then.
    pub fn append(&self, frames: Vec<Frame>, done: Done) -> Result<(), Rejected> {
        self.push(Job::Append(frames), done)
    }

    /// Replaces everything asked for so far by `snapshot`, which stands for it.
    ///
    /// Errors: too much waits already; `done` is dropped then.
    pub fn compact(&self, snapshot: Vec<u8>, done: Done) -> Result<(), Rejected> {
        self.push(Job::Compact(snapshot), done)
    }

    /// How much was written since the last snapshot: a reason to make one. Unit: bytes.
    pub fn size(&self) -> u64 {
        self.size.load(Ordering::Relaxed)
    }

    /// How the flushes went so far.
    pub fn flushes(&self) -> Flushes {
        self.flusher.flushes()
    }

    fn push(&self, job: Job, done: Done) -> Result<(), Rejected> {
        self.flusher.push(job, done)?;
        self.flusher.go();
        Ok(())
    }
}

impl Keeper for Snapshots {
    type Job = Job;

    fn size(job: &Job) -> usize {
        match job {
            Job::Append(frames) => frames.iter().map(Frame::size).sum(),
            Job::Compact(snapshot) => snapshot.len(),
        }
    }

    fn joins(before: &Job, job: &Job) -> bool {
        matches!((before, job), (Job::Append(_), Job::Append(_)))
    }

    fn keep(&mut self, group: Vec<Job>) -> Result<(), JournalError> {
        let mut result = Ok(());
        for job in group {
            match job {
                Job::Append(frames) => self.writer.put(&frames),
                Job::Compact(snapshot) => result = self.writer.compact(&snapshot),
            }
        }
        let result = result.and_then(|()| self.writer.flush());
        self.size.store(self.writer.size(), Ordering::Relaxed);
        result
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use libprocess::sim::{Disk as Fate, Sim};

    use super::*;
    use crate::testing::{Disk, frame, texts};
    use crate::{Config, Writer};

    #[test]
    fn completions_come_in_order_and_groups_share_flushes() {
        let disk = Disk::default();
        let (writer, _) = disk.open_journal().unwrap();
        let journal = Journal::start(writer, Lane::thread(), 1 << 20).unwrap();
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
        let journal = Journal::start(writer, Lane::inline(), 1 << 20).unwrap();
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
        assert!(journal.flushes().failed);
    }

    #[test]
    fn what_waits_has_a_bound() {
        let mut sim = Sim::new(1);
        let node = sim.node("10.0.0.1:1");
        let (writer, _) = Writer::open(node.storage().clone(), Config::new("/j", 1)).unwrap();
        // No time passes, so nothing is taken away.
        let journal = Journal::start(writer, Lane::of(node.environment()), 100).unwrap();
        let append = |bytes: usize| journal.append(vec![frame(&"x".repeat(bytes))], Box::new(|_| {}));
        assert_eq!(append(200), Ok(()));
        assert_eq!(append(1), Err(Rejected));
        sim.settle();
        assert_eq!(append(1), Ok(()));
    }

    /// What one seed's journal tells, and the hash of all that happened.
    fn simulated(seed: u64) -> (Vec<u32>, u64) {
        let mut sim = Sim::new(seed);
        let node = sim.node("10.0.0.1:1");
        let (writer, _) = Writer::open(node.storage().clone(), Config::new("/j", 1)).unwrap();
        let journal = Journal::start(writer, Lane::of(node.environment()), 1 << 20).unwrap();
        let (tell, told) = mpsc::channel();
        for number in 0..20 {
            let tell = tell.clone();
            let done = move |result: Result<(), JournalError>| {
                if result.is_ok() {
                    tell.send(number).unwrap();
                }
            };
            journal.append(vec![frame(&number.to_string())], Box::new(done)).unwrap();
            if number % 3 == 0 {
                sim.step();
            }
        }
        let told: Vec<u32> = told.try_iter().collect();
        let node = sim.restart(&node, Fate::Torn);
        let (_, found) = Writer::open(node.storage().clone(), Config::new("/j", 2)).unwrap();
        let found = texts(&found.frames);
        assert!(found.len() >= told.len());
        assert!(found.iter().enumerate().all(|(at, text)| *text == at.to_string()), "{found:?}");
        (told, sim.trace_hash())
    }

    #[test]
    fn a_simulated_node_has_a_journal_that_one_seed_repeats() {
        let (told, hash) = simulated(7);
        assert!(!told.is_empty() && told.len() < 20);
        assert_eq!(simulated(7), (told, hash));
        (0..20).for_each(|seed| drop(simulated(seed)));
    }
}
