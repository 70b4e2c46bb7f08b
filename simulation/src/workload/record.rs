//! What becomes of each task, as its framework sees it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model::{TaskId, TaskState};
use parking_lot::Mutex;

/// How many wrongs are remembered; one is enough to fail.
const WRONGS_MAX: usize = 100;

/// The tasks of one framework; shared between its scheduler and whoever judges.
pub(crate) type Shared = Arc<Mutex<Record>>;

/// What a framework has seen of its tasks.
#[derive(Debug, Default)]
pub(crate) struct Record {
    /// Those that were launched and have not ended.
    pub(crate) live: BTreeMap<TaskId, Life>,
    /// Those that ended, and how.
    pub(crate) ended: BTreeMap<TaskId, TaskState>,
    /// From a job's arrival until a task of it was launched. Unit: seconds.
    pub(crate) waits: Vec<f32>,
    /// From a launch until the task ran. Unit: seconds.
    pub(crate) launches: Vec<f32>,
    pub(crate) counts: Counts,
    /// What must not be.
    pub(crate) wrongs: Vec<String>,
}

/// How many tasks of a framework are where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Submitted, and not launched yet.
    pub pending: usize,
    /// Launched, and not ended.
    pub live: usize,
    pub running: usize,
    pub finished: u64,
    pub failed: u64,
    pub killed: u64,
    /// Ended by what was not the task's doing: agents, machines, masters.
    pub lost: u64,
}

impl Counts {
    /// Those of two frameworks.
    pub(crate) fn plus(self, other: Counts) -> Counts {
        Counts {
            pending: self.pending + other.pending,
            live: self.live + other.live,
            running: self.running + other.running,
            finished: self.finished + other.finished,
            failed: self.failed + other.failed,
            killed: self.killed + other.killed,
            lost: self.lost + other.lost,
        }
    }
}

/// A task that has not ended.
#[derive(Clone, Debug)]
pub(crate) struct Life {
    pub(crate) launched: Duration,
    pub(crate) state: TaskState,
}

impl Record {
    pub(crate) fn launched(&mut self, id: TaskId, now: Duration, submitted: Duration) {
        self.waits.push(now.saturating_sub(submitted).as_secs_f32());
        self.counts.live += 1;
        if self.live.insert(id.clone(), Life { launched: now, state: TaskState::Staging }).is_some() {
            self.wrong(format!("task {id} was launched twice"));
        }
    }

    /// Takes news of a task; says whether it has ended with that.
    pub(crate) fn update(&mut self, id: &TaskId, state: TaskState, now: Duration) -> bool {
        if let Some(end) = self.ended.get(id).copied() {
            // The same end may be told again, and one that nobody knows any more is said to be so.
            if state != end && !is_vague(state) && !is_vague(end) {
                self.wrong(format!("task {id} was {} after it was {}", state.name(), end.name()));
            }
            return false;
        }
        let Some(life) = self.live.get_mut(id) else {
            self.wrong(format!("task {id} is {}, and nobody launched it", state.name()));
            return false;
        };
        let before = std::mem::replace(&mut life.state, state);
        if before != TaskState::Running && state == TaskState::Running {
            self.counts.running += 1;
            if before != TaskState::Unreachable {
                self.launches.push(now.saturating_sub(life.launched).as_secs_f32());
            }
        }
        if before == TaskState::Running && state != TaskState::Running {
            self.counts.running -= 1;
        }
        if !state.is_terminal() && state != TaskState::Unknown {
            return false;
        }
        self.live.remove(id);
        self.ended.insert(id.clone(), state);
        self.counts.live -= 1;
        *match state {
            TaskState::Finished => &mut self.counts.finished,
            TaskState::Failed | TaskState::Error => &mut self.counts.failed,
            TaskState::Killed => &mut self.counts.killed,
            _ => &mut self.counts.lost,
        } += 1;
        true
    }

    pub(crate) fn wrong(&mut self, what: String) {
        if self.wrongs.len() < WRONGS_MAX {
            self.wrongs.push(what);
        }
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }
}

/// Ends that are told of tasks nobody knows: they may meet an end that was true.
pub(super) fn is_vague(state: TaskState) -> bool {
    use TaskState::{Dropped, Gone, GoneByOperator, Lost, Unknown, Unreachable};
    matches!(state, Dropped | Gone | GoneByOperator | Lost | Unknown | Unreachable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn a_task_ends_once() {
        let (mut record, id) = (Record::default(), TaskId::new("t"));
        record.launched(id.clone(), secs(3), secs(1));
        assert!(!record.update(&id, TaskState::Running, secs(4)));
        assert!(record.update(&id, TaskState::Finished, secs(9)));
        assert!(!record.update(&id, TaskState::Finished, secs(10)), "told again");
        assert_eq!((record.waits.as_slice(), record.launches.as_slice()), (&[2.0][..], &[1.0][..]));
        assert_eq!((record.counts.live, record.counts.running, record.counts.finished), (0, 0, 1));
        assert!(record.wrongs.is_empty());
        record.update(&id, TaskState::Running, secs(11));
        record.update(&TaskId::new("stranger"), TaskState::Running, secs(11));
        assert_eq!(record.wrongs.len(), 2, "{:?}", record.wrongs);
    }
}
