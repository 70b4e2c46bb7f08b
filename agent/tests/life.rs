//! A whole agent with real containers, between a master and an executor that the test plays.

mod pretended;

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use agent::{Agent, Config};
use libprocess::http::{Body, Request, Response, StatusCode};
use libprocess::{Context, Pid, Runtime, Spawn, Upid};
use libprocess_wire as wire;
use model::messages::{
    AcknowledgeOperation, AcknowledgeStatus, ApplyOperation, KillTask, Registered, ReregisterAgent,
    Reregistered, RunTask, UpdateStatus,
};
use model::{
    CommandInfo, Conversion, Disk, ExecutorInfo, FrameworkCapability, FrameworkInfo, OperationState,
    Persistence, Reservation, Resource, Resources, Scalar, TaskInfo, TaskState, UpdateId, Volume,
};
use pretended::{Heard, Input, Master};
use serde_json::{Value, json};

/// One life of an agent and of the master beside it.
struct Node {
    runtime: Runtime,
    master: Pid<Master>,
    agent: Pid<Agent>,
    heard: Receiver<Heard>,
    /// The agent, once it has come to the master.
    peer: Option<Upid>,
}

const EPOCH: u64 = 1;

impl Node {
    fn start(work_dir: &Path) -> Self {
        let listen = Some("127.0.0.1:0".parse().unwrap());
        let runtime = Runtime::start(libprocess::Config { listen, ..Default::default() }).unwrap();
        let (told, heard) = mpsc::channel();
        let master = runtime.spawn(Spawn::named("master"), move || Master { heard: told }).unwrap();
        let mut config = Config::new(work_dir.to_owned(), vec![runtime.address()]);
        config.resources = "cpus:4;mem:1024;disk:1024".parse().unwrap();
        config.hostname = Some("agent1.example".to_owned());
        let agent = agent::spawn(&runtime, config).unwrap();
        Self { runtime, master, agent, heard, peer: None }
    }

    fn hear(&self) -> Heard {
        self.heard.recv_timeout(Duration::from_secs(20)).expect("the agent says something")
    }

    fn say<M: wire::Message>(&self, message: M) {
        let peer = self.peer.clone().expect("the agent has come");
        let say = move |ctx: &mut Context<Master>| ctx.send(&peer, message).expect("it is there");
        self.master.tell(Input::Say(Box::new(say))).unwrap();
    }

    fn register(&mut self) {
        let Heard::Register(from) = self.hear() else { panic!("the agent has no id yet") };
        self.peer = Some(from);
        self.say(Registered { epoch: EPOCH, agent_id: "S0".into(), ping_timeout: Duration::from_secs(75) });
    }

    fn reregister(&mut self) -> ReregisterAgent {
        let Heard::Reregister(from, body) = self.hear() else { panic!("the agent has an id") };
        self.peer = Some(from);
        self.say(Reregistered {
            epoch: EPOCH,
            agent_id: "S0".into(),
            ping_timeout: Duration::from_secs(75),
            reconcile: Vec::new(),
            reconcile_operations: Vec::new(),
            drain: None,
        });
        *body
    }

    /// The next update, which is acknowledged.
    fn update(&self) -> UpdateStatus {
        let update = loop {
            match self.hear() {
                Heard::Update(update) => break *update,
                // It may ask once more before it hears that it is welcome.
                Heard::Exited(_) | Heard::Reregister(..) => {}
                other => panic!("{other:?}"),
            }
        };
        self.say(AcknowledgeStatus {
            epoch: EPOCH,
            framework_id: update.framework_id.clone(),
            task_id: update.status.task_id.clone(),
            uuid: update.status.uuid.unwrap(),
        });
        update
    }

    async fn send(&self, request: Request) -> Response {
        self.runtime.client().send(request).await.unwrap()
    }

    async fn get(&self, path: &str) -> (StatusCode, String) {
        let mut response = self.send(Request::get(&format!("http://{}{path}", self.runtime.address()))).await;
        let body = response.body.bytes(1 << 20).await.unwrap();
        (response.status, String::from_utf8(body.to_vec()).unwrap())
    }

    async fn json(&self, path: &str) -> Value {
        serde_json::from_str(&self.get(path).await.1).unwrap()
    }

    async fn call(&self, mut call: Value) -> Response {
        call["framework_id"] = json!({ "value": "f" });
        call["executor_id"] = json!({ "value": "e" });
        let url = format!("http://{}/api/v1/executor", self.runtime.address());
        self.send(Request::post(&url).header("content-type", "application/json").body(call.to_string())).await
    }

    /// What a file of the sandbox holds, once it holds something.
    async fn content(&self, file: &str) -> String {
        let path = format!("/files/read?path={SANDBOX}/{file}&offset=0");
        for _ in 0..200 {
            let (status, body) = self.get(&path).await;
            if status == StatusCode::OK && !body.contains(r#""data":"""#) {
                let body: Value = serde_json::from_str(&body).unwrap();
                return body["data"].as_str().unwrap().to_owned();
            }
            self.runtime.sleep(Duration::from_millis(20)).await;
        }
        panic!("{file} stays empty");
    }

    /// Opens the stream, once the executor runs.
    async fn subscribe(&self, unacknowledged: &[TaskInfo]) -> Events {
        let tasks: Vec<_> = unacknowledged
            .iter()
            .map(|task| json!({ "name": task.name, "task_id": { "value": task.id.as_str() }, "agent_id": { "value": "S0" } }))
            .collect();
        let call = json!({ "type": "SUBSCRIBE", "subscribe": { "unacknowledged_tasks": tasks } });
        for _ in 0..200 {
            // Nothing is served before the agent has opened its doors.
            let containers: Value =
                serde_json::from_str(&self.get("/containers").await.1).unwrap_or_default();
            let runs = containers[0]["status"]["executor_pid"].is_u64();
            if runs {
                let response = self.call(call.clone()).await;
                if response.status == StatusCode::OK {
                    return Events { body: response.body };
                }
                // An agent that has just come back looks at its containers first.
                assert_eq!(response.status, StatusCode::SERVICE_UNAVAILABLE);
            }
            self.runtime.sleep(Duration::from_millis(20)).await;
        }
        panic!("the executor does not run");
    }

    async fn report(&self, state: &str, uuid: [u8; 16]) -> StatusCode {
        let uuid = base64(&uuid);
        let status =
            json!({ "task_id": { "value": "t" }, "state": state, "uuid": uuid, "source": "SOURCE_EXECUTOR" });
        self.call(json!({ "type": "UPDATE", "update": { "status": status } })).await.status
    }
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    bytes
        .chunks(3)
        .map(|chunk| {
            let word =
                chunk.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
            (0..4)
                .map(|n| {
                    if n > chunk.len() { '=' } else { LETTERS[(word >> (18 - 6 * n)) as usize & 63] as char }
                })
                .collect::<String>()
        })
        .collect()
}

struct Events {
    body: Body,
}

impl Events {
    /// The next event: one record in one chunk.
    async fn next(&mut self) -> Value {
        let chunk = self.body.next().await.expect("the stream goes on").unwrap();
        let text = std::str::from_utf8(&chunk).unwrap();
        let (length, event) = text.split_once('\n').unwrap();
        assert_eq!(length.parse::<usize>().unwrap(), event.len());
        serde_json::from_str(event).unwrap()
    }
}

fn framework() -> FrameworkInfo {
    let mut info = FrameworkInfo::new("framework", "root");
    info.id = Some("f".into());
    info.checkpoint = true;
    info.capabilities = [FrameworkCapability::PartitionAware].into_iter().collect();
    info
}

/// A task whose executor sleeps, while the test speaks in its name.
fn task(command: &str) -> TaskInfo {
    let mut task = TaskInfo::new("t", "S0".into(), "cpus:1;mem:64".parse().unwrap());
    let mut executor = ExecutorInfo::new("e");
    executor.command = Some(CommandInfo::shell(command));
    executor.resources = "cpus:0.1;mem:32".parse().unwrap();
    task.executor = Some(executor);
    task
}

fn run(node: &Node, command: &str) {
    node.say(RunTask { epoch: EPOCH, framework: framework(), task: task(command), launch_executor: true });
}

/// Runs a test on a reactor of its own, which its connections live on.
fn play(test: impl Future<Output = ()>) {
    let stage = Runtime::start(libprocess::Config { listen: None, ..Default::default() }).unwrap();
    stage.block_on(test);
    stage.shutdown();
}

const SANDBOX: &str = "/frameworks/f/executors/e/runs/latest";

#[test]
fn a_task_runs_is_seen_and_ends() {
    play(async {
        let dir = tempfile::tempdir().unwrap();
        let mut node = Node::start(dir.path());
        node.register();
        assert_eq!(node.get("/health").await.0, StatusCode::OK);

        run(&node, "echo hello from $MESOS_EXECUTOR_ID; env > variables; sleep 1000");
        let mut events = node.subscribe(&[]).await;
        assert_eq!(events.next().await["type"], "SUBSCRIBED");
        let launch = events.next().await;
        assert_eq!(launch["launch"]["task"]["task_id"]["value"], "t");

        assert_eq!(node.report("TASK_RUNNING", [1; 16]).await, StatusCode::ACCEPTED);
        assert_eq!(events.next().await["acknowledged"]["uuid"], base64(&[1; 16]));
        let update = node.update();
        assert_eq!(
            (update.status.state, update.status.uuid),
            (TaskState::Running, Some(UpdateId::from_bytes([1; 16])))
        );

        let state = node.json("/state").await;
        assert_eq!(state["id"], "S0");
        assert_eq!(state["frameworks"][0]["executors"][0]["tasks"][0]["state"], "TASK_RUNNING");
        assert_eq!(node.content("stdout").await, "hello from e\n");
        let variables = node.content("variables").await;
        for name in [
            "MESOS_AGENT_ENDPOINT=127.0.0.1",
            "MESOS_CHECKPOINT=1",
            "MESOS_SLAVE_PID=slave(1)@",
            "MESOS_RECOVERY_TIMEOUT=15mins",
        ] {
            assert!(variables.contains(name), "{name} in {variables}");
        }
        let containers = node.json("/slave(1)/containers").await;
        assert_eq!(containers[0]["executor_id"], "e");
        assert!(containers[0]["statistics"]["mem_rss_bytes"].as_u64().unwrap() > 0, "{containers}");
        let named = format!("containers/{}/mem_rss_bytes", containers[0]["container_id"].as_str().unwrap());
        let figures = node.json("/metrics/snapshot").await;
        // Read just now, for `/containers`.
        assert!(figures[&named].as_f64().unwrap() > 0.0, "{figures}");
        assert_eq!(
            (figures["slave/tasks_running"].as_f64(), figures["slave/registered"].as_f64()),
            (Some(1.0), Some(1.0))
        );

        node.say(KillTask { epoch: EPOCH, framework_id: "f".into(), task_id: "t".into(), kill_policy: None });
        assert_eq!(events.next().await["kill"]["task_id"]["value"], "t");
        node.report("TASK_KILLED", [2; 16]).await;
        assert_eq!(node.update().status.state, TaskState::Killed);

        agent::stop(&node.agent).await.unwrap();
        node.runtime.shutdown();
    });
}

#[test]
fn an_executor_that_dies_is_told_with_its_wait_status() {
    play(async {
        let dir = tempfile::tempdir().unwrap();
        let mut node = Node::start(dir.path());
        node.register();
        run(&node, "exit 7");
        let Heard::Exited(exited) = node.hear() else { panic!("its exit comes first") };
        assert_eq!(exited.status, 7 << 8);
        let update = node.update();
        assert_eq!(update.status.message.as_deref(), Some("Executor terminated"));
        assert_eq!(update.status.state, TaskState::Failed);
        agent::stop(&node.agent).await.unwrap();
        node.runtime.shutdown();
    });
}

#[test]
fn an_agent_that_comes_back_finds_its_executor_and_loses_no_update() {
    play(async {
        let dir = tempfile::tempdir().unwrap();
        let mut node = Node::start(dir.path());
        node.register();
        run(&node, "sleep 1000");
        let mut events = node.subscribe(&[]).await;
        events.next().await;
        events.next().await;
        node.report("TASK_RUNNING", [1; 16]).await;
        events.next().await;
        // Heard but not acknowledged when the agent goes.
        let Heard::Update(lost) = node.hear() else { panic!("an update was sent") };
        let before = node.json("/containers").await[0]["container_id"].clone();
        drop(events);
        node.runtime.shutdown();
        drop(node);

        let mut node = Node::start(dir.path());
        let mut events = node.subscribe(&[task("")]).await;
        assert_eq!(events.next().await["type"], "SUBSCRIBED");
        let came = node.reregister();
        assert_eq!((came.tasks.len(), came.executors.len()), (1, 1));
        assert_eq!(came.info.id, Some("S0".into()));
        let again = node.update();
        assert_eq!(again.status, lost.status);
        assert_eq!(node.json("/containers").await[0]["container_id"], before);
        assert_eq!(node.report("TASK_FINISHED", [2; 16]).await, StatusCode::ACCEPTED);
        assert_eq!(node.update().status.state, TaskState::Finished);
        drop(events);
        agent::stop(&node.agent).await.unwrap();
        node.runtime.shutdown();
    });
}

#[test]
fn an_executor_that_ended_while_the_agent_was_away_is_reported_once() {
    play(async {
        let dir = tempfile::tempdir().unwrap();
        let mut node = Node::start(dir.path());
        node.register();
        run(&node, "while [ ! -e end ]; do sleep 0.05; done; exit 37");
        let mut events = node.subscribe(&[]).await;
        events.next().await;
        events.next().await;
        let directory = node.json("/state").await["frameworks"][0]["executors"][0]["directory"].clone();
        drop(events);
        node.runtime.shutdown();
        drop(node);
        std::fs::write(Path::new(directory.as_str().unwrap()).join("end"), "").unwrap();
        std::thread::sleep(Duration::from_millis(300));

        let mut node = Node::start(dir.path());
        let came = node.reregister();
        assert_eq!((came.tasks.len(), came.executors.len()), (1, 0));
        let update = node.update();
        assert_eq!(update.status.state, TaskState::Failed);
        let mut more = std::iter::from_fn(|| node.heard.recv_timeout(Duration::from_millis(300)).ok());
        assert!(!more.any(|heard| matches!(heard, Heard::Update(_))), "once is enough");
        agent::stop(&node.agent).await.unwrap();
        node.runtime.shutdown();
    });
}

/// A persistent volume of role `web`.
fn volume() -> Resources {
    let mut volume = Resource::scalar("disk", Scalar::whole(64));
    volume.reservations = vec![Reservation::dynamic("web", None)];
    volume.disk = Some(Arc::new(Disk {
        persistence: Some(Persistence { id: "v".into(), principal: None }),
        volume: Some(Volume::writable("data")),
        source: None,
    }));
    volume.into()
}

impl Node {
    fn convert(&self, number: u8, conversion: Conversion) {
        let (framework_id, uuid) = (Some("f".into()), UpdateId::from_bytes([number; 16]));
        self.say(ApplyOperation { epoch: EPOCH, framework_id, operation_id: None, conversion, uuid });
    }

    /// What came of the next operation, and why.
    fn operation(&self) -> (OperationState, String) {
        let told = loop {
            match self.hear() {
                Heard::Operation(told) => break told,
                // What is not written down is told at once.
                Heard::Exited(_) => {}
                other => panic!("{other:?}"),
            }
        };
        self.say(AcknowledgeOperation { epoch: EPOCH, operation: told.operation });
        (told.status.state, told.status.message.unwrap_or_default())
    }
}

#[test]
fn a_volume_is_there_when_that_is_told_and_a_task_without_its_volume_does_not_run() {
    play(async {
        let dir = tempfile::tempdir().unwrap();
        let mut node = Node::start(dir.path());
        node.register();
        let (place, mut task) = (dir.path().join("volumes/roles/web/v"), task("sleep 1000"));
        let resources = volume().map(|disk| disk.disk = None);
        node.convert(1, Conversion::Reserve { source: Resources::new(), resources });
        assert_eq!(node.operation().0, OperationState::Finished);

        // Where the directories of the role are to be, there is a file.
        std::fs::create_dir_all(dir.path().join("volumes/roles")).unwrap();
        std::fs::write(dir.path().join("volumes/roles/web"), "").unwrap();
        node.convert(2, Conversion::Create { volumes: volume() });
        task.resources += volume().allocate(&"web".into());
        node.say(RunTask { epoch: EPOCH, framework: framework(), task, launch_executor: true });
        let (state, why) = node.operation();
        assert_eq!(state, OperationState::Failed);
        assert!(why.starts_with("Volume 'v' cannot be made: "), "{why}");
        let update = node.update();
        assert_eq!(update.status.state, TaskState::Dropped);
        assert!(update.status.message.unwrap().ends_with(&why));

        std::fs::remove_file(dir.path().join("volumes/roles/web")).unwrap();
        node.convert(3, Conversion::Create { volumes: volume() });
        assert_eq!(node.operation().0, OperationState::Finished);
        assert!(place.is_dir());

        // Where what is destroyed is moved to, there is a file.
        std::fs::write(dir.path().join("volumes/.destroyed"), "").unwrap();
        std::fs::write(place.join("data"), "x").unwrap();
        node.convert(4, Conversion::Destroy { volumes: volume() });
        let (state, why) = node.operation();
        assert_eq!(state, OperationState::Failed);
        assert!(why.starts_with("Volume 'v' cannot be removed: "), "{why}");
        assert!(place.join("data").exists());

        std::fs::remove_file(dir.path().join("volumes/.destroyed")).unwrap();
        node.convert(5, Conversion::Destroy { volumes: volume() });
        assert_eq!(node.operation().0, OperationState::Finished);
        assert!(!place.exists());
        agent::stop(&node.agent).await.unwrap();
        node.runtime.shutdown();
    });
}

#[test]
fn two_agents_cannot_share_a_work_directory() {
    play(async {
        let dir = tempfile::tempdir().unwrap();
        let node = Node::start(dir.path());
        let other = Runtime::start(libprocess::Config { listen: None, ..Default::default() }).unwrap();
        let refused = agent::spawn(&other, Config::new(dir.path().to_owned(), Vec::new())).err().unwrap();
        assert!(refused.to_string().starts_with("another agent uses the work directory"), "{refused}");
        other.shutdown();
        node.runtime.shutdown();
    });
}
