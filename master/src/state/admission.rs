//! Agents that wait for the registrar: what was asked for them, and who wants to know.

use std::collections::{BTreeMap, BTreeSet};

use libprocess::Upid;
use model::AgentId;
use model::messages::{RegisterAgent, ReregisterAgent};

use crate::messages::Asker;

/// What waits for the registrar's answer.
///
/// | waiting as      | recorded | then |
/// |-----------------|----------|------|
/// | `Admitting`     | yes      | the agent is added and told its id |
/// | `Readmitting`   | yes      | the agent is added with its tasks |
/// | `Updating`      | yes      | the agent, registered all the while, is told it is back |
/// | `Disowning`     | yes      | its tasks are unreachable, or lost |
/// | any             | refused  | nothing; whoever asked asks again |
#[derive(Debug)]
pub(crate) enum Admission {
    /// A new agent.
    Admitting { upid: Upid, message: Box<RegisterAgent> },
    /// One that was unreachable, or that only the registry or nobody remembers.
    Readmitting { upid: Upid, message: Box<ReregisterAgent> },
    /// A registered one that came back changed.
    Updating { upid: Upid, message: Box<ReregisterAgent> },
    /// One that is about to be forgotten.
    Disowning(Disowned, Asker),
}

impl Admission {
    /// Where the agent waits, if it does.
    fn upid(&self) -> Option<&Upid> {
        match self {
            Admission::Admitting { upid, .. }
            | Admission::Readmitting { upid, .. }
            | Admission::Updating { upid, .. } => Some(upid),
            Admission::Disowning(..) => None,
        }
    }
}

/// Why an agent leaves the registered ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disowned {
    /// It stopped answering; it may come back.
    Unreachable,
    /// It took its leave.
    Unregistered,
    /// Another agent registered at its address.
    Replaced,
    /// An operator says it will never be back.
    Gone,
    /// Its machine is down for maintenance.
    Down,
}

/// All that waits, one at a time per agent. Whoever asks again meanwhile is not heard, and asks once more
/// by its own timer.
#[derive(Debug, Default)]
pub(crate) struct Admissions {
    waiting: BTreeMap<AgentId, Admission>,
    /// Where they wait, so that one address is not given to two.
    places: BTreeSet<Upid>,
}

impl Admissions {
    /// Whether something waits for this agent.
    pub(crate) fn awaits(&self, id: &AgentId) -> bool {
        self.waiting.contains_key(id)
    }

    /// Whether this agent is about to leave for good.
    pub(crate) fn leaves(&self, id: &AgentId) -> bool {
        let gone = |admission: &Admission| matches!(admission, Admission::Disowning(Disowned::Gone, _));
        self.waiting.get(id).is_some_and(gone)
    }

    /// Whether an agent at this address waits.
    pub(crate) fn awaits_at(&self, upid: &Upid) -> bool {
        self.places.contains(&upid.bare())
    }

    /// Waits.
    pub(crate) fn wait(&mut self, id: AgentId, admission: Admission) {
        if let Some(upid) = admission.upid() {
            self.places.insert(upid.bare());
        }
        self.waiting.insert(id, admission);
    }

    /// The registrar has answered.
    pub(crate) fn take(&mut self, id: &AgentId) -> Option<Admission> {
        let admission = self.waiting.remove(id)?;
        if let Some(upid) = admission.upid() {
            self.places.remove(&upid.bare());
        }
        Some(admission)
    }
}
