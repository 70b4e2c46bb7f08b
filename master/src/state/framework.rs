//! A framework, as a master knows it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Counts;
use imbl::{OrdMap, OrdSet, Vector};
use libprocess::Upid;
use model::{
    AgentId, ExecutorId, ExecutorInfo, FrameworkId, FrameworkInfo, OfferConstraints, OfferId, Resources,
    Role, StreamId, Task, TaskId, Time,
};

/// Whether anyone is at the other end of a framework's stream.
///
/// | from           | on          | to             |
/// |----------------|-------------|----------------|
/// | `Recovered`    | SUBSCRIBE   | `Connected`    |
/// | `Connected`    | SUBSCRIBE   | `Connected`, with the new stream; the old one is told and closed |
/// | `Connected`    | stream lost | `Disconnected` |
/// | `Disconnected` | SUBSCRIBE   | `Connected`    |
/// | any            | TEARDOWN, or the deadline | – (completed) |
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Connection {
    /// Known from its agents after a failover; has not subscribed to this master. Nothing ends it but TEARDOWN.
    Recovered,
    /// Reads its events from `stream`.
    Connected {
        /// What its calls must name.
        stream: StreamId,
    },
    /// Gone; ended when `deadline` passes.
    Disconnected {
        /// The moment of loss plus the framework's failover timeout.
        deadline: Time,
    },
}

/// A framework and what hangs from it. Cloning shares everything of size.
#[derive(Clone, Debug)]
pub struct Framework {
    /// Its id.
    pub id: FrameworkId,
    /// What it says of itself.
    pub info: Arc<FrameworkInfo>,
    /// Who is at the other end.
    pub connection: Connection,
    /// The old driver that speaks for it, or did last; nobody if it reads a stream.
    pub driver: Option<Upid>,
    /// Roles it wants no offers for.
    pub suppressed: Arc<BTreeSet<Role>>,
    /// Which agents it can use.
    pub constraints: Option<Arc<OfferConstraints>>,
    /// First SUBSCRIBE to this master, or the moment an agent brought it.
    pub registered: Time,
    /// The latest SUBSCRIBE but the first.
    pub reregistered: Option<Time>,
    /// When it ended.
    pub unregistered: Option<Time>,
    /// Tasks that run, and ended ones whose last update nobody acknowledged.
    pub tasks: OrdMap<TaskId, Arc<Task>>,
    /// Tasks on agents that stopped answering, oldest dropped first when too many.
    pub unreachable_tasks: OrdMap<TaskId, Arc<Task>>,
    /// The same by when they were left, oldest first.
    pub(crate) left: Vector<TaskId>,
    /// Tasks that ended and were acknowledged, oldest first; bounded.
    pub completed_tasks: Vector<Arc<Task>>,
    /// Offers it has not answered.
    pub offers: OrdSet<OfferId>,
    /// Agents where it has tasks or executors.
    pub agents: OrdSet<AgentId>,
    /// The amounts it holds on all of them together: the sum of what each agent has for it in `used`. Numbers and names, as of
    /// ports, are not in it: each agent has its own, so a sum cannot tell whose are given back. [`Snapshot::used_by`] has all.
    ///
    /// [`Snapshot::used_by`]: super::Snapshot::used_by
    pub used: Resources,
    /// How many of its tasks, executors and operations hold numbers or names.
    pub(crate) holds_numbers: usize,
    /// Its executors, those that agents make for command tasks not included.
    pub executors: OrdMap<(AgentId, ExecutorId), Arc<ExecutorInfo>>,
    /// What passed between it and this master.
    pub counts: Counts,
}

impl Framework {
    /// A framework without tasks.
    pub(crate) fn new(id: FrameworkId, info: Arc<FrameworkInfo>, connection: Connection, now: Time) -> Self {
        Framework {
            id,
            info,
            connection,
            driver: None,
            suppressed: Arc::default(),
            constraints: None,
            registered: now,
            reregistered: None,
            unregistered: None,
            tasks: OrdMap::new(),
            unreachable_tasks: OrdMap::new(),
            left: Vector::new(),
            completed_tasks: Vector::new(),
            offers: OrdSet::new(),
            agents: OrdSet::new(),
            used: Resources::default(),
            holds_numbers: 0,
            executors: OrdMap::new(),
            counts: Counts::default(),
        }
    }

    /// It holds more, on one of its agents.
    pub(super) fn take_up(&mut self, resources: &Resources) {
        let amounts = resources.scalars();
        self.holds_numbers += usize::from(amounts.len() < resources.len());
        self.used += amounts;
    }

    /// It holds less: all that one of its tasks, executors or operations held.
    pub(super) fn let_go(&mut self, resources: &Resources) {
        let amounts = resources.scalars();
        self.holds_numbers = self.holds_numbers.saturating_sub(usize::from(amounts.len() < resources.len()));
        self.used -= amounts;
    }

    /// Puts a task among the unreachable ones. When there are more than `max`, the oldest drops out.
    pub(crate) fn leave(&mut self, task: Arc<Task>, max: usize) {
        self.left.push_back(task.id.clone());
        self.unreachable_tasks.insert(task.id.clone(), task);
        while self.left.len() > max {
            self.left.pop_front().map(|oldest| self.unreachable_tasks.remove(&oldest));
        }
    }

    /// Takes a task out of the unreachable ones.
    pub(crate) fn find_again(&mut self, task: &TaskId) -> Option<Arc<Task>> {
        let found = self.unreachable_tasks.remove(task)?;
        self.left.retain(|left| left != task);
        Some(found)
    }

    /// The stream it reads, while it does.
    pub fn stream(&self) -> Option<StreamId> {
        match &self.connection {
            Connection::Connected { stream } => Some(stream.clone()),
            Connection::Recovered | Connection::Disconnected { .. } => None,
        }
    }

    /// Whether this old driver speaks for it.
    pub(crate) fn is_driven_by(&self, driver: &Upid) -> bool {
        self.driver.as_ref() == Some(driver)
    }

    /// Whether it reads its events and may be offered resources.
    pub fn connected(&self) -> bool {
        matches!(self.connection, Connection::Connected { .. })
    }

    /// Whether it knows the task states of partitions.
    pub fn partition_aware(&self) -> bool {
        self.info.capabilities.partition_aware()
    }
}
