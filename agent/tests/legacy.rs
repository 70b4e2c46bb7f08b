//! A whole agent with a real container, and an executor on an old driver that the test plays.

#[path = "../../master/tests/loopback/driver.rs"]
mod driver;
mod pretended;

use std::path::Path;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use agent::{Agent, Config};
use api::{v0, v1};
use driver::Driver;
use libprocess::http::Request;
use libprocess::{Context, Pid, Runtime, Spawn, Upid};
use libprocess_wire as wire;
use model::messages::{AcknowledgeStatus, FrameworkMessage, KillTask, Registered, Reregistered, RunTask};
use model::{CommandInfo, ExecutorInfo, FrameworkInfo, TaskInfo, TaskState, TaskStatus};
use pretended::{Heard, Input, Master};
use serde_json::Value;

const EPOCH: u64 = 1;
const PATIENCE: Duration = Duration::from_secs(60);

/// One life of an agent and of the master beside it.
struct Node {
    runtime: Runtime,
    master: Pid<Master>,
    agent: Pid<Agent>,
    heard: Receiver<Heard>,
}

impl Node {
    fn start(work_dir: &Path) -> Node {
        let listen = Some("127.0.0.1:0".parse().unwrap());
        let runtime = Runtime::start(libprocess::Config { listen, ..Default::default() }).unwrap();
        let (told, heard) = mpsc::channel();
        let master = runtime.spawn(Spawn::named("master"), move || Master { heard: told }).unwrap();
        let mut config = Config::new(work_dir.to_owned(), vec![runtime.address()]);
        config.resources = "cpus:4;mem:1024;disk:1024".parse().unwrap();
        let agent = agent::spawn(&runtime, config).unwrap();
        Node { runtime, master, agent, heard }
    }

    fn say<M: wire::Message>(&self, message: M) {
        let peer: Upid = self.agent.upid().bare();
        let say = move |ctx: &mut Context<Master>| ctx.send(&peer, message).expect("it is there");
        self.master.tell(Input::Say(Box::new(say))).unwrap();
    }

    /// The agent comes to its master, and is welcome.
    fn meet(&self) {
        let (agent_id, ping_timeout) = ("S0".into(), Duration::from_secs(75));
        match self.heard.recv_timeout(PATIENCE).expect("it comes") {
            Heard::Register(_) => self.say(Registered { epoch: EPOCH, agent_id, ping_timeout }),
            Heard::Reregister(..) => self.say(Reregistered {
                epoch: EPOCH,
                agent_id,
                ping_timeout,
                reconcile: Vec::new(),
                reconcile_operations: Vec::new(),
                drain: None,
            }),
            other => panic!("{other:?}"),
        }
    }

    /// The next update, which is acknowledged, as a scheduler does.
    fn update(&self) -> TaskStatus {
        loop {
            match self.heard.recv_timeout(PATIENCE).expect("an update") {
                Heard::Update(update) => {
                    let (framework_id, task_id) =
                        (update.framework_id.clone(), update.status.task_id.clone());
                    let uuid = update.status.uuid.expect("the agent marks each");
                    self.say(AcknowledgeStatus { epoch: EPOCH, framework_id, task_id, uuid });
                    return update.status;
                }
                Heard::Exited(_) | Heard::Reregister(..) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Waits until the one container has a process.
    fn until_it_runs(&self) {
        let url = format!("http://{}/containers", self.runtime.address());
        self.runtime.block_on(async {
            for _ in 0..6_000 {
                let mut response = self.runtime.client().send(Request::get(&url)).await.unwrap();
                let body = response.bytes(1 << 20).await.unwrap();
                let containers: Value = serde_json::from_slice(&body).unwrap_or_default();
                if containers[0]["status"]["executor_pid"].is_u64() {
                    return;
                }
                self.runtime.sleep(Duration::from_millis(10)).await;
            }
            panic!("the executor does not run");
        });
    }

    fn message(&self) -> Vec<u8> {
        loop {
            match self.heard.recv_timeout(PATIENCE).expect("a message") {
                Heard::Message(message) => return message.data,
                Heard::Reregister(..) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

fn framework() -> v1::FrameworkId {
    v1::FrameworkId { value: "f".to_owned() }
}

fn executor() -> v1::ExecutorId {
    v1::ExecutorId { value: "e".to_owned() }
}

/// An executor's program sleeps, while the test speaks in its name.
fn run(node: &Node) {
    let mut info = FrameworkInfo::new("framework", "root");
    info.id = Some("f".into());
    info.checkpoint = true;
    let mut task = TaskInfo::new("t", "S0".into(), "cpus:1;mem:64".parse().unwrap());
    let mut executor = ExecutorInfo::new("e");
    executor.command = Some(CommandInfo::shell("sleep 1000"));
    executor.resources = "cpus:0.1;mem:32".parse().unwrap();
    task.executor = Some(executor);
    node.say(RunTask { epoch: EPOCH, framework: info, task, launch_executor: true });
}

fn status(state: v1::TaskState, uuid: u8) -> v0::StatusUpdate {
    v0::StatusUpdate {
        framework_id: framework(),
        executor_id: Some(executor()),
        agent_id: Some(v1::AgentId { value: "S0".to_owned() }),
        status: v1::TaskStatus {
            task_id: v1::TaskId { value: "t".to_owned() },
            state: state as i32,
            ..v1::TaskStatus::default()
        },
        timestamp: 1.0,
        uuid: Some(vec![uuid; 16]),
        latest_state: None,
    }
}

fn report(driver: &mut Driver, state: v1::TaskState, uuid: u8) {
    let message = v0::StatusUpdateMessage { update: status(state, uuid), pid: Some(driver.pid.clone()) };
    driver.say("mesos.internal.StatusUpdateMessage", &message);
}

fn acknowledged(driver: &Driver) -> Vec<u8> {
    driver.until::<v0::StatusUpdateAcknowledgementMessage>("StatusUpdateAcknowledgementMessage").uuid
}

/// Registers once the executor's program runs, in whose name the test speaks.
fn register(node: &Node) -> Driver {
    node.until_it_runs();
    let mut driver = Driver::new("executor(1)", "slave(1)", node.runtime.address());
    let (framework_id, executor_id) = (framework(), executor());
    let message = v0::RegisterExecutorMessage { framework_id, executor_id };
    driver.say("mesos.internal.RegisterExecutorMessage", &message);
    driver.until::<v0::ExecutorRegisteredMessage>("ExecutorRegisteredMessage");
    driver
}

#[test]
fn an_executor_nobody_knows_is_told_to_end() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start(dir.path());
    node.meet();
    let mut driver = Driver::new("executor(1)", "slave(1)", node.runtime.address());
    let (framework_id, executor_id) = (framework(), executor());
    let message = v0::RegisterExecutorMessage { framework_id, executor_id };
    driver.say("mesos.internal.RegisterExecutorMessage", &message);
    let told: v0::ShutdownExecutorMessage = driver.until("ShutdownExecutorMessage");
    assert_eq!(told.executor_id, Some(executor()));
    node.runtime.block_on(agent::stop(&node.agent)).unwrap();
    node.runtime.shutdown();
}

#[test]
fn an_executor_on_an_old_driver_runs_its_task_and_survives_its_agent() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start(dir.path());
    node.meet();
    run(&node);
    let mut driver = register(&node);
    let task: v0::RunTaskMessage = driver.until("RunTaskMessage");
    assert_eq!((task.task.task_id.value.as_str(), task.framework.name.as_str()), ("t", "framework"));

    report(&mut driver, v1::TaskState::TaskRunning, 1);
    assert_eq!(acknowledged(&driver), [1; 16]);
    let running = node.update();
    assert_eq!((running.state, running.executor_id), (TaskState::Running, Some("e".into())));

    let (agent_id, data) = (v1::AgentId { value: "S0".to_owned() }, b"up".to_vec());
    let up =
        v0::ExecutorToFrameworkMessage { agent_id, framework_id: framework(), executor_id: executor(), data };
    driver.say("mesos.internal.ExecutorToFrameworkMessage", &up);
    assert_eq!(node.message(), b"up");
    let (framework_id, executor_id) = ("f".into(), "e".into());
    node.say(FrameworkMessage { epoch: EPOCH, framework_id, executor_id, data: b"down".to_vec() });
    let down: v0::FrameworkToExecutorMessage = driver.until("FrameworkToExecutorMessage");
    assert_eq!(down.data, b"down");

    node.runtime.shutdown();
    drop(node);
    let node = Node::start(dir.path());
    let asked: v0::ReconnectExecutorMessage = driver.until("ReconnectExecutorMessage");
    assert_eq!(asked.agent_id.value, "S0");
    driver.follow(node.runtime.address());
    let back = v0::ReregisterExecutorMessage {
        executor_id: executor(),
        framework_id: framework(),
        tasks: vec![task.task],
        updates: vec![status(v1::TaskState::TaskRunning, 2)],
    };
    driver.say("mesos.internal.ReregisterExecutorMessage", &back);
    driver.until::<v0::ExecutorReregisteredMessage>("ExecutorReregisteredMessage");
    assert_eq!(acknowledged(&driver), [2; 16], "what it was not sure of is taken in");
    node.meet();
    assert_eq!(node.update().state, TaskState::Running);

    node.say(KillTask { epoch: EPOCH, framework_id: "f".into(), task_id: "t".into(), kill_policy: None });
    assert_eq!(driver.until::<v0::KillTaskMessage>("KillTaskMessage").task_id.value, "t");
    report(&mut driver, v1::TaskState::TaskKilled, 3);
    assert_eq!(node.update().state, TaskState::Killed);

    node.runtime.block_on(agent::stop(&node.agent)).unwrap();
    node.runtime.shutdown();
}
