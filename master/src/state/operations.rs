//! Operations on the books, and what they make of resources.
//!
//! ```text
//!            add_operation                       end_operation
//!   free ────────────────────► held by it, while ──────────────► free, converted by `convert` or not
//!                              its agent decides
//! ```
//! Those whose outcome the master may count on hold nothing: what they make is there at once.

use std::sync::Arc;

use model::{
    AgentId, Conversion, FrameworkId, Operation, OperationState, OperationStatus, Resources, UpdateId,
};

use super::{Agent, State};

impl Agent {
    /// What an operation holds until this agent has decided.
    pub(crate) fn held_by(&self, operation: &Operation) -> Resources {
        let pending = operation.latest_status.state == OperationState::Pending;
        match self.owner(operation) {
            Some(_) if pending && !operation.conversion.is_speculative() => {
                operation.conversion.takes().unwrap_or_default()
            }
            _ => Resources::new(),
        }
    }

    /// The framework that asked for it, if it has not ended since.
    fn owner<'a>(&self, operation: &'a Operation) -> Option<&'a FrameworkId> {
        let of = operation.framework_id.as_ref()?;
        self.used.get(of)?.operations.contains(&operation.uuid).then_some(of)
    }

    /// Whether the framework that asked for it ended while the agent had yet to decide.
    pub(crate) fn outlives(&self, operation: &Operation) -> bool {
        operation.framework_id.is_some() && self.owner(operation).is_none()
    }

    /// Whether the books count on its outcome before the agent has said that it came about.
    pub(crate) fn counts_on(&self, operation: &Operation) -> bool {
        operation.conversion.is_speculative() || operation.framework_id.is_none()
    }
}

impl State {
    /// An operation's name between master and agent: which reign, and the how manieth of it.
    pub(crate) fn next_operation(&mut self) -> UpdateId {
        self.next.operation += 1;
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.epoch().to_be_bytes());
        bytes[8..].copy_from_slice(&self.next.operation.to_be_bytes());
        UpdateId::from_bytes(bytes)
    }

    /// The operation, if the agent is registered and it is not over.
    pub(crate) fn operation(&self, agent: &AgentId, uuid: &UpdateId) -> Option<&Operation> {
        self.agent(agent)?.operations.get(uuid).map(Arc::as_ref)
    }

    /// The operations of a framework, wherever they are.
    pub(crate) fn operations_of<'a>(&'a self, id: &'a FrameworkId) -> impl Iterator<Item = &'a Operation> {
        let agents = self.framework(id).into_iter().flat_map(|framework| &framework.agents);
        agents.filter_map(|agent| self.agent(agent)).flat_map(move |agent| {
            let ids = agent.used.get(id).into_iter().flat_map(|used| &used.operations);
            ids.filter_map(|uuid| agent.operations.get(uuid)).map(Arc::as_ref)
        })
    }

    /// Takes an operation in that was just sent to its agent, or that its agent tells of.
    pub(crate) fn add_operation(&mut self, id: &AgentId, operation: Operation) {
        let Some(agent) = self.agent_mut(id) else { return };
        let (of, uuid) = (operation.framework_id.clone(), operation.uuid);
        let mut held = Resources::new();
        if let Some(of) = &of {
            agent.used.entry(of.clone()).or_default().operations.insert(uuid);
            held = agent.held_by(&operation);
            agent.take_up(of, &held);
        }
        agent.operations.insert(uuid, Arc::new(operation));
        if let Some(framework) = of.and_then(|of| self.framework_mut(&of)) {
            framework.agents.insert(id.clone());
            framework.take_up(&held);
        }
    }

    /// Writes down how an operation ended. What it held is free again, as it was before.
    pub(crate) fn end_operation(&mut self, id: &AgentId, uuid: &UpdateId, status: OperationStatus) {
        let Some(agent) = self.agent_mut(id) else { return };
        let Some(operation) = agent.operations.get(uuid) else { return };
        let (held, of) = (agent.held_by(operation), operation.framework_id.clone());
        let operation = Arc::make_mut(agent.operations.get_mut(uuid).expect("it was just seen"));
        let ends = !operation.latest_status.state.is_terminal() && status.state.is_terminal();
        let ended = ends.then_some((operation.conversion.name(), status.state));
        operation.latest_status = status.clone();
        if operation.statuses.last() != Some(&status) {
            operation.statuses.push(status);
        }
        if let Some((name, state)) = ended {
            self.world.tally.operation_ended(name, state);
        }
        self.free_operation(id, of.as_ref(), &held);
    }

    /// Nobody is left to hear of the operation; what it held is free.
    pub(crate) fn orphan_operation(&mut self, id: &AgentId, uuid: &UpdateId) {
        let Some(agent) = self.agent_mut(id) else { return };
        let Some(operation) = agent.operations.get(uuid) else { return };
        let held = agent.held_by(operation);
        let Some(of) = operation.framework_id.clone() else { return };
        if let Some(used) = agent.used.get_mut(&of) {
            used.operations.remove(uuid);
        }
        self.free_operation(id, Some(&of), &held);
        self.settle(&of, id);
    }

    /// Forgets an operation; what it held is free.
    pub(crate) fn remove_operation(&mut self, id: &AgentId, uuid: &UpdateId) -> Option<Arc<Operation>> {
        let operation = self.agent(id)?.operations.get(uuid)?.clone();
        self.orphan_operation(id, uuid);
        self.agent_mut(id)?.operations.remove(uuid);
        Some(operation)
    }

    fn free_operation(&mut self, id: &AgentId, of: Option<&FrameworkId>, held: &Resources) {
        if let Some(of) = of.filter(|_| !held.is_empty()) {
            self.let_go(of, id, held);
        }
    }

    /// Puts something else in place of what is free on an agent, and in its total.
    pub(crate) fn convert(&mut self, id: &AgentId, goes: &Resources, comes: &Resources) {
        let Some(agent) = self.agent_mut(id) else { return };
        let (goes, comes) = (goes.unallocate(), comes.unallocate());
        agent.total = std::mem::take(&mut agent.total) - &goes + &comes;
        agent.free = std::mem::take(&mut agent.free) - &goes + &comes;
        agent.level();
    }

    /// What the books count with, from what an agent says it has now: with the outcome of operations that have yet to reach
    /// it, if that is counted on, and without that of those it is done with, if they are to be booked when it tells of them.
    pub(crate) fn expected(&self, id: &AgentId, said: Resources, told: &[Operation]) -> Resources {
        let Some(agent) = self.agent(id) else { return said };
        let pending = agent
            .operations
            .values()
            .filter(|operation| operation.latest_status.state == OperationState::Pending);
        pending.fold(said, |total, operation| {
            let told = told.iter().find(|told| told.uuid == operation.uuid).map(|told| &told.latest_status);
            let done = told.filter(|told| told.state == OperationState::Finished);
            let exchanged = match (agent.counts_on(operation), told, done) {
                (true, None, _) => unallocated(&operation.conversion, &operation.latest_status.converted),
                (false, _, Some(done)) => unallocated(&operation.conversion, &done.converted).map(turned),
                _ => None,
            };
            match exchanged {
                Some((goes, comes)) => total.replace(&goes, comes).unwrap_or(total),
                None => total,
            }
        })
    }
}

fn turned<T>((one, other): (T, T)) -> (T, T) {
    (other, one)
}

/// What goes and what comes, as agents count. `converted` is what came, where only a provider can say it.
pub(crate) fn unallocated(conversion: &Conversion, converted: &Resources) -> Option<(Resources, Resources)> {
    let (goes, comes) = conversion.outcome(converted).ok()?;
    Some((goes.unallocate(), comes.unallocate()))
}
