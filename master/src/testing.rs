//! Builders for tests of rules: a master with agents, frameworks and offers in a few words, checked after every step.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use libprocess::Upid;
use model::call::{Accept, Call, Subscribe};
use model::messages::{RegisterAgent, ReregisterAgent, UpdateStatus};
use model::{
    AgentCapability, AgentId, AgentInfo, Attributes, CommandInfo, Disk, Filters, FrameworkCapabilities,
    FrameworkCapability, FrameworkId, FrameworkInfo, OfferConstraints, OfferId, OfferOperation,
    OperationKind, Persistence, Reservation, Resource, Resources, Role, Scalar, StreamId, Task, TaskId,
    TaskInfo, TaskState, TaskStatus, Time, UpdateId, Volume,
};

use crate::alarms::Alarm;
use crate::allocator::Allocation;
use crate::config::{Identity, Settings};
use crate::decide::decide;
use crate::effects::{Effect, Effects};
use crate::messages::{Asker, Caller, Input, Outlet, Woken};
use crate::registrar::{Delta, Registry, Report};
use crate::state::State;

/// The role of frameworks that say nothing else.
pub(crate) const ROLE: &str = "web";

/// A master on a stage: whatever it is told, its state is checked afterwards.
pub(crate) struct Stage {
    pub(crate) state: State,
    pub(crate) now: Time,
    /// What the registrar has been asked, still unanswered.
    pub(crate) asked: Vec<Delta>,
    streams: u32,
    /// What agents wrote down of what they run.
    notes: BTreeMap<u16, Vec<Task>>,
    updates: u8,
}

impl Stage {
    /// A master that has just begun to lead.
    pub(crate) fn new() -> Self {
        Self::with(Settings::default())
    }

    /// The same, told to behave in some way.
    pub(crate) fn with(settings: Settings) -> Self {
        let mut stage = Self::before(settings);
        stage.tell(Input::Registrar(Report::Recovered(Registry::default())));
        stage
    }

    /// A master that has not read the registry yet.
    pub(crate) fn recovering() -> Self {
        Self::before(Settings::default())
    }

    /// A master among several, none of which leads.
    pub(crate) fn standing_by() -> Self {
        let mut stage = Self::before(Settings::default());
        stage.state.world.leader = None;
        stage
    }

    fn before(settings: Settings) -> Self {
        let identity = Identity {
            id: "m".to_owned(),
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 5050)),
            tls: false,
            hostname: "master.example".to_owned(),
            cluster: None,
            domain: None,
            epoch: 1,
            started: Time::START,
            elected: Time::START,
        };
        let mut state = State::new(identity, settings);
        state.begin_reign(1, Time::START);
        Stage { state, now: Time::START, asked: Vec::new(), streams: 0, notes: BTreeMap::new(), updates: 0 }
    }

    /// Something happens.
    pub(crate) fn tell(&mut self, input: Input) -> Effects {
        let effects = decide(&mut self.state, input, self.now);
        self.state.check();
        let mut kept = Effects::none();
        for effect in effects {
            if let Effect::Record(delta) = &effect {
                self.asked.push(delta.clone());
            }
            kept.push(effect);
        }
        kept
    }

    /// The registrar answers everything it was asked.
    pub(crate) fn record(&mut self) -> Effects {
        let mut effects = Effects::none();
        while !self.asked.is_empty() {
            let delta = self.asked.remove(0).into();
            effects.extend(self.tell(Input::Registrar(Report::Recorded { delta, outcome: Ok(true) })));
        }
        effects
    }

    /// Time passes.
    pub(crate) fn wait(&mut self, seconds: u64) {
        self.now = self.now + Duration::from_secs(seconds);
    }

    /// An agent registers; the `number`th machine.
    pub(crate) fn agent(&mut self, number: u16, resources: &str) -> AgentId {
        self.agent_with(number, bag(resources))
    }

    /// The same with what cannot be said in words.
    pub(crate) fn agent_with(&mut self, number: u16, resources: Resources) -> AgentId {
        let from = upid(number);
        let mut body = Box::new(register(number, ""));
        (body.info.resources, body.total) = (resources.clone(), resources);
        self.tell(Input::Register { from: from.clone(), principal: None, body });
        self.record();
        self.state.agent_at(&from).expect("it has registered").id.clone()
    }

    /// A framework subscribes that knows of partitions and whose tasks outlive agents.
    pub(crate) fn framework(&mut self) -> FrameworkId {
        let mut info = FrameworkInfo::new("tests", "nobody");
        info.checkpoint = true;
        info.failover_timeout = Duration::from_secs(60);
        self.framework_as(info)
    }

    /// A framework subscribes, in the one role of the tests.
    pub(crate) fn framework_as(&mut self, mut info: FrameworkInfo) -> FrameworkId {
        use FrameworkCapability::{MultiRole, PartitionAware};
        if info.capabilities == FrameworkCapabilities::default() {
            info.capabilities = FrameworkCapabilities::from_iter([MultiRole, PartitionAware]);
        }
        if info.capabilities.multi_role() {
            info.roles = vec![Role::from(ROLE)];
        } else {
            info.role = Some(Role::from(ROLE));
        }
        self.subscribe(info);
        let stream = self.stream();
        self.state.reader(&stream).expect("it has subscribed").clone()
    }

    /// A SUBSCRIBE on a stream of its own.
    pub(crate) fn subscribe(&mut self, info: FrameworkInfo) -> Effects {
        self.streams += 1;
        let call = Subscribe {
            framework_id: info.id.clone(),
            framework: Ok(info),
            suppressed_roles: Vec::new(),
            constraints: OfferConstraints::default(),
        };
        let (principal, stream, outlet) = (None, self.stream(), Outlet::default());
        self.tell(Input::Subscribe { call: Box::new(call), principal, stream, outlet, driver: None })
    }

    /// The stream opened last.
    pub(crate) fn stream(&self) -> StreamId {
        StreamId::new(format!("s{}", self.streams))
    }

    /// The allocator gives some of an agent to a framework, who is offered it.
    pub(crate) fn offer(&mut self, framework: &FrameworkId, agent: &AgentId, resources: &str) -> OfferId {
        self.allocate(framework, agent, resources);
        self.last_offer(framework)
    }

    /// The allocator gives all that is free on an agent to a framework, who is offered it.
    pub(crate) fn offer_all(&mut self, framework: &FrameworkId, agent: &AgentId) -> OfferId {
        let free = self.state.agent(agent).expect("a registered agent").free.clone();
        self.give(framework, agent, free);
        self.last_offer(framework)
    }

    fn last_offer(&self, framework: &FrameworkId) -> OfferId {
        let offers = &self.state.framework(framework).expect("a known framework").offers;
        offers.get_max().expect("it was offered").clone()
    }

    /// The allocator gives some of an agent to a framework.
    pub(crate) fn allocate(&mut self, framework: &FrameworkId, agent: &AgentId, resources: &str) -> Effects {
        self.give(framework, agent, bag(resources))
    }

    fn give(&mut self, framework: &FrameworkId, agent: &AgentId, resources: Resources) -> Effects {
        let incarnation = self.state.agent(agent).map_or(0, |agent| agent.incarnation);
        // The one role of the tests, unless they name another.
        let named = resources.iter().find_map(|resource| resource.allocation.clone());
        let role = named.unwrap_or_else(|| Role::from(ROLE));
        let resources = resources.allocate(&role);
        let (framework, agent) = (framework.clone(), agent.clone());
        self.tell(Input::Allocated(vec![Allocation { framework, role, agent, incarnation, resources }]))
    }

    /// A framework calls, on the stream it reads.
    pub(crate) fn call(&mut self, call: Call) -> Effects {
        let framework = call.framework_id().and_then(|id| self.state.framework(id));
        let caller =
            Caller { stream: framework.and_then(|framework| framework.stream()), ..Caller::default() };
        self.tell(Input::Call { call: Box::new(call), caller, asker: Asker::default() })
    }

    /// A framework launches tasks on one offer.
    pub(crate) fn launch(
        &mut self,
        framework: &FrameworkId,
        offer: &OfferId,
        tasks: Vec<TaskInfo>,
    ) -> Effects {
        let kind = OperationKind::Launch(tasks.into_iter().map(Ok).collect());
        self.accept(framework, offer, vec![OfferOperation { id: None, kind }])
    }

    /// A framework accepts one offer.
    pub(crate) fn accept(
        &mut self,
        framework: &FrameworkId,
        offer: &OfferId,
        operations: Vec<OfferOperation>,
    ) -> Effects {
        self.call(Call::Accept(Accept {
            framework_id: framework.clone(),
            offer_ids: vec![offer.clone()],
            operations,
            filters: Filters::default(),
        }))
    }

    /// A task of one cpu runs: offered, launched, reported.
    pub(crate) fn running(&mut self, framework: &FrameworkId, agent: &AgentId, id: &str) -> TaskId {
        let offer = self.offer(framework, agent, "cpus:1");
        self.launch(framework, &offer, vec![task(id, agent, "cpus:1")]);
        self.update(framework, agent, id, TaskState::Running);
        TaskId::from(id)
    }

    /// An agent does not answer until it is marked unreachable.
    pub(crate) fn lose(&mut self, agent: &AgentId) {
        let incarnation = self.state.agent(agent).expect("a registered agent").incarnation;
        for _ in 0..6 {
            self.tell(Input::Woke(Woken(Alarm::Ping { agent: agent.clone(), incarnation })));
        }
        self.record();
    }

    /// An agent writes down what it runs, to bring it back later.
    pub(crate) fn remember(&mut self, number: u16, agent: &AgentId) {
        let frameworks = self.state.world.frameworks.values();
        let tasks = frameworks.flat_map(|framework| framework.tasks.values().cloned().collect::<Vec<_>>());
        let tasks = tasks.filter(|task| task.agent_id == *agent).map(|task| Task::clone(&task)).collect();
        self.notes.insert(number, tasks);
    }

    /// An agent loses what it wrote down.
    pub(crate) fn forget(&mut self, number: u16) {
        self.notes.remove(&number);
    }

    /// An agent comes back with what it wrote down.
    pub(crate) fn reregister(&mut self, number: u16, agent: &AgentId) -> Effects {
        self.reregister_with(number, agent, |_| {})
    }

    /// The same, with something else to say.
    pub(crate) fn reregister_with(
        &mut self,
        number: u16,
        agent: &AgentId,
        edit: impl FnOnce(&mut ReregisterAgent),
    ) -> Effects {
        let known = self.state.agent(agent).map(|agent| agent.info.resources.to_string());
        let RegisterAgent { mut info, version, capabilities, .. } =
            register(number, known.as_deref().unwrap_or("cpus:4"));
        info.id = Some(agent.clone());
        let world = &self.state.world;
        let frameworks = world.frameworks.values().chain(&world.completed_frameworks);
        let frameworks = frameworks.map(|framework| FrameworkInfo::clone(&framework.info)).collect();
        let tasks = self.notes.get(&number).cloned().unwrap_or_default();
        let executors = Vec::new();
        let known = self.state.agent(agent);
        let total = known.map_or_else(|| info.resources.clone(), |agent| agent.total.clone());
        let operations = Vec::new();
        let mut body = Box::new(ReregisterAgent {
            info,
            version,
            capabilities,
            frameworks,
            executors,
            tasks,
            total,
            operations,
        });
        edit(&mut body);
        self.tell(Input::Reregister { from: upid(number), principal: None, body })
    }

    /// An agent reports on a task, for the first time.
    pub(crate) fn update(
        &mut self,
        framework: &FrameworkId,
        agent: &AgentId,
        task: &str,
        state: TaskState,
    ) -> Effects {
        self.updates += 1;
        let uuid = UpdateId::from_bytes([self.updates; 16]);
        let mut status = TaskStatus::new(TaskId::from(task), state);
        status.agent_id = Some(agent.clone());
        status.uuid = Some(uuid);
        let from = self.state.agent(agent).map_or_else(|| upid(9), |agent| agent.upid.clone());
        let (framework_id, agent_id) = (framework.clone(), agent.clone());
        let body = Box::new(UpdateStatus { framework_id, agent_id, status, latest_state: state });
        self.tell(Input::Update { from, body })
    }

    /// The id of the update reported last.
    pub(crate) fn last_update(&self) -> UpdateId {
        UpdateId::from_bytes([self.updates; 16])
    }
}

/// The address of the `number`th agent.
pub(crate) fn upid(number: u16) -> Upid {
    Upid::new("slave(1)", SocketAddr::from((Ipv4Addr::LOCALHOST, 6000 + number)))
}

/// What the `number`th agent says of itself.
pub(crate) fn register(number: u16, resources: &str) -> RegisterAgent {
    RegisterAgent {
        info: AgentInfo {
            id: None,
            hostname: format!("agent{number}.example"),
            port: 6000 + number,
            resources: bag(resources),
            attributes: Attributes::default(),
            domain: None,
        },
        version: "1.11.0".to_owned(),
        capabilities: AgentCapability::ALL.into_iter().collect(),
        total: bag(resources),
    }
}

/// Resources in words.
pub(crate) fn bag(text: &str) -> Resources {
    text.parse().expect("the test wrote it well")
}

/// A persistent volume of the one role of the tests, allocated to it.
pub(crate) fn volume(id: &str, size: i64) -> Resources {
    let mut volume = Resource::scalar("disk", Scalar::whole(size));
    volume.allocation = Some(Role::from(ROLE));
    volume.reservations = vec![Reservation::dynamic(ROLE, None)];
    volume.disk = Some(Arc::new(Disk {
        persistence: Some(Persistence { id: id.into(), principal: None }),
        volume: Some(Volume::writable("data")),
        source: None,
    }));
    volume.into()
}

/// A command task.
pub(crate) fn task(id: &str, agent: &AgentId, resources: &str) -> TaskInfo {
    let mut task = TaskInfo::new(id, agent.clone(), bag(resources));
    task.command = Some(CommandInfo::shell("true"));
    task
}

/// Effects of one kind of recipient, in words: what went to streams.
pub(crate) fn events(effects: &Effects) -> Vec<String> {
    effects
        .iter()
        .filter(|effect| matches!(effect, Effect::Event { .. }))
        .map(|effect| effect.to_string())
        .collect()
}

/// What the agents were told.
pub(crate) fn to_agents(effects: &Effects) -> Vec<String> {
    effects
        .iter()
        .filter(|effect| matches!(effect, Effect::ToAgent { .. }))
        .map(|effect| effect.to_string())
        .collect()
}

/// What the allocator was told.
pub(crate) fn to_allocator(effects: &Effects) -> Vec<String> {
    effects
        .iter()
        .filter(|effect| matches!(effect, Effect::Allocator(_)))
        .map(|effect| effect.to_string())
        .collect()
}
