//! What a panic means for others: nothing, the end of the node, or a new life.
//!
//! | said at spawn | a panic ends | for whom |
//! |---|---|---|
//! | [`OnPanic::Stop`], the default | this process | what others can do without |
//! | [`OnPanic::Escalate`] | the node: [`Runtime::failed`](crate::Runtime::failed) says so, its program exits | what nothing works without, and comes back from its log |
//! | a member of a [`Group`] | this life of it; the next is made from the factory | what can begin again from nothing |
//!
//! A panic is caught once per turn. Whatever the process is made of, its mailbox included, is dropped:
//! a state that was left half changed is never looked at again. Linkers hear `Exited` with
//! [`Reason::Panicked`](crate::Reason::Panicked), once, whether or not there will be another life.
//!
//! A new life bears the old name and a new epoch. Addresses with the old epoch, [`Pid`](crate::Pid)s
//! and links among them, stay with the old life; [`Upid::bare`](crate::Upid::bare) and
//! [`Runtime::lookup`](crate::Runtime::lookup) find the new one. Between two lives nobody bears the name.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::mailbox::AnyCell;
use crate::toolbox::Backoff;
use crate::{Process, Reason, Runtime, Spawn, SpawnError, Upid};

/// What a panic of a process does beyond ending it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnPanic {
    /// Nothing.
    #[default]
    Stop,
    /// Ends the node, since nothing there works without this process.
    Escalate,
}

/// Why a node ended by itself: a process it cannot do without has panicked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("process {upid} failed: {reason}")]
pub struct Failure {
    pub upid: Upid,
    pub kind: &'static str,
    pub reason: Reason,
}

/// How often a group may begin again, and how soon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restart {
    /// So many panics within `within` are answered by a new life; one more ends the group.
    pub max: u32,
    pub within: Duration,
    /// The wait before a new life, by how many panics there were within `within`.
    pub backoff: Backoff,
}

impl Default for Restart {
    /// Five within a minute, waiting from 100 ms to 15 s.
    fn default() -> Restart {
        Restart { max: 5, within: Duration::from_secs(60), backoff: Backoff::default() }
    }
}

/// Whom a panic takes along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// Only who panicked begins again.
    OneForOne,
    /// Those behind it in the group are ended, the last first, and begin again with it: they were
    /// made when it was there, and may hold what it told them.
    RestForOne,
}

/// Processes that are made anew when they panic; [`Runtime::supervise`] brings them to life.
///
/// ```
/// # use libprocess::{Actor, Config, Context, Handler, Message, Process, Runtime, Spawn};
/// use libprocess::{Group, Restart};
/// # struct Store; struct Cache;
/// # struct Input;
/// # impl Message for Input { type Result = (); }
/// # impl Actor for Store { type Context = Context<Self>; }
/// # impl Process for Store { const KIND: &'static str = "store"; type Input = Input; }
/// # impl Handler<Input> for Store { type Result = (); fn handle(&mut self, _: Input, _: &mut Context<Self>) {} }
/// # impl Actor for Cache { type Context = Context<Self>; }
/// # impl Process for Cache { const KIND: &'static str = "cache"; type Input = Input; }
/// # impl Handler<Input> for Cache { type Result = (); fn handle(&mut self, _: Input, _: &mut Context<Self>) {} }
///
/// # let node = Runtime::start(Config { listen: None, http_workers: 0, ..Config::default() })?;
/// let group = Group::rest_for_one(Restart::default())
///     .member(Spawn::named("store"), || Store)
///     .member(Spawn::named("cache"), || Cache);   // begins again whenever the store does
/// let supervisor = node.supervise(Spawn::named("storage"), group)?;
/// # node.shutdown();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Group {
    pub(crate) strategy: Strategy,
    pub(crate) restart: Restart,
    pub(crate) members: Vec<Member>,
}

/// One process of a group: how a life of it is begun.
pub(crate) type Member = Box<dyn Fn(&Runtime) -> Result<Arc<dyn AnyCell>, SpawnError> + Send>;

impl Group {
    /// A group in which nobody depends on another.
    pub fn one_for_one(restart: Restart) -> Group {
        Group { strategy: Strategy::OneForOne, restart, members: Vec::new() }
    }

    /// A group in which each may depend on those before it.
    pub fn rest_for_one(restart: Restart) -> Group {
        Group { strategy: Strategy::RestForOne, restart, members: Vec::new() }
    }

    /// Adds a process. `make` runs once for each life, on its shard, and is given nothing of the last.
    pub fn member<A, F>(mut self, spawn: Spawn, make: F) -> Group
    where
        A: Process,
        F: Fn() -> A + Clone + Send + 'static,
    {
        self.members.push(Box::new(move |runtime| {
            let pid = runtime.spawn(spawn.clone(), make.clone())?;
            Ok(pid.cell as Arc<dyn AnyCell>)
        }));
        self
    }
}

/// What is to be done about the panic of a member. One that ends otherwise stays away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Members with these numbers are ended, in this order; after `delay` they and the one that
    /// panicked begin again, the first in the group first.
    Again { end: Vec<usize>, delay: Duration },
    /// There were too many panics: the group ends.
    GiveUp,
}

/// The panics of a group that still count.
#[derive(Debug, Default)]
pub(crate) struct History {
    /// Unit: time since the runtime started.
    panics: VecDeque<Duration>,
}

impl History {
    /// Decides about the panic of `member`, one of `members`.
    pub(crate) fn failed(
        &mut self,
        strategy: Strategy,
        restart: &Restart,
        (member, members): (usize, usize),
        now: Duration,
        chance: f64,
    ) -> Verdict {
        while self.panics.front().is_some_and(|&then| now.saturating_sub(then) > restart.within) {
            self.panics.pop_front();
        }
        if self.panics.len() >= restart.max as usize {
            return Verdict::GiveUp;
        }
        self.panics.push_back(now);
        let end = match strategy {
            Strategy::OneForOne => Vec::new(),
            Strategy::RestForOne => (member + 1..members).rev().collect(),
        };
        let recent = u32::try_from(self.panics.len()).unwrap_or(u32::MAX);
        Verdict::Again { end, delay: restart.backoff.delay(recent, chance) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESTART: Restart = Restart {
        max: 2,
        within: Duration::from_secs(10),
        backoff: Backoff::new(Duration::from_secs(1), Duration::from_secs(60)),
    };

    fn failed(history: &mut History, strategy: Strategy, second: u64) -> Verdict {
        history.failed(strategy, &RESTART, (1, 4), Duration::from_secs(second), 1.0)
    }

    #[test]
    fn one_begins_again_alone_or_with_the_rest() {
        let delay = Duration::from_secs(1);
        let alone = failed(&mut History::default(), Strategy::OneForOne, 0);
        assert_eq!(alone, Verdict::Again { end: vec![], delay });
        let rest = failed(&mut History::default(), Strategy::RestForOne, 0);
        assert_eq!(rest, Verdict::Again { end: vec![3, 2], delay });
    }

    #[test]
    fn a_group_gives_up_when_panics_come_too_close() {
        let mut history = History::default();
        let verdicts = [0, 9, 11, 12].map(|second| failed(&mut history, Strategy::OneForOne, second));
        let again = |seconds| Verdict::Again { end: vec![], delay: Duration::from_secs(seconds) };
        assert_eq!(verdicts, [again(1), again(2), again(2), Verdict::GiveUp]);
    }
}
