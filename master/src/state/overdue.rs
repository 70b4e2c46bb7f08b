//! Agents that are to be marked unreachable and wait for their turn.

use std::collections::{BTreeSet, VecDeque};

use model::{AgentId, Time};

/// Agents that are to be marked unreachable, in the order in which they were found silent.
#[derive(Debug, Default)]
pub(crate) struct Overdue {
    queue: VecDeque<AgentId>,
    /// Those in the queue that are still to be marked.
    waiting: BTreeSet<AgentId>,
    /// Nobody is marked before this moment.
    pub(crate) not_before: Option<Time>,
}

impl Overdue {
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(crate) fn contains(&self, id: &AgentId) -> bool {
        self.waiting.contains(id)
    }

    pub(crate) fn push(&mut self, id: AgentId) {
        if self.waiting.insert(id.clone()) {
            self.queue.push_back(id);
        }
    }

    /// It waits no more; says whether it did.
    pub(crate) fn cancel(&mut self, id: &AgentId) -> bool {
        let waited = self.waiting.remove(id);
        if waited {
            self.queue.retain(|other| other != id);
        }
        waited
    }

    pub(crate) fn pop(&mut self) -> Option<AgentId> {
        let id = self.queue.pop_front()?;
        self.waiting.remove(&id);
        Some(id)
    }
}
