//! How it happens, to a master and the built-in allocator.

use std::collections::BTreeMap;
use std::time::Duration;

use libprocess::Upid;
use model::call::{Accept, Acknowledge, Call, Decline, Kill, Reconcile, Revive, Suppress, UpdateFramework};
use model::messages::{
    ExecutorExited, Pong, ReregisterAgent, RunningExecutor, UnregisterAgent, UpdateStatus,
};
use model::{
    AgentId, CommandInfo, ExecutorId, ExecutorInfo, Filters, FrameworkCapabilities, FrameworkCapability,
    FrameworkId, FrameworkInfo, OfferConstraints, OfferId, OfferOperation, Operation, OperationKind, Role,
    StreamId, Task, TaskId, TaskState, TaskStatus, UpdateId,
};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::alarms::Alarm;
use crate::allocator::{Allocation, Allocator, Hierarchical, Input as Told};
use crate::config::Settings;
use crate::effects::{Effect, Effects};
use crate::messages::{Input, Woken};
use crate::registrar::{Delta, Registry, Report};
use crate::testing::{ROLE, Stage, bag, register, task, upid};

use super::preempting::HEAVY;
use super::steps::{HEAVIER, Step};

/// A master, its allocator, and what is on its way between them.
pub(super) struct History {
    pub(super) stage: Stage,
    pub(super) allocator: Hierarchical,
    chance: ChaCha8Rng,
    /// What the allocator gave away and the master has not heard of yet.
    under_way: Vec<Allocation>,
    alarms: Vec<(Duration, Alarm)>,
    frameworks: BTreeMap<usize, FrameworkId>,
    registry: Registry,
    pub(super) updates: u8,
}

impl History {
    pub(super) fn new() -> Self {
        let settings = Settings {
            max_completed_tasks_per_framework: 3,
            max_unreachable_tasks_per_framework: 2,
            max_completed_frameworks: 50,
            offer_timeout: Some(Duration::from_secs(30)),
            ..Settings::default()
        };
        History {
            stage: Stage::with(settings),
            allocator: Hierarchical::new(Default::default()),
            chance: ChaCha8Rng::seed_from_u64(1),
            under_way: Vec::new(),
            alarms: Vec::new(),
            frameworks: BTreeMap::new(),
            registry: Registry::default(),
            updates: 0,
        }
    }

    pub(super) fn tell(&mut self, input: Input) {
        let effects = self.stage.tell(input);
        self.perform(effects);
    }

    fn perform(&mut self, effects: Effects) {
        let now = self.stage.now;
        for effect in effects {
            match effect {
                Effect::Alarm { after, alarm } => {
                    self.alarms.push((now.since(model::Time::START) + after, alarm))
                }
                Effect::Allocator(told) => self.hear(told),
                _ => {}
            }
        }
    }

    fn hear(&mut self, told: Told) {
        let (allocator, now) = (&mut self.allocator, self.stage.now);
        match told {
            Told::AddFramework { framework, used, active } => {
                allocator.add_framework(framework, &used, active)
            }
            Told::UpdateFramework(framework) => allocator.update_framework(framework),
            Told::RemoveFramework(id) => allocator.remove_framework(&id),
            Told::ActivateFramework(id) => allocator.activate_framework(&id),
            Told::DeactivateFramework(id) => allocator.deactivate_framework(&id),
            Told::AddAgent { agent, used } => allocator.add_agent(agent, &used),
            Told::UpdateAgent(agent) => allocator.update_agent(agent),
            Told::RemoveAgent(id) => allocator.remove_agent(&id),
            Told::ActivateAgent(id) => allocator.activate_agent(&id),
            Told::DeactivateAgent(id) => allocator.deactivate_agent(&id),
            Told::Recover { framework, agent, resources, refuse } => {
                allocator.recover(&framework, &agent, &resources, refuse, now);
            }
            Told::UpdateAllocation { framework, agent, before, after } => {
                allocator.update_allocation(&framework, &agent, &before, &after);
            }
            Told::UpdateAvailable { agent, before, after } => {
                allocator.update_available(&agent, &before, &after)
            }
            Told::UpdateWeights(weights) => allocator.update_weights(&weights),
            Told::UpdateQuotas(quotas) => allocator.update_quotas(&quotas),
            Told::Revive { framework, roles } => allocator.revive(&framework, &roles),
            Told::Suppress { framework, roles } => allocator.suppress(&framework, &roles),
            Told::Request { framework, requests } => allocator.request(&framework, &requests, now),
            _ => {}
        }
    }

    pub(super) fn framework(&self, number: usize) -> FrameworkId {
        self.frameworks.get(&number).cloned().unwrap_or_else(|| FrameworkId::from("nobody"))
    }

    fn stream(&self, framework: &FrameworkId) -> Option<StreamId> {
        self.stage.state.framework(framework)?.stream()
    }

    pub(super) fn call(&mut self, call: Call) {
        let effects = self.stage.call(call);
        self.perform(effects);
    }

    pub(super) fn offers(&self, framework: &FrameworkId, bits: u8) -> Vec<OfferId> {
        let Some(framework) = self.stage.state.framework(framework) else {
            return vec![OfferId::from("none")];
        };
        framework
            .offers
            .iter()
            .enumerate()
            .filter(|(at, _)| *at == 0 || bits >> (at % 2) & 1 == 1)
            .map(|(_, id)| id.clone())
            .collect()
    }

    pub(super) fn agent_id(&self, number: u16) -> Option<AgentId> {
        self.stage.state.agent_near(&upid(number)).map(|agent| agent.id.clone())
    }

    pub(super) fn from(&self, number: u16) -> Upid {
        self.stage.state.agent_near(&upid(number)).map_or_else(|| upid(number), |agent| agent.upid.clone())
    }

    fn tasks_on(&self, agent: &AgentId) -> Vec<Task> {
        let tasks = self.stage.state.world.frameworks.values().flat_map(|framework| {
            framework
                .tasks
                .values()
                .chain(framework.unreachable_tasks.values())
                .filter(|task| task.agent_id == *agent)
        });
        tasks.map(|task| Task::clone(task)).collect()
    }

    pub(super) fn step(&mut self, step: Step) {
        match step {
            Step::Register { agent } => {
                let body = Box::new(register(agent, "cpus:8;mem:512;disk:9;ports:[1-9]"));
                self.tell(Input::Register { from: upid(agent), principal: None, body });
            }
            Step::Reregister { agent, keeps, life } => self.reregister(agent, keeps, life),
            Step::Unregister { agent } => {
                let agent_id = self.agent_id(agent).unwrap_or_else(|| AgentId::from("nobody"));
                self.tell(Input::Unregister { from: self.from(agent), body: UnregisterAgent { agent_id } });
            }
            Step::Exited { agent } => self.tell(Input::AgentExited { upid: self.from(agent) }),
            Step::Pong { agent } => {
                let agent_id = self.agent_id(agent).unwrap_or_else(|| AgentId::from("nobody"));
                self.tell(Input::Pong { from: self.from(agent), body: Pong { agent_id } });
            }
            Step::Subscribe { framework, known } => self.subscribe(framework, known),
            Step::StreamClosed { framework } => {
                let stream =
                    self.stream(&self.framework(framework)).unwrap_or_else(|| StreamId::from("none"));
                self.tell(Input::StreamClosed { stream });
            }
            Step::Teardown { framework } => {
                let framework_id = self.framework(framework);
                self.call(Call::Teardown(model::call::Teardown { framework_id }));
            }
            Step::UpdateFramework { framework, leaves } => {
                let framework_id = self.framework(framework);
                let Some(known) = self.stage.state.framework(&framework_id) else { return };
                let mut info = FrameworkInfo::clone(&known.info);
                info.roles = vec![Role::from(if leaves { "other" } else { ROLE })];
                let (framework, constraints) = (Ok(info), OfferConstraints::default());
                let suppressed_roles = Vec::new();
                self.call(Call::UpdateFramework(UpdateFramework {
                    framework_id,
                    framework,
                    suppressed_roles,
                    constraints,
                }));
            }
            Step::Allocate => {
                let given = self.allocator.allocate(self.stage.now, &mut self.chance);
                self.under_way.extend(given);
            }
            Step::Deliver => {
                let given = std::mem::take(&mut self.under_way);
                self.tell(Input::Allocated(given));
            }
            Step::Accept { framework, offers, tasks, cpus, executor } => {
                self.accept(framework, offers, tasks, cpus, executor);
            }
            Step::Decree { agent, kind } => self.decree(agent, kind),
            Step::AnswerInverse { framework, accepted } => self.answer_inverse(framework, accepted),
            Step::Request { framework, cpus, agent } => self.request(framework, cpus, agent),
            Step::Watch { number } => self.watch(number),
            Step::Convert { framework, kind, size, named } => self.convert(framework, kind, size, named),
            Step::Operator { agent, kind, size } => self.operator(agent, kind, size),
            Step::Operated { agent, pick, done } => self.operated(agent, pick, done),
            Step::AcknowledgeOperation { framework, pick } => self.acknowledge_operation(framework, pick),
            Step::Decline { framework, offers } => {
                let framework_id = self.framework(framework);
                let offer_ids = self.offers(&framework_id, offers);
                let filters = Filters { refuse: Duration::from_secs(u64::from(offers % 2)) };
                self.call(Call::Decline(Decline { framework_id, offer_ids, filters }));
            }
            Step::Kill { framework, task } => {
                let (framework_id, task_id) =
                    (self.framework(framework), TaskId::from(format!("t{}", task % 6)));
                self.call(Call::Kill(Kill { framework_id, task_id, agent_id: None, kill_policy: None }));
            }
            Step::Suppress { framework } => {
                self.call(Call::Suppress(Suppress {
                    framework_id: self.framework(framework),
                    roles: Vec::new(),
                }));
            }
            Step::Revive { framework } => {
                self.call(Call::Revive(Revive {
                    framework_id: self.framework(framework),
                    roles: Vec::new(),
                }));
            }
            Step::Reconcile { framework } => {
                self.call(Call::Reconcile(Reconcile {
                    framework_id: self.framework(framework),
                    tasks: Vec::new(),
                }));
            }
            Step::Update { agent, pick, state } => self.update(agent, pick, state),
            Step::Acknowledge { framework, pick } => {
                let framework_id = self.framework(framework);
                let Some(known) = self.stage.state.framework(&framework_id) else { return };
                let Some(task) = known.tasks.values().nth(usize::from(pick) % known.tasks.len().max(1))
                else {
                    return;
                };
                let (agent_id, task_id) = (task.agent_id.clone(), task.id.clone());
                let uuid = task.status_update_uuid.unwrap_or(UpdateId::from_bytes([0; 16]));
                self.call(Call::Acknowledge(Acknowledge { framework_id, agent_id, task_id, uuid }));
            }
            Step::ExecutorExited { agent, pick } => {
                let Some(agent_id) = self.agent_id(agent) else { return };
                let framework_id = self.framework(usize::from(pick) % 3);
                let executor_id = ExecutorId::from("e");
                let body = ExecutorExited { framework_id, agent_id, executor_id, status: 0 };
                self.tell(Input::ExecutorExited { from: self.from(agent), body });
            }
            Step::Record => {
                if self.stage.asked.is_empty() {
                    return;
                }
                let delta: Delta = self.stage.asked.remove(0);
                let outcome = self.registry.apply(&delta);
                self.tell(Input::Registrar(Report::Recorded { delta: delta.into(), outcome }));
            }
            Step::Wake => {
                let next = self.alarms.iter().enumerate().min_by_key(|(_, (at, _))| *at).map(|(at, _)| at);
                if let Some(next) = next {
                    let (at, alarm) = self.alarms.remove(next);
                    self.stage.now = self.stage.now.max(model::Time::START + at);
                    self.tell(Input::Woke(Woken(alarm)));
                }
            }
            Step::WakeAny { pick } => {
                if !self.alarms.is_empty() {
                    let (_, alarm) = self.alarms.remove(usize::from(pick) % self.alarms.len());
                    self.tell(Input::Woke(Woken(alarm)));
                }
            }
        }
    }

    fn subscribe(&mut self, number: usize, known: bool) {
        let mut info = FrameworkInfo::new("f", "nobody");
        info.roles = vec![Role::from(if number == HEAVIER { HEAVY } else { ROLE })];
        info.checkpoint = number != 0;
        info.failover_timeout = Duration::from_secs(number as u64 * 10);
        let mut can = vec![FrameworkCapability::MultiRole];
        if number != 1 {
            can.push(FrameworkCapability::PartitionAware);
        }
        info.capabilities = FrameworkCapabilities::from_iter(can);
        info.id = known.then(|| self.frameworks.get(&number).cloned()).flatten();
        let effects = self.stage.subscribe(info);
        self.perform(effects);
        if let Some(id) = self.stage.state.reader(&self.stage.stream()).cloned() {
            self.frameworks.insert(number, id);
        }
    }

    fn reregister(&mut self, number: u16, keeps: u8, life: u8) {
        let id = self.agent_id(number).or_else(|| self.stage.state.world.unreachable.keys().next().cloned());
        let id = id.unwrap_or_else(|| AgentId::from("old-S0"));
        let tasks: Vec<Task> = self
            .tasks_on(&id)
            .into_iter()
            .enumerate()
            .filter(|(at, _)| keeps >> (at % 8) & 1 == 1)
            .map(|(_, task)| task)
            .collect();
        let frameworks: Vec<FrameworkInfo> = self
            .stage
            .state
            .world
            .frameworks
            .values()
            .map(|framework| FrameworkInfo::clone(&framework.info))
            .collect();
        let executors: Vec<RunningExecutor> = match keeps & 1 {
            1 => frameworks
                .iter()
                .filter_map(|info| {
                    Some(RunningExecutor { framework_id: info.id.clone()?, executor: executor() })
                })
                .take(1)
                .collect(),
            _ => Vec::new(),
        };
        let new = register(
            number,
            if keeps & 2 == 2 { "cpus:4;mem:512;disk:9" } else { "cpus:8;mem:512;disk:9;ports:[1-9]" },
        );
        let mut info = new.info;
        info.id = Some(id);
        let (version, capabilities) = (new.version, new.capabilities);
        let (mut executors, mut tasks) = (executors, tasks);
        if keeps & 4 == 4 {
            executors.extend(executors.clone());
            tasks.extend(tasks.clone());
        }
        // What it has is what it had, unless it lost that, with the operations it was never sent.
        let known = info.id.as_ref().and_then(|id| self.stage.state.agent(id));
        let total = known
            .map(|agent| agent.total.clone())
            .filter(|total| keeps & 8 == 8 && total.original() == info.resources)
            .unwrap_or_else(|| info.resources.clone());
        let operations = known
            .filter(|_| keeps & 16 == 16)
            .map(|agent| agent.operations.values().map(|operation| Operation::clone(operation)).collect())
            .unwrap_or_default();
        let body =
            ReregisterAgent { info, version, capabilities, frameworks, executors, tasks, total, operations };
        let from = match life {
            0 => self.from(number),
            _ => Upid::with_epoch("slave(1)", upid(number).address(), libprocess::Epoch(u64::from(keeps))),
        };
        self.tell(Input::Reregister { from, principal: None, body: Box::new(body) });
    }

    fn accept(&mut self, number: usize, bits: u8, tasks: u8, cpus: u8, with_executor: bool) {
        let framework_id = self.framework(number);
        let offer_ids = self.offers(&framework_id, bits);
        let offer = offer_ids.first().and_then(|id| self.stage.state.world.offers.get(id)).cloned();
        let agent = offer.map_or_else(|| AgentId::from("none"), |offer| offer.agent_id.clone());
        let tasks = (0..tasks).map(|at| {
            let mut info = task(&format!("t{}", (at + cpus) % 6), &agent, &format!("cpus:{cpus};mem:10"));
            if with_executor {
                info.command = None;
                info.executor = Some(ExecutorInfo { command: Some(CommandInfo::shell("e")), ..executor() });
            }
            Ok(info)
        });
        let operations = vec![OfferOperation { id: None, kind: OperationKind::Launch(tasks.collect()) }];
        let filters = Filters { refuse: Duration::ZERO };
        self.call(Call::Accept(Accept { framework_id, offer_ids, operations, filters }));
    }

    fn update(&mut self, number: u16, pick: u8, state: u8) {
        let Some(agent_id) = self.agent_id(number) else { return };
        let tasks = self.tasks_on(&agent_id);
        let Some(task) = tasks.get(usize::from(pick) % tasks.len().max(1)) else { return };
        self.updates = self.updates.wrapping_add(1);
        let state = TaskState::ALL[usize::from(state) % TaskState::ALL.len()];
        let mut status = TaskStatus::new(task.id.clone(), state);
        status.uuid = Some(UpdateId::from_bytes([self.updates; 16]));
        let framework_id = task.framework_id.clone();
        let body = Box::new(UpdateStatus { framework_id, agent_id, status, latest_state: state });
        self.tell(Input::Update { from: self.from(number), body });
    }

    /// Once all that is under way has arrived, both books agree on what is taken.
    pub(super) fn compare(mut self) {
        self.step(Step::Deliver);
        let world = &self.stage.state.world;
        let sum = |name: &str| -> f64 {
            let taken = world.agents.values().map(|agent| agent.used_total.clone() + &agent.offered);
            taken.map(|taken| taken.amount(name).as_f64()).sum()
        };
        self.allocator.check();
        let figures = self.allocator.figures();
        for name in ["cpus", "mem", "disk"] {
            let theirs = figures.taken.get(name).copied().unwrap_or_default();
            assert!(
                (theirs - sum(name)).abs() < 1e-6,
                "{name}: the allocator says {theirs}, the master {}",
                sum(name)
            );
        }
    }
}

fn executor() -> ExecutorInfo {
    let mut executor = ExecutorInfo::new("e");
    executor.resources = bag("cpus:1;mem:32").allocate(&Role::from(ROLE));
    executor
}
