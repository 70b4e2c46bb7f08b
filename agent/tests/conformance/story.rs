//! An agent on loopback, with real containers, that is told what the captured one was told.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use agent::Agent;
use api::v1;
use api_conformance::{Captures, Judge};
use clap::Parser;
use libprocess::{Context, Pid, Runtime, Spawn, Upid};
use libprocess_wire as wire;
use model::messages::{
    AcknowledgeOperation, AcknowledgeStatus, ApplyOperation, KillTask, Registered, RunTask, RunTaskGroup,
};
use model::operation::{OfferOperation, OperationKind};
use model::{FrameworkInfo, OperationState, Role, StatusReason, TaskInfo, TaskState, TaskStatus, UpdateId};
use serde_json::Value;

use crate::pretended::{Heard, Input, Master};

/// What the original said.
pub(crate) const GOLDEN: Captures = Captures::of(env!("CARGO_MANIFEST_DIR"));

/// How long something may take to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const EPOCH: u64 = 1;

pub(crate) struct Story<'a> {
    pub(crate) runtime: Runtime,
    master: Pid<Master>,
    agent: Pid<Agent>,
    heard: Receiver<Heard>,
    /// The agent, once it has come to its master.
    peer: Option<Upid>,
    /// The id of the captured master, which names its agents and frameworks.
    pub(crate) id: &'static str,
    dir: tempfile::TempDir,
    /// Shape: captured container → ours.
    pub(crate) containers: BTreeMap<String, String>,
    /// Shape: executor, our container.
    pub(crate) executors: BTreeMap<String, String>,
    /// Texts that are others here. Shape: captured, ours.
    pub(crate) texts: Vec<(String, String)>,
    /// What the agent said of tasks, in order.
    pub(crate) updates: Vec<TaskStatus>,
    /// What it said of operations.
    operations: usize,
    /// Shape: executor that ended, its wait status.
    exits: BTreeMap<String, i32>,
    /// What executors said to their scheduler.
    pub(crate) messages: Vec<Vec<u8>>,
    pub(crate) framework: Option<FrameworkInfo>,
    pub(crate) judge: &'a mut Judge,
}

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    flags: agent::Flags,
}

/// Tells a story of one agent, from its registration to its end.
pub(crate) fn tell(judge: &mut Judge, id: &'static str, story: impl AsyncFnOnce(&mut Story<'_>)) {
    tell_of(judge, id, &[], |_| {}, story);
}

/// The same, of an agent that was started otherwise.
pub(crate) fn tell_of(
    judge: &mut Judge,
    id: &'static str,
    flags: &[&str],
    change: impl FnOnce(&mut agent::Config),
    story: impl AsyncFnOnce(&mut Story<'_>),
) {
    let stage = Runtime::start(libprocess::Config { listen: None, ..Default::default() }).expect("a reactor");
    stage.block_on(async {
        let mut told = Story::begin(judge, id, flags, change);
        let registered = |state: &Value| state["id"].as_str().is_some_and(|id| !id.is_empty());
        told.until("the agent is registered", registered).await;
        story(&mut told).await;
        agent::stop(&told.agent).await.expect("it is there");
        told.runtime.shutdown();
    });
    stage.shutdown();
}

impl<'a> Story<'a> {
    fn begin(
        judge: &'a mut Judge,
        id: &'static str,
        flags: &[&str],
        change: impl FnOnce(&mut agent::Config),
    ) -> Story<'a> {
        let dir = tempfile::tempdir().expect("a scratch directory");
        let work = format!("--work_dir={}", dir.path().join("work").display());
        let run = format!("--runtime_dir={}", dir.path().join("run").display());
        let usual = [
            "agent",
            "--master=127.0.0.1:5050",
            "--ip=127.0.0.1",
            "--hostname=agent1.example",
            "--hostname_lookup=false",
            "--attributes=rack:r1;zone:z1",
            "--resources=cpus:8;mem:8192;disk:20480;ports:[31000-32000]",
            &work,
            &run,
        ];
        let mut config = Line::parse_from(usual.iter().chain(flags)).flags.config().expect("good flags");
        change(&mut config);

        let listen = Some("127.0.0.1:0".parse().expect("an address"));
        let limits = libprocess::Config { listen, shards: 2, snapshot_rate: None, ..Default::default() };
        let runtime = Runtime::start(limits).expect("loopback has a free port");
        let (told, heard) = mpsc::channel();
        let master =
            runtime.spawn(Spawn::named("master"), move || Master { heard: told }).expect("the name is free");
        config.masters = vec![runtime.address()].into();
        let agent = agent::spawn(&runtime, config).expect("an agent");
        let mut story = Story {
            runtime,
            master,
            agent,
            heard,
            peer: None,
            id,
            dir,
            containers: BTreeMap::new(),
            executors: BTreeMap::new(),
            texts: Vec::new(),
            updates: Vec::new(),
            operations: 0,
            exits: BTreeMap::new(),
            messages: Vec::new(),
            framework: None,
            judge,
        };
        while story.peer.is_none() {
            story.listen();
        }
        story
    }

    pub(crate) fn work_dir(&self) -> PathBuf {
        self.dir.path().join("work")
    }

    pub(crate) fn run_dir(&self) -> PathBuf {
        self.dir.path().join("run")
    }

    pub(crate) fn say<M: wire::Message>(&self, message: M) {
        let peer = self.peer.clone().expect("the agent has come");
        let say = move |ctx: &mut Context<Master>| ctx.send(&peer, message).expect("it is there");
        self.master.tell(Input::Say(Box::new(say))).expect("a master is there");
    }

    /// The framework whose tasks these are, as the capture of a moment has it.
    pub(crate) fn meet(&mut self, moment: &str) {
        let answer = GOLDEN.one(moment, "v1_GET_STATE").answer;
        let answer: v1::agent::Response = api::json::from_slice(answer.as_bytes()).expect("an answer");
        let frameworks = answer.get_state.and_then(|state| state.get_frameworks).expect("frameworks");
        let info = frameworks.frameworks.into_iter().next().expect("one").framework_info;
        self.framework = Some(info.try_into().expect("a framework"));
    }

    /// The captured ACCEPT of a scheduler reaches the agent.
    pub(crate) fn accept(&mut self, folder: &str, name: &str) {
        self.judge.replayed(&format!("{folder}/{name}"));
        self.accept_call(name, &GOLDEN.one(folder, name).body);
    }

    /// Such an ACCEPT, spelled out.
    pub(crate) fn accept_call(&self, name: &str, body: &str) {
        let call: v1::scheduler::Call = api::json::from_slice(body.as_bytes()).expect("a call");
        for (number, operation) in call.accept.expect("an ACCEPT").operations.into_iter().enumerate() {
            let OfferOperation { id, kind } = operation.into();
            match kind {
                OperationKind::Launch(tasks) => {
                    tasks.into_iter().for_each(|task| self.run(task.expect("a task")))
                }
                OperationKind::LaunchGroup(group) => {
                    let group = group.expect("a group");
                    self.say(RunTaskGroup {
                        epoch: EPOCH,
                        framework: self.framework(),
                        executor: group.executor,
                        tasks: group.tasks,
                        launch_executor: true,
                    });
                }
                OperationKind::Convert(conversion) => self.say(ApplyOperation {
                    epoch: EPOCH,
                    framework_id: self.framework().id,
                    operation_id: id,
                    conversion,
                    uuid: UpdateId::from_bytes([number as u8; 16]),
                }),
                OperationKind::Invalid { message, .. } => panic!("{name}: {message}"),
            }
        }
    }

    fn run(&self, mut task: TaskInfo) {
        task.resources = task.resources.allocate_missing(&Role::from("roleA"));
        self.say(RunTask { epoch: EPOCH, framework: self.framework(), task, launch_executor: true });
    }

    pub(crate) fn framework(&self) -> FrameworkInfo {
        self.framework.clone().expect("there is a framework")
    }

    pub(crate) fn kill(&self, task: &str) {
        let framework_id = self.framework().id.expect("the master fills it in");
        self.say(KillTask { epoch: EPOCH, framework_id, task_id: task.into(), kill_policy: None });
    }

    /// Waits until a task is said to be in a state.
    pub(crate) fn await_update(&mut self, task: &str, state: TaskState) {
        while !self.updates.iter().any(|status| status.task_id.as_str() == task && status.state == state) {
            self.listen();
        }
    }

    /// Waits until something is said of a task for this reason.
    pub(crate) fn await_reason(&mut self, task: &str, reason: StatusReason) {
        let there = |status: &TaskStatus| status.task_id.as_str() == task && status.reason == Some(reason);
        while !self.updates.iter().any(there) {
            self.listen();
        }
    }

    /// Waits until an executor has ended, and gives its wait status.
    pub(crate) fn await_exit(&mut self, executor: &str) -> i32 {
        loop {
            match self.exits.get(executor) {
                Some(status) => return *status,
                None => self.listen(),
            }
        }
    }

    pub(crate) fn await_operations(&mut self, count: usize) {
        while self.operations < count {
            self.listen();
        }
    }

    pub(crate) fn await_message(&mut self) {
        while self.messages.is_empty() {
            self.listen();
        }
    }

    /// Hears one thing, and answers it.
    fn listen(&mut self) {
        match self.heard.recv_timeout(PATIENCE).expect("the agent says something") {
            Heard::Register(from) => {
                self.peer = Some(from);
                let agent_id = format!("{}-S0", self.id).as_str().into();
                self.say(Registered { epoch: EPOCH, agent_id, ping_timeout: Duration::from_secs(7500) });
            }
            Heard::Update(update) => {
                self.say(AcknowledgeStatus {
                    epoch: EPOCH,
                    framework_id: update.framework_id,
                    task_id: update.status.task_id.clone(),
                    uuid: update.status.uuid.expect("an update has one"),
                });
                if self.updates.iter().all(|known| known.uuid != update.status.uuid) {
                    self.updates.push(update.status);
                }
            }
            Heard::Operation(update) => {
                assert_eq!(update.status.state, OperationState::Finished, "{:?}", update.status);
                self.say(AcknowledgeOperation { epoch: EPOCH, operation: update.operation });
                self.operations += 1;
            }
            Heard::Message(message) => self.messages.push(message.data),
            Heard::Exited(exited) => {
                self.exits.insert(exited.executor_id.to_string(), exited.status);
            }
            other @ (Heard::Reregister(..) | Heard::Left) => panic!("{other:?}"),
        }
    }
}

impl Drop for Story<'_> {
    /// No story leaves a container behind, however it ends.
    fn drop(&mut self) {
        self.runtime.shutdown();
        let entries = std::fs::read_dir(self.run_dir().join("containers")).into_iter().flatten().flatten();
        for entry in entries {
            if let Ok(channel) = agent_linux::packet::Packets::connect(&entry.path(), "control") {
                let _ = channel.send(&wire::encode(&agent_launch::Request::Destroy));
            }
        }
    }
}
