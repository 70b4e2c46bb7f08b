//! The whole of it: what readers may see, and what only rules need.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use libprocess::Upid;
use model::event::Event;
use model::{AgentId, FrameworkId, OfferId, StreamId, TaskId, TaskState, TaskStatus, Time};

use super::{Admissions, Agent, Framework, Happening, Health, Overdue, Snapshot};
use crate::config::{Identity, Settings};
use crate::messages::Asker;
use crate::preemption::Preemptions;
use crate::registrar::Delta;

/// What a master knows.
#[derive(Debug)]
pub(crate) struct State {
    /// What readers see after the turn.
    pub(crate) world: Snapshot,
    /// How it was told to behave.
    pub(crate) settings: Arc<Settings>,
    /// Who reads a stream.
    pub(super) streams: BTreeMap<StreamId, FrameworkId>,
    /// Who answers at an address, whichever of its lives it is in.
    pub(super) addresses: BTreeMap<Upid, AgentId>,
    /// Who waits for the registrar.
    pub(crate) admissions: Admissions,
    /// Agents that are to be marked unreachable and wait for their turn.
    pub(crate) overdue: Overdue,
    /// How many agents the registry knew when this master began to lead.
    pub(crate) recovering: usize,
    /// Who answers pings.
    pub(crate) health: BTreeMap<AgentId, Health>,
    /// Tasks that were on an agent when it became unreachable, so that its return need not look for them.
    pub(crate) left_behind: BTreeMap<AgentId, BTreeSet<(FrameworkId, TaskId)>>,
    /// Agents that asked to be taken in before it was known who leads.
    pub(crate) askers: BTreeSet<Upid>,
    /// Who asked for decrees that are not written yet, in the order of asking.
    pub(crate) decrees: VecDeque<Asker>,
    /// Agents that are empty, which is not written yet.
    pub(crate) emptied: BTreeSet<AgentId>,
    /// Who watches, who has done so for longest first.
    pub(super) watchers: VecDeque<StreamId>,
    /// What happened in this turn, if anybody watches.
    pub(super) happened: Vec<Happening>,
    /// What heavier roles lack, and who makes room.
    pub(crate) preemptions: Preemptions,
    /// Numbers for ids and incarnations.
    pub(super) next: Next,
    /// Whether this turn changed what readers see.
    touched: bool,
}

/// Numbers given so far.
#[derive(Debug, Default)]
pub(super) struct Next {
    framework: u64,
    agent: u64,
    offer: u64,
    pub(super) incarnation: u64,
    pub(super) operation: u64,
}

impl State {
    /// A master that has not read the registry yet.
    pub(crate) fn new(identity: Identity, settings: Settings) -> Self {
        State {
            world: Snapshot::new(identity),
            settings: Arc::new(settings),
            streams: BTreeMap::new(),
            addresses: BTreeMap::new(),
            admissions: Admissions::default(),
            overdue: Overdue::default(),
            recovering: 0,
            health: BTreeMap::new(),
            left_behind: BTreeMap::new(),
            askers: BTreeSet::new(),
            decrees: VecDeque::new(),
            emptied: BTreeSet::new(),
            watchers: VecDeque::new(),
            happened: Vec::new(),
            preemptions: Preemptions::default(),
            next: Next::default(),
            touched: true,
        }
    }

    /// It leads from now on; the registry is not read yet.
    pub(crate) fn begin_reign(&mut self, epoch: u64, now: Time) {
        let identity = Arc::make_mut(&mut self.world.identity);
        identity.epoch = epoch;
        identity.elected = now;
        self.world.leader = Some(identity.leader());
        self.touched = true;
    }

    /// Counts leaderships; goes with every message to an agent.
    pub(crate) fn epoch(&self) -> u64 {
        self.world.identity.epoch
    }

    /// The framework, if it has not ended.
    pub(crate) fn framework(&self, id: &FrameworkId) -> Option<&Framework> {
        self.world.frameworks.get(id).map(Arc::as_ref)
    }

    /// The same, to be changed. Copies what a snapshot still shares.
    pub(crate) fn framework_mut(&mut self, id: &FrameworkId) -> Option<&mut Framework> {
        self.touched = true;
        self.world.frameworks.get_mut(id).map(Arc::make_mut)
    }

    /// The agent, if it is registered.
    pub(crate) fn agent(&self, id: &AgentId) -> Option<&Agent> {
        self.world.agents.get(id).map(Arc::as_ref)
    }

    /// The same, to be changed. Copies what a snapshot still shares.
    pub(crate) fn agent_mut(&mut self, id: &AgentId) -> Option<&mut Agent> {
        self.touched = true;
        self.world.agents.get_mut(id).map(Arc::make_mut)
    }

    /// The registered agent that is exactly this process; not one that took its address later.
    pub(crate) fn agent_at(&self, upid: &Upid) -> Option<&Agent> {
        self.agent_near(upid).filter(|agent| agent.upid == *upid)
    }

    /// The agent registered at this address, be it an earlier life of that process.
    pub(crate) fn agent_near(&self, upid: &Upid) -> Option<&Agent> {
        self.addresses.get(&upid.bare()).and_then(|id| self.agent(id))
    }

    /// Who reads this stream.
    pub(crate) fn reader(&self, stream: &StreamId) -> Option<&FrameworkId> {
        self.streams.get(stream)
    }

    /// Counts an event for whoever reads the stream.
    pub(crate) fn count_event(&mut self, stream: &StreamId, event: &Event) {
        let reader = self.streams.get(stream).cloned();
        if let Some(framework) = reader.and_then(|id| self.framework_mut(&id)) {
            framework.counts.event(event);
        }
    }

    /// Counts a task that ended, for the master and for its framework.
    pub(crate) fn task_ended(&mut self, framework: &FrameworkId, ended: TaskState, status: &TaskStatus) {
        self.world.tally.task_ended(ended, status);
        if let Some(framework) = self.framework_mut(framework) {
            framework.counts.task_ended(ended);
        }
    }

    /// Says that readers should see this turn.
    pub(crate) fn touch(&mut self) {
        self.touched = true;
    }

    /// Whether anything was touched since this was last asked.
    pub(crate) fn take_touched(&mut self) -> bool {
        std::mem::take(&mut self.touched)
    }

    /// Whether there is such an agent, registered or awaited.
    pub(crate) fn knows(&self, id: &AgentId) -> bool {
        let world = &self.world;
        world.agents.contains_key(id)
            || world.recovered.contains_key(id)
            || world.unreachable.contains_key(id)
    }

    /// Makes what operators decreed hold, as it was written.
    pub(crate) fn decree(&mut self, delta: &Delta) {
        self.touched = true;
        self.world.policy = Arc::new(self.world.policy.after(delta));
    }

    /// The next framework's id. Source: `<master id>-NNNN`.
    pub(crate) fn next_framework_id(&mut self) -> FrameworkId {
        let number = self.next.framework;
        self.next.framework += 1;
        FrameworkId::new(format!("{}-{number:04}", self.world.identity.id))
    }

    /// The next agent's id. Source: `<master id>-S<n>`.
    pub(crate) fn next_agent_id(&mut self) -> AgentId {
        let number = self.next.agent;
        self.next.agent += 1;
        AgentId::new(format!("{}-S{number}", self.world.identity.id))
    }

    /// The next offer's id. Source: `<master id>-O<n>`.
    pub(crate) fn next_offer_id(&mut self) -> OfferId {
        let number = self.next.offer;
        self.next.offer += 1;
        OfferId::new(format!("{}-O{number}", self.world.identity.id))
    }
}
