//! A registered agent, as a master knows it.

use std::sync::Arc;

use imbl::{OrdMap, OrdSet};
use libprocess::Upid;
use model::{
    AgentCapabilities, AgentId, AgentInfo, ExecutorId, ExecutorInfo, FrameworkId, KillPolicy, OfferId,
    Operation, Resources, TaskId, Time, UpdateId,
};

/// Whether an agent's link stands.
///
/// | from           | on                 | to             |
/// |----------------|--------------------|----------------|
/// | `Connected`    | link broken        | `Disconnected` |
/// | `Disconnected` | reregistration     | `Connected`    |
/// | any            | pings unanswered, or the deadline | – (unreachable) |
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// It answers; its resources may be offered.
    Connected,
    /// Its link broke. Nothing of it is offered.
    Disconnected {
        /// When it counts as unreachable if it has not come back.
        deadline: Time,
    },
}

/// A registered agent and what is on it. Cloning shares all but the amounts.
///
/// Every resource is free, offered or used: `total = free + offered + used`, see `State::check`. What is shared stays
/// free, however many hold it.
#[derive(Clone, Debug)]
pub struct Agent {
    /// Its id.
    pub id: AgentId,
    /// What it says of itself.
    pub info: Arc<AgentInfo>,
    /// Its address.
    pub upid: Upid,
    /// The version of its software.
    pub version: String,
    /// What it can do.
    pub capabilities: AgentCapabilities,
    /// Drawn when it was added; tells what is about this stay from what is about an earlier one.
    pub incarnation: u64,
    /// Whether its link stands.
    pub link: Link,
    /// When it was added.
    pub registered: Time,
    /// When it last came back.
    pub reregistered: Option<Time>,
    /// Everything it has.
    pub total: Resources,
    /// What the allocator may still give away, or has given away in a message that is under way.
    pub free: Resources,
    /// Whether more is held than it has: it came back with less than what runs on it. Nothing is free of what lacks.
    pub overcommitted: bool,
    /// What is in [`offers`](Self::offers); allocated to their roles.
    pub offered: Resources,
    /// What tasks and executors hold, per framework.
    pub used: OrdMap<FrameworkId, Used>,
    /// The same of all frameworks together.
    pub used_total: Resources,
    /// Offers of its resources that nobody has answered.
    pub offers: OrdSet<OfferId>,
    /// Operations it has not decided on, and those whose outcome nobody has acknowledged.
    pub operations: OrdMap<UpdateId, Arc<Operation>>,
    /// Kills that wait for its return.
    pub kills: OrdMap<(FrameworkId, TaskId), Option<KillPolicy>>,
}

/// What one framework has on one agent. Never empty.
#[derive(Clone, Debug, Default)]
pub struct Used {
    /// Of its tasks that have not ended, of its executors, and of operations the agent has yet to decide on; allocated
    /// to their roles.
    pub resources: Resources,
    /// All its tasks here, ended ones included until they are acknowledged.
    pub tasks: OrdSet<TaskId>,
    /// Its operations here.
    pub operations: OrdSet<UpdateId>,
    /// Its executors here, those that agents make for command tasks not included.
    pub executors: OrdMap<ExecutorId, Arc<ExecutorInfo>>,
}

impl Agent {
    /// An agent on which everything is free.
    pub(crate) fn new(
        id: AgentId,
        info: Arc<AgentInfo>,
        upid: Upid,
        version: String,
        capabilities: AgentCapabilities,
        total: Resources,
        now: Time,
    ) -> Self {
        Agent {
            id,
            info,
            upid,
            version,
            capabilities,
            incarnation: 0,
            link: Link::Connected,
            registered: now,
            reregistered: None,
            free: total.clone(),
            overcommitted: false,
            total,
            offered: Resources::default(),
            used: OrdMap::new(),
            used_total: Resources::default(),
            offers: OrdSet::new(),
            operations: OrdMap::new(),
            kills: OrdMap::new(),
        }
    }

    /// Whether its link stands.
    pub fn connected(&self) -> bool {
        self.link == Link::Connected
    }

    /// Takes from what is free, for a framework that uses it.
    pub(super) fn take_up(&mut self, framework: &FrameworkId, resources: &Resources) {
        self.used.entry(framework.clone()).or_default().resources += resources;
        self.used_total += resources;
        self.hold(resources);
        self.level();
    }

    /// Gives back to what is free what a framework used.
    pub(super) fn let_go(&mut self, framework: &FrameworkId, resources: &Resources) {
        if let Some(used) = self.used.get_mut(framework) {
            used.resources -= resources;
        }
        // Where more is held than there is, two may hold the same number.
        match self.overcommitted {
            true => self.used_total = self.used.values().map(|used| used.resources.clone()).sum(),
            false => self.used_total -= resources,
        }
        self.release(resources);
        self.level();
    }

    /// Takes from what is free. The caller notes in the same breath who holds it, then has it levelled.
    pub(super) fn hold(&mut self, resources: &Resources) {
        let plain = exclusive(resources);
        self.overcommitted |= !self.free.contains(&plain);
        self.free -= &plain;
    }

    /// Gives back to what is free; the rest as for [`hold`](Self::hold).
    pub(super) fn release(&mut self, resources: &Resources) {
        self.free += &exclusive(resources);
    }

    /// While more is held than there is, what is free cannot be kept by adding and taking: counts it anew.
    pub(super) fn level(&mut self) {
        if self.overcommitted {
            let held = self.held();
            self.overcommitted = !self.total.contains(&held);
            self.free = self.total.clone() - &held;
        }
    }

    /// What is neither free nor to be had by several at once.
    pub(super) fn held(&self) -> Resources {
        exclusive(&(self.used_total.clone() + &self.offered))
    }
}

impl Used {
    /// Whether nothing is left to remember.
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty() && self.executors.is_empty() && self.operations.is_empty()
    }
}

/// What an agent has less of while somebody holds it: not what is shared.
fn exclusive(resources: &Resources) -> Resources {
    match resources.iter().any(|resource| resource.shared) {
        true => resources.non_shared().unallocate(),
        false => resources.unallocate(),
    }
}
