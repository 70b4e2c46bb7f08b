//! Builders and histories for tests of the rules.

mod histories;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use libprocess::Upid;
use model::executor_call::{ExecutorCall, ExecutorCallKind};
use model::messages::{AcknowledgeStatus, ApplyOperation, Registered, RunTask, RunTaskGroup};
use model::{
    AgentId, AgentInfo, Attributes, CommandInfo, ContainerId, Conversion, Disk, ExecutorId, ExecutorInfo,
    FrameworkCapability, FrameworkId, FrameworkInfo, Persistence, Reservation, Resource, Resources, Scalar,
    TaskId, TaskInfo, TaskState, TaskStatus, Time, UpdateId, Volume,
};

use crate::config::Recover;
use crate::containerizer::{Cause, ContainerEvent, Identity, Termination};
use crate::decide::decide;
use crate::effects::{Effect, Effects};
use crate::executors::Viewer;
use crate::gc::Policy;
use crate::http::StreamNo;
use crate::layout::Layout;
use crate::messages::{Door, FromMaster, Input};
use crate::recovery::{Durable, Known, Record};
use crate::state::{Key, Settings, State};

pub(crate) use histories::histories;

pub(crate) const EPOCH: u64 = 3;

/// A history in the making: everything asked of the disk happens at once unless it is [`held`](World::hold_disk).
pub(crate) struct World {
    pub state: State,
    pub now: Time,
    /// What was written down, batch by batch.
    pub journal: Vec<Vec<Record>>,
    /// What waits for the disk.
    pub unsettled: Vec<Vec<Durable>>,
    disk_held: bool,
    /// Who waits for volumes, once they are [held](World::hold_files) back.
    viewers: Option<Vec<Viewer>>,
    volumes_held: bool,
    volumes_asked: bool,
}

pub(crate) fn settings() -> Settings {
    let resources: Resources = "cpus:8;mem:8192;disk:20480;ports:[31000-32000]".parse().unwrap();
    let info = AgentInfo {
        id: None,
        hostname: "agent1.example".into(),
        port: 5051,
        resources: resources.clone(),
        attributes: Attributes::default(),
        domain: None,
    };
    Settings {
        log: None,
        layout: Layout::new("/w".into()),
        runtime_dir: "/w/run".into(),
        known: Known { info: info.clone(), boot: "b".into() },
        info,
        resources,
        enforced_limits: Vec::new(),
        pid: "slave(1)@127.0.0.1:5051".parse().unwrap(),
        several_masters: false,
        executor: vec!["hectare".into(), "executor".into()],
        executor_environment: None,
        tls: Vec::new(),
        path: Some("/bin".into()),
        switch_user: true,
        registration_backoff_factor: Duration::from_secs(1),
        executor_registration_timeout: Duration::from_secs(60),
        executor_reregistration_timeout: Duration::from_secs(2),
        executor_shutdown_grace_period: Duration::from_secs(5),
        recovery_timeout: Duration::from_secs(900),
        recover: Recover::Reconnect,
        gc: Policy { delay: Duration::from_secs(1000), headroom: 0.1 },
        disk_watch_interval: Duration::from_secs(60),
        oversubscription: Default::default(),
        log_rotation: None,
        max_completed_executors: 3,
        policy: security::Policy::default(),
        tokens: None,
        flags: BTreeMap::new(),
    }
}

pub(crate) fn master() -> Upid {
    "master@127.0.0.1:5050".parse().unwrap()
}

pub(crate) fn framework() -> FrameworkInfo {
    let mut info = FrameworkInfo::new("framework", "root");
    info.id = Some("f".into());
    info.checkpoint = true;
    info.capabilities = [FrameworkCapability::PartitionAware].into_iter().collect();
    info
}

pub(crate) fn command_task(id: &str) -> TaskInfo {
    let mut task = TaskInfo::new(id, "S0".into(), "cpus:1;mem:64".parse().unwrap());
    task.command = Some(CommandInfo::shell("true"));
    task
}

pub(crate) fn custom_task(id: &str) -> TaskInfo {
    let mut task = TaskInfo::new(id, "S0".into(), "cpus:1;mem:64".parse().unwrap());
    task.executor = Some(custom_executor());
    task
}

pub(crate) fn custom_executor() -> ExecutorInfo {
    let mut executor = ExecutorInfo::new("e");
    executor.command = Some(CommandInfo::shell("run"));
    executor.resources = "cpus:0.1;mem:32".parse().unwrap();
    executor
}

pub(crate) fn status(task: &str, state: TaskState, uuid: u8) -> TaskStatus {
    let mut status = TaskStatus::new(task.into(), state);
    status.uuid = Some(UpdateId::from_bytes([uuid; 16]));
    status
}

pub(crate) fn key(executor: &str) -> Key {
    (FrameworkId::from("f"), ExecutorId::from(executor))
}

impl World {
    /// An agent that reads an empty journal.
    pub(crate) fn new() -> Self {
        Self::with(settings())
    }

    pub(crate) fn with(settings: Settings) -> Self {
        let mut state = State::new(Arc::new(settings), 7, Time::START);
        state.masters = vec![master()];
        Self {
            state,
            now: Time::START,
            journal: Vec::new(),
            unsettled: Vec::new(),
            disk_held: false,
            viewers: None,
            volumes_held: false,
            volumes_asked: false,
        }
    }

    /// An agent that is registered and open for tasks.
    pub(crate) fn registered() -> Self {
        let mut world = Self::new();
        world.hear(Input::Restored(Vec::new()));
        world.hear(Input::Container(ContainerEvent::Recovered { running: Vec::new(), orphans: Vec::new() }));
        world.register();
        world
    }

    pub(crate) fn register(&mut self) -> Vec<String> {
        let agent_id = AgentId::from("S0");
        let registered = Registered { epoch: EPOCH, agent_id, ping_timeout: Duration::from_secs(75) };
        self.master(FromMaster::Registered(registered))
    }

    /// Nothing runs from before, and a master takes the agent in.
    pub(crate) fn recovered_and_registered(&mut self) -> Vec<String> {
        let nothing = ContainerEvent::Recovered { running: Vec::new(), orphans: Vec::new() };
        let mut told = self.hear(Input::Container(nothing));
        told.extend(self.register());
        told
    }

    /// Keeps what is written from becoming durable until [`sync`](World::sync).
    pub(crate) fn hold_disk(&mut self) {
        self.disk_held = true;
    }

    pub(crate) fn sync(&mut self) -> Vec<String> {
        self.disk_held = false;
        let mut told = Vec::new();
        for then in std::mem::take(&mut self.unsettled) {
            told.extend(self.hear(Input::Durable(then)));
        }
        told
    }

    /// Keeps volumes from being shown until it is said that they are [`shown`](World::shown).
    pub(crate) fn hold_files(&mut self) {
        self.viewers = Some(Vec::new());
    }

    pub(crate) fn shown(&mut self, shown: Result<(), String>) -> Vec<String> {
        let viewers = self.viewers.take().expect("they are held");
        viewers.into_iter().flat_map(|viewer| self.hear(Input::Shown(viewer, shown.clone()))).collect()
    }

    /// Keeps directories of volumes from being as they are to be until it is said that they are
    /// [`carried`](World::carried).
    pub(crate) fn hold_volumes(&mut self) {
        self.volumes_held = true;
    }

    /// Whether something is asked for, and held back.
    pub(crate) fn volumes_asked(&self) -> bool {
        self.volumes_asked
    }

    pub(crate) fn carried(&mut self, outcome: Result<(), &str>) -> Vec<String> {
        assert!(std::mem::take(&mut self.volumes_asked), "something is asked for");
        self.volumes_held = false;
        self.hear(Input::Carried(outcome.map(|()| Vec::new()).map_err(str::to_owned)))
    }

    /// One happening, and what it asks of the world, in one line each.
    pub(crate) fn hear(&mut self, input: Input) -> Vec<String> {
        let mut told = Vec::new();
        let mut waiting = vec![input];
        while !waiting.is_empty() {
            let input = waiting.remove(0);
            let effects: Effects = decide(&mut self.state, input, self.now);
            self.state.check();
            for effect in effects {
                told.push(effect.to_string());
                if let Effect::Show { viewer, .. } = &effect {
                    match &mut self.viewers {
                        Some(viewers) => viewers.push(viewer.clone()),
                        None => waiting.push(Input::Shown(viewer.clone(), Ok(()))),
                    }
                }
                if let Effect::MakeVolumes(_) | Effect::RemoveVolumes(_) = &effect {
                    match self.volumes_held {
                        true => self.volumes_asked = true,
                        false => waiting.push(Input::Carried(Ok(Vec::new()))),
                    }
                }
                if let Effect::Record { records, then } = effect {
                    if !records.is_empty() {
                        self.journal.push(records);
                    }
                    if self.disk_held {
                        self.unsettled.push(then);
                    } else if !then.is_empty() {
                        waiting.push(Input::Durable(then));
                    }
                }
            }
        }
        told
    }

    pub(crate) fn master(&mut self, message: FromMaster) -> Vec<String> {
        self.hear(Input::FromMaster { from: master(), message })
    }

    /// Makes volumes of the agent's disk.
    pub(crate) fn give_volume(&mut self, volumes: &Resources) {
        self.convert(reserve());
        self.convert(Conversion::Create { volumes: volumes.clone() });
    }

    /// The master has something converted.
    pub(crate) fn convert(&mut self, conversion: Conversion) -> Vec<String> {
        let uuid = self.state.ids.update();
        let apply = ApplyOperation { epoch: EPOCH, framework_id: None, operation_id: None, conversion, uuid };
        self.master(FromMaster::Apply(Box::new(apply)))
    }

    pub(crate) fn run(&mut self, task: TaskInfo, launch_executor: bool) -> Vec<String> {
        let run = RunTask { epoch: EPOCH, framework: framework(), task, launch_executor };
        self.master(FromMaster::RunTask(Box::new(run)))
    }

    pub(crate) fn run_group(&mut self, tasks: Vec<TaskInfo>) -> Vec<String> {
        let mut executor = custom_executor();
        executor.kind = Some(model::ExecutorKind::Default);
        executor.command = None;
        let run =
            RunTaskGroup { epoch: EPOCH, framework: framework(), executor, tasks, launch_executor: true };
        self.master(FromMaster::RunGroup(Box::new(run)))
    }

    pub(crate) fn container(&self, executor: &str) -> ContainerId {
        self.state.executor(&key(executor)).expect("the executor is here").container.clone()
    }

    pub(crate) fn launched(&mut self, executor: &str) -> Vec<String> {
        let id = self.container(executor);
        let mut told =
            self.hear(Input::Container(ContainerEvent::Held { id: id.clone(), identity: identity() }));
        told.extend(self.hear(Input::Container(ContainerEvent::Launched { id, pid: 77 })));
        told
    }

    pub(crate) fn subscribe(&mut self, executor: &str, stream: u64) -> Vec<String> {
        self.resubscribe(executor, stream, Vec::new(), Vec::new())
    }

    pub(crate) fn resubscribe(
        &mut self,
        executor: &str,
        stream: u64,
        unacknowledged_tasks: Vec<TaskInfo>,
        unacknowledged_updates: Vec<TaskStatus>,
    ) -> Vec<String> {
        let kind = ExecutorCallKind::Subscribe { unacknowledged_tasks, unacknowledged_updates };
        self.call(executor, kind, Some(StreamNo(stream)))
    }

    pub(crate) fn update(&mut self, executor: &str, status: TaskStatus) -> Vec<String> {
        self.call(executor, ExecutorCallKind::Update(status), None)
    }

    pub(crate) fn call(
        &mut self,
        executor: &str,
        kind: ExecutorCallKind,
        stream: Option<StreamNo>,
    ) -> Vec<String> {
        let (framework_id, executor_id) = key(executor);
        let call = Box::new(ExecutorCall { framework_id, executor_id, kind });
        self.hear(Input::Call { call, stream, driver: None, door: Door::default() })
    }

    pub(crate) fn acknowledge(&mut self, task: &str, uuid: UpdateId) -> Vec<String> {
        let framework_id = FrameworkId::from("f");
        let ack = AcknowledgeStatus { epoch: EPOCH, framework_id, task_id: TaskId::from(task), uuid };
        self.master(FromMaster::Acknowledge(ack))
    }

    /// The update of a task that waits for its acknowledgement.
    pub(crate) fn outstanding(&self, task: &str) -> Option<UpdateId> {
        let stream = self.state.streams.get(&"f".into(), &task.into())?;
        stream.pending.front().map(|first| first.uuid)
    }

    pub(crate) fn exited(&mut self, executor: &str, status: i32) -> Vec<String> {
        let id = self.container(executor);
        let termination = ended(Some(status), Cause::Exited);
        self.hear(Input::Container(ContainerEvent::Terminated { id, termination }))
    }

    /// What a new agent makes of all that this one has written.
    pub(crate) fn restart(self) -> Self {
        let mut world = Self::new();
        world.hear(Input::Restored(self.journal.into_iter().flatten().collect()));
        world
    }

    /// With a subscribed custom executor that runs task `t`.
    pub(crate) fn with_custom_task() -> Self {
        let mut world = Self::registered();
        world.run(custom_task("t"), true);
        world.launched("e");
        world.subscribe("e", 1);
        world
    }
}

/// Disk for a volume of role `web`.
pub(crate) fn reserve() -> Conversion {
    let resources = "disk(reservations: [(DYNAMIC,web)]):64".parse().expect("it is written well");
    Conversion::Reserve { source: Resources::new(), resources }
}

/// A persistent volume of role `web`, at `data` in the sandbox.
pub(crate) fn volume(id: &str, size: i64) -> Resources {
    let mut volume = Resource::scalar("disk", Scalar::whole(size));
    volume.reservations = vec![Reservation::dynamic("web", None)];
    volume.disk = Some(Arc::new(Disk {
        persistence: Some(Persistence { id: id.into(), principal: None }),
        volume: Some(Volume::writable("data")),
        source: None,
    }));
    volume.into()
}

/// Persistent volumes of role `web` by their ids, each where it is to be in the sandbox.
pub(crate) fn volumes_at(places: &[(&str, &str)]) -> Resources {
    let place = |(id, path): &(&str, &str)| {
        volume(id, 64).map(|resource| {
            let mut disk = Disk::clone(resource.disk.as_ref().expect("it is a volume"));
            disk.volume = Some(Volume::writable(*path));
            resource.disk = Some(Arc::new(disk));
        })
    };
    places.iter().map(place).sum()
}

pub(crate) fn ended(status: Option<i32>, cause: Cause) -> Termination {
    Termination {
        status,
        cause,
        message: "Command exited with status 0".into(),
        spent_micros: [0; 2],
        peak_bytes: 0,
        limitation: None,
    }
}

pub(crate) fn identity() -> Identity {
    Identity { boot_id: "b".into(), supervisor: 76, supervisor_started: 1, task: 77, task_started: 2 }
}
