//! The books: the only places where offers, tasks and executors, and the resources in them, change hands.
//!
//! ```text
//!            add_offer                 add_task, add_executor
//!   free ──────────────► offered         free ──────────────► used
//!        ◄──────────────                      ◄──────────────
//!            take_offer                end_task, remove_executor
//! ```
//! The allocator keeps books of its own: what it gave away counts as used there until a rule says
//! `Recover`. "Free" here therefore includes what is under way from the allocator to the master.

use std::sync::Arc;

use libprocess::Upid;
use model::{AgentId, ExecutorId, ExecutorInfo, FrameworkId, Offer, OfferId, Resources, Task, TaskId};

use super::{Agent, Connection, Framework, Happening, Health, State};

impl State {
    /// Takes a framework in.
    pub(crate) fn add_framework(&mut self, framework: Framework) {
        if let Connection::Connected { stream } = &framework.connection {
            self.streams.insert(stream.clone(), framework.id.clone());
        }
        self.touch();
        let framework = Arc::new(framework);
        self.note(|| Happening::FrameworkAdded(framework.clone()));
        self.world.frameworks.insert(framework.id.clone(), framework);
    }

    /// Lets a framework go that has no tasks, executors or offers any more.
    pub(crate) fn remove_framework(&mut self, id: &FrameworkId) -> Option<Arc<Framework>> {
        self.touch();
        let framework = self.world.frameworks.remove(id)?;
        self.note(|| Happening::FrameworkRemoved(framework.info.clone()));
        if let Connection::Connected { stream } = &framework.connection {
            self.streams.remove(stream);
        }
        Some(framework)
    }

    /// Says who is at the other end of a framework from now on.
    pub(crate) fn connect(&mut self, id: &FrameworkId, connection: Connection) -> Option<Connection> {
        let framework = self.framework_mut(id)?;
        let before = std::mem::replace(&mut framework.connection, connection.clone());
        if let Connection::Connected { stream } = &before {
            self.streams.remove(stream);
        }
        if let Connection::Connected { stream } = connection {
            self.streams.insert(stream, id.clone());
        }
        Some(before)
    }

    /// Takes an agent in, with an incarnation of its own.
    pub(crate) fn add_agent(&mut self, mut agent: Agent) -> u64 {
        self.next.incarnation += 1;
        agent.incarnation = self.next.incarnation;
        self.addresses.insert(agent.upid.bare(), agent.id.clone());
        self.health.insert(agent.id.clone(), Health::default());
        self.touch();
        let agent = Arc::new(agent);
        self.note(|| Happening::AgentAdded(agent.clone()));
        self.world.agents.insert(agent.id.clone(), agent);
        self.next.incarnation
    }

    /// Lets an agent go whose offers, tasks and executors were taken before.
    pub(crate) fn remove_agent(&mut self, id: &AgentId) -> Option<Arc<Agent>> {
        self.touch();
        let agent = self.world.agents.remove(id)?;
        self.note(|| Happening::AgentRemoved(id.clone()));
        let place = agent.upid.bare();
        if self.addresses.get(&place) == Some(id) {
            self.addresses.remove(&place);
        }
        self.health.remove(id);
        Some(agent)
    }

    /// Says where an agent answers from now on.
    pub(crate) fn move_agent(&mut self, id: &AgentId, upid: Upid) {
        let Some(agent) = self.agent_mut(id) else { return };
        let before = std::mem::replace(&mut agent.upid, upid.clone()).bare();
        if self.addresses.get(&before) == Some(id) {
            self.addresses.remove(&before);
        }
        self.addresses.insert(upid.bare(), id.clone());
    }

    /// Makes an offer of what is free.
    ///
    /// `None` when its resources are not free: this book and the allocator's disagree.
    pub(crate) fn add_offer(&mut self, offer: Offer) -> Option<Arc<Offer>> {
        let plain = offer.resources.unallocate();
        match self.agent(&offer.agent_id) {
            Some(agent) if agent.free.contains(&plain) => {}
            _ => return None,
        }
        let offer = Arc::new(offer);
        let agent = self.agent_mut(&offer.agent_id).expect("it was asked above");
        agent.hold(&offer.resources);
        agent.offered += &offer.resources;
        agent.offers.insert(offer.id.clone());
        agent.level();
        let framework = self.framework_mut(&offer.framework_id).expect("offers are made to known frameworks");
        framework.offers.insert(offer.id.clone());
        self.world.offers.insert(offer.id.clone(), offer.clone());
        Some(offer)
    }

    /// Takes an offer back, if it is still out and this framework's. Its resources are free again.
    pub(crate) fn take_offer(&mut self, framework: &FrameworkId, id: &OfferId) -> Option<Arc<Offer>> {
        match self.world.offers.get(id) {
            Some(offer) if offer.framework_id == *framework => {}
            _ => return None,
        }
        self.touch();
        let offer = self.world.offers.remove(id)?;
        if let Some(agent) = self.agent_mut(&offer.agent_id) {
            agent.offered -= &offer.resources;
            agent.offers.remove(id);
            agent.release(&offer.resources);
            agent.level();
        }
        if let Some(framework) = self.framework_mut(framework) {
            framework.offers.remove(id);
        }
        Some(offer)
    }

    /// Takes a task in; what it needs is no longer free, unless it has ended.
    pub(crate) fn add_task(&mut self, task: Task) {
        let holds = !task.state.frees_resources();
        let agent = self.agent_mut(&task.agent_id).expect("tasks run on registered agents");
        agent.used.entry(task.framework_id.clone()).or_default().tasks.insert(task.id.clone());
        if holds {
            agent.take_up(&task.framework_id, &task.resources);
        }
        let framework = self.framework_mut(&task.framework_id).expect("tasks belong to known frameworks");
        framework.agents.insert(task.agent_id.clone());
        if holds {
            framework.take_up(&task.resources);
        }
        let task = Arc::new(task);
        framework.tasks.insert(task.id.clone(), task.clone());
        self.note(|| Happening::TaskAdded(task));
    }

    /// The task, to be changed. Its state and resources are not: those are [`end_task`](Self::end_task)'s.
    pub(crate) fn task_mut(&mut self, framework: &FrameworkId, task: &TaskId) -> Option<&mut Task> {
        self.framework_mut(framework)?.tasks.get_mut(task).map(Arc::make_mut)
    }

    /// Frees what a framework used on an agent. If that was a task's, the caller puts it into an ended state in the same breath.
    pub(crate) fn let_go(&mut self, framework: &FrameworkId, agent: &AgentId, resources: &Resources) {
        let Some(agent) = self.agent_mut(agent) else { return };
        agent.let_go(framework, resources);
        if let Some(framework) = self.framework_mut(framework) {
            framework.let_go(resources);
        }
    }

    /// Takes a task out; if it had not ended, what it held is free.
    pub(crate) fn remove_task(&mut self, framework: &FrameworkId, id: &TaskId) -> Option<Arc<Task>> {
        let task = self.framework_mut(framework)?.tasks.remove(id)?;
        if !task.state.frees_resources() {
            self.let_go(framework, &task.agent_id, &task.resources);
        }
        if let Some(agent) = self.agent_mut(&task.agent_id) {
            if let Some(used) = agent.used.get_mut(framework) {
                used.tasks.remove(id);
            }
            agent.kills.remove(&(framework.clone(), id.clone()));
        }
        self.settle(framework, &task.agent_id);
        Some(task)
    }

    /// Takes an executor in; what it needs is no longer free.
    pub(crate) fn add_executor(&mut self, framework: &FrameworkId, agent: &AgentId, info: Arc<ExecutorInfo>) {
        let on = self.agent_mut(agent).expect("executors run on registered agents");
        on.take_up(framework, &info.resources);
        on.used.entry(framework.clone()).or_default().executors.insert(info.id.clone(), info.clone());
        let Some(framework) = self.framework_mut(framework) else { return };
        framework.agents.insert(agent.clone());
        framework.take_up(&info.resources);
        framework.executors.insert((agent.clone(), info.id.clone()), info);
    }

    /// Takes an executor out; what it held is free.
    pub(crate) fn remove_executor(
        &mut self,
        framework: &FrameworkId,
        agent: &AgentId,
        id: &ExecutorId,
    ) -> Option<Arc<ExecutorInfo>> {
        let info = self.agent_mut(agent)?.used.get_mut(framework)?.executors.remove(id)?;
        self.let_go(framework, agent, &info.resources);
        if let Some(framework) = self.framework_mut(framework) {
            framework.executors.remove(&(agent.clone(), id.clone()));
        }
        self.settle(framework, agent);
        Some(info)
    }

    /// Forgets that a framework has something on an agent once it has nothing there.
    pub(super) fn settle(&mut self, framework: &FrameworkId, agent: &AgentId) {
        let Some(on) = self.agent_mut(agent) else { return };
        if !on.used.get(framework).is_some_and(|used| used.is_empty()) {
            return;
        }
        on.used.remove(framework);
        if let Some(framework) = self.framework_mut(framework) {
            framework.agents.remove(agent);
        }
    }

    /// Replaces everything an agent has. Its offers were taken before.
    pub(crate) fn set_total(&mut self, id: &AgentId, total: Resources) {
        let Some(agent) = self.agent_mut(id) else { return };
        agent.total = total;
        agent.overcommitted = true;
        agent.level();
    }

    /// Who reads which stream; for `check`.
    #[cfg(test)]
    pub(super) fn streams(&self) -> impl Iterator<Item = (&model::StreamId, &FrameworkId)> {
        self.streams.iter()
    }
}
