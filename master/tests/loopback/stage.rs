//! The stage: a runtime with a master, an agent that pretends to run what it is given, and a scheduler's eyes and hands.

use std::time::Duration;

use api::recordio::Decoder;
use libprocess::http::{Body, Client, Request};
use libprocess::{
    Actor, Context, Credential, Doors, Handler, Message, Principal, Process, Received, Runtime, Secret,
    Spawn, Upid,
};
use model::messages::{
    AcknowledgeStatus, FrameworkMessage, KillTask, Ping, Pong, RegisterAgent, Registered, RunTask,
    UpdateStatus,
};
use model::{
    AgentCapabilities, AgentId, AgentInfo, Attributes, ExecutorId, FrameworkId, StatusSource, TaskId,
    TaskState, TaskStatus, UpdateId,
};
use serde_json::{Value, json};

/// A master that runs.
pub(crate) struct Cluster {
    runtime: Runtime,
    master: Upid,
    agents: Vec<Runtime>,
    /// As whom schedulers come.
    credential: Option<Credential>,
}

impl Cluster {
    fn start(config: master::Config) -> Cluster {
        let threads = libprocess::Config { shards: 2, ..libprocess::Config::default() };
        let runtime = Runtime::start(threads).expect("loopback has a free port");
        let master = master::spawn(&runtime, config).expect("the name is free");
        runtime.block_on(master::ready(&runtime, &master)).expect("it comes to lead");
        Cluster { master: master.upid().clone(), runtime, agents: Vec::new(), credential: None }
    }

    /// Schedulers that come from here on prove this.
    #[allow(dead_code, reason = "the bench asks nobody")]
    pub(crate) fn credential(&mut self, principal: &str, secret: &str) {
        let (principal, secret) = (Principal::new(principal), Secret::new(secret.as_bytes()));
        self.credential = Some(Credential { principal, secret });
    }

    /// Where a path of the master is.
    #[allow(dead_code, reason = "the bench asks the scheduler API alone")]
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.runtime.address())
    }

    #[allow(dead_code, reason = "the bench asks the scheduler API alone")]
    pub(crate) fn client(&self) -> Client {
        self.runtime.client()
    }

    /// An agent that answers pings, runs every task and ends it when its start is acknowledged.
    pub(crate) fn agent(&mut self, resources: &str) {
        self.agent_that(Manner::Runs, resources);
    }

    /// An agent of another manner, in a runtime of its own: whatever it says travels over a link.
    pub(crate) fn agent_that(&mut self, manner: Manner, resources: &str) {
        let runtime = Runtime::start(libprocess::Config::default()).expect("loopback has a free port");
        let (master, resources) = (self.master.bare(), resources.to_owned());
        let make = move || Pretender { master, resources, manner, id: None, updates: 0 };
        runtime.spawn(Spawn::named("slave(1)"), make).expect("it is alone there");
        self.agents.push(runtime);
    }

    /// The machine of the agent that came first is switched off.
    pub(crate) fn switch_off(&mut self) {
        self.agents.remove(0).shutdown();
    }

    /// Opens a stream for a new framework.
    pub(crate) async fn subscribe(&self) -> Scheduler {
        self.subscribe_as(json!({
            "user": "root", "name": "tests", "roles": ["web"], "failover_timeout": 60.0, "checkpoint": true,
            "capabilities": [{"type": "MULTI_ROLE"}, {"type": "PARTITION_AWARE"}],
        }))
        .await
    }

    /// Opens a stream for a framework that has subscribed before.
    pub(crate) async fn subscribe_again(&self, framework: &Value) -> Scheduler {
        self.subscribe_as(json!({
            "user": "root", "name": "tests", "roles": ["web"], "failover_timeout": 60.0, "checkpoint": true,
            "capabilities": [{"type": "MULTI_ROLE"}, {"type": "PARTITION_AWARE"}], "id": framework,
        }))
        .await
    }

    pub(crate) async fn subscribe_as(&self, info: Value) -> Scheduler {
        let mut call = json!({"type": "SUBSCRIBE", "subscribe": {"framework_info": info}});
        if let Some(id) = info.get("id") {
            call["framework_id"] = id.clone();
        }
        let (status, stream, body) = self.post(&call, None).await;
        assert_eq!(status, 200);
        Scheduler {
            runtime: self.runtime.clone(),
            credential: self.credential.clone(),
            framework: Value::Null,
            stream,
            events: body,
            records: Decoder::new(16 << 20),
            back: None,
            passed: Vec::new(),
        }
    }

    /// Sends any request to the scheduler API; the status and the text.
    pub(crate) async fn raw(&self, headers: &[(&str, &str)], body: impl Into<Body>) -> (u16, String) {
        let url = format!("http://{}/api/v1/scheduler", self.runtime.address());
        let mut request = Request::post(&url).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = self.runtime.client().send(request).await.expect("the master listens");
        let text = response.bytes(1 << 20).await.expect("a short answer");
        (response.status.as_u16(), String::from_utf8(text.to_vec()).expect("text"))
    }

    /// Makes an operator's call; the status.
    #[allow(dead_code, reason = "the bench has no operator")]
    pub(crate) async fn operate(&self, call: &Value) -> u16 {
        let request = Request::post(&self.url("/api/v1")).header("Content-Type", "application/json");
        let request = request.body(call.to_string());
        self.runtime.client().send(request).await.expect("the master listens").status.as_u16()
    }

    /// What a path says; the status and the text.
    #[allow(dead_code, reason = "the bench asks nothing")]
    pub(crate) async fn get_text(&self, path: &str) -> (u16, String) {
        let url = format!("http://{}{path}", self.runtime.address());
        let mut response = self.runtime.client().send(Request::get(&url)).await.expect("the master listens");
        let text = response.bytes(1 << 20).await.expect("a short answer");
        (response.status.as_u16(), String::from_utf8(text.to_vec()).expect("text"))
    }

    /// The same where it is JSON.
    #[allow(dead_code, reason = "the bench asks nothing")]
    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        let (status, text) = self.get_text(path).await;
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// Time since the runtime started.
    #[allow(dead_code, reason = "the bench uses it")]
    pub(crate) fn now(&self) -> Duration {
        self.runtime.elapsed()
    }

    /// A pause, for what is promised to happen by itself.
    pub(crate) async fn sleep(&self, time: Duration) {
        self.runtime.sleep(time).await;
    }

    /// Posts a body of some type, and takes an answer of the same; the status, the stream's name and the body.
    #[allow(dead_code, reason = "the bench speaks JSON")]
    pub(crate) async fn send(
        &self,
        ty: &str,
        body: impl Into<Body>,
        stream: Option<&str>,
    ) -> (u16, Option<String>, Body) {
        send(&self.runtime, &self.credential, ty, body, stream).await
    }

    /// Posts a call; the status, the stream's name and the body.
    pub(crate) async fn post(&self, call: &Value, stream: Option<&str>) -> (u16, Option<String>, Body) {
        post(&self.runtime, &self.credential, call, stream).await
    }
}

async fn post(
    runtime: &Runtime,
    credential: &Option<Credential>,
    call: &Value,
    stream: Option<&str>,
) -> (u16, Option<String>, Body) {
    send(runtime, credential, "application/json", call.to_string(), stream).await
}

async fn send(
    runtime: &Runtime,
    credential: &Option<Credential>,
    ty: &str,
    body: impl Into<Body>,
    stream: Option<&str>,
) -> (u16, Option<String>, Body) {
    let url = format!("http://{}/api/v1/scheduler", runtime.address());
    let mut request = Request::post(&url).header("Content-Type", ty).header("Accept", ty).body(body);
    if let Some(stream) = stream {
        request = request.header("Mesos-Stream-Id", stream);
    }
    if let Some(credential) = credential {
        request = request.credential(credential);
    }
    let response = runtime.client().send(request).await.expect("the master listens");
    let stream = response.headers.get("Mesos-Stream-Id").map(|id| id.to_str().unwrap().to_owned());
    (response.status.as_u16(), stream, response.body)
}

/// Plays a test on a stage of its own.
pub(crate) fn play<T: AsyncFnOnce(&mut Cluster)>(test: T) {
    play_with(master::Config::default(), test);
}

/// The same, with a master told to behave in some way.
pub(crate) fn play_with<T: AsyncFnOnce(&mut Cluster)>(config: master::Config, test: T) {
    let mut cluster = Cluster::start(config);
    cluster.runtime.clone().block_on(test(&mut cluster));
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.agents.drain(..).for_each(|agent| agent.shutdown());
        self.runtime.shutdown();
    }
}

/// A scheduler with a stream open.
pub(crate) struct Scheduler {
    runtime: Runtime,
    credential: Option<Credential>,
    pub(crate) framework: Value,
    pub(crate) stream: Option<String>,
    events: Body,
    records: Decoder,
    back: Option<Value>,
    /// Offers that came while something else was waited for.
    passed: Vec<Value>,
}

impl Scheduler {
    /// Stops reading and closes the connection.
    pub(crate) fn hang_up(self) -> Self {
        Scheduler { events: Body::Empty, ..self }
    }

    /// The next event.
    pub(crate) async fn next(&mut self) -> Value {
        self.try_next().await.expect("the stream goes on")
    }

    /// The next event, or none when the stream has ended.
    pub(crate) async fn try_next(&mut self) -> Option<Value> {
        if let Some(event) = self.back.take() {
            return Some(event);
        }
        let record = loop {
            match self.records.next().expect("records are whole") {
                Some(record) => break record,
                None => self.records.push(self.events.next().await?.expect("the stream is whole")),
            }
        };
        let event: Value = serde_json::from_slice(&record).expect("a record is JSON");
        if event["type"] == "SUBSCRIBED" {
            self.framework = event["subscribed"]["framework_id"].clone();
        }
        Some(event)
    }

    /// Has an event read once more.
    #[allow(dead_code, reason = "the bench uses it")]
    pub(crate) fn put_back(&mut self, event: Value) {
        self.back = Some(event);
    }

    /// The next event of a kind; others are passed over.
    pub(crate) async fn until(&mut self, kind: &str) -> Value {
        loop {
            let event = self.next().await;
            if event["type"] == kind {
                return event;
            }
            if event["type"] == "OFFERS" {
                self.passed.extend(event["offers"]["offers"].as_array().expect("a list").iter().cloned());
            }
        }
    }

    /// The next offer, those passed over first.
    pub(crate) async fn offer(&mut self) -> Value {
        if self.passed.is_empty() {
            let event = self.until("OFFERS").await;
            self.passed.extend(event["offers"]["offers"].as_array().expect("a list").iter().cloned());
        }
        self.passed.remove(0)
    }

    /// Makes a call on this stream; the status and the text.
    pub(crate) async fn call(&self, mut call: Value) -> (u16, String) {
        call["framework_id"] = self.framework.clone();
        let (status, _, mut body) =
            post(&self.runtime, &self.credential, &call, self.stream.as_deref()).await;
        let text = body.bytes(1 << 20).await.expect("a short answer");
        (status, String::from_utf8(text.to_vec()).expect("text"))
    }

    /// Says that nothing is lost: everything the agent has comes back as one offer.
    pub(crate) async fn all_is_offered(&mut self, cpus: f64) {
        loop {
            let offer = self.offer().await;
            let resources = offer["resources"].as_array().expect("a list");
            let found =
                resources.iter().find(|resource| resource["name"] == "cpus").expect("cpus are offered");
            if found["scalar"]["value"] == cpus {
                return;
            }
            let decline = json!({"offer_ids": [offer["id"]], "filters": {"refuse_seconds": 0.0}});
            self.call(json!({"type": "DECLINE", "decline": decline})).await;
        }
    }

    /// Acknowledges an update.
    pub(crate) async fn acknowledge(&self, update: &Value) -> u16 {
        let status = &update["update"]["status"];
        let (agent, task, uuid) = (&status["agent_id"], &status["task_id"], &status["uuid"]);
        let body = json!({"agent_id": agent, "task_id": task, "uuid": uuid});
        self.call(json!({"type": "ACKNOWLEDGE", "acknowledge": body})).await.0
    }
}

/// An ACCEPT that launches one command task.
pub(crate) fn launch(offer: &Value, task: &str, cpus: f64) -> Value {
    json!({"type": "ACCEPT", "accept": {
        "offer_ids": [offer["id"]],
        "operations": [{"type": "LAUNCH", "launch": {"task_infos": [{
            "name": task, "task_id": {"value": task}, "agent_id": offer["agent_id"],
            "resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": cpus}}],
            "command": {"value": "true"},
        }]}}],
        "filters": {"refuse_seconds": 0.0},
    }})
}

/// How a pretended agent behaves.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Runs every task, and ends it when its start is acknowledged.
    Runs,
    /// Dies of the first task.
    Dies,
}

/// An agent that runs nothing and says that all goes well.
struct Pretender {
    manner: Manner,
    master: Upid,
    resources: String,
    id: Option<AgentId>,
    updates: u64,
}

/// What a pretended agent hears.
enum Heard {
    Registered(Registered),
    Ping,
    RunTask(Box<RunTask>),
    KillTask(KillTask),
    Message,
    Acknowledged(AcknowledgeStatus),
    Again,
}

/// When an agent that was not answered asks once more. Long: a question that is still in the master's mailbox when the agent dies is
/// taken for another agent's.
const AGAIN: Duration = Duration::from_millis(500);

impl Pretender {
    fn update(
        &mut self,
        framework: FrameworkId,
        task: TaskId,
        executor: Option<ExecutorId>,
        state: TaskState,
        ctx: &mut Context<Self>,
    ) {
        self.updates += 1;
        let agent_id = self.id.clone().expect("tasks come after registration");
        let mut status = TaskStatus::new(task, state);
        status.source = Some(StatusSource::Executor);
        status.agent_id = Some(agent_id.clone());
        status.executor_id = executor;
        // The first byte says whether the update is of a start, the others make it one of a kind.
        let mut uuid = [u8::from(state == TaskState::Running); 16];
        uuid[8..].copy_from_slice(&self.updates.to_le_bytes());
        status.uuid = Some(UpdateId::from_bytes(uuid));
        let update = UpdateStatus { framework_id: framework, agent_id, status, latest_state: state };
        let _ = ctx.send(&self.master.clone(), update);
    }

    fn register(&self, ctx: &mut Context<Self>) {
        let info = AgentInfo {
            id: None,
            hostname: "agent1.example".to_owned(),
            port: 5051,
            resources: self.resources.parse().expect("the test wrote it well"),
            attributes: Attributes::default(),
            domain: None,
        };
        let capabilities = AgentCapabilities(model::AgentCapability::ALL.into_iter().collect());
        let _ = ctx.send(
            &self.master.clone(),
            RegisterAgent { total: info.resources.clone(), info, version: "1.11.0".to_owned(), capabilities },
        );
    }
}

impl Message for Heard {
    type Result = ();
}

impl Actor for Pretender {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        self.register(ctx);
        ctx.after(AGAIN, Heard::Again);
    }
}

impl Process for Pretender {
    const KIND: &'static str = "agent";
    type Input = Heard;

    fn doors(&self, doors: &mut Doors<Self>) {
        doors.message::<Registered>();
        doors.message::<Ping>();
        doors.message::<RunTask>();
        doors.message::<KillTask>();
        doors.message::<FrameworkMessage>();
        doors.message::<AcknowledgeStatus>();
    }
}

impl Handler<Heard> for Pretender {
    type Result = ();

    fn handle(&mut self, heard: Heard, ctx: &mut Context<Self>) {
        match heard {
            Heard::Registered(registered) => self.id = Some(registered.agent_id),
            Heard::Again if self.id.is_none() => {
                self.register(ctx);
                ctx.after(AGAIN, Heard::Again);
            }
            Heard::Again | Heard::Message => {}
            Heard::Ping => {
                let agent_id = self.id.clone().expect("pings come after registration");
                let _ = ctx.send(&self.master.clone(), Pong { agent_id });
            }
            Heard::RunTask(_) if self.manner == Manner::Dies => ctx.stop(),
            Heard::RunTask(run) => {
                let framework = run.framework.id.clone().expect("the master fills it in");
                self.update(framework, run.task.id, None, TaskState::Running, ctx);
            }
            Heard::KillTask(kill) => {
                self.update(kill.framework_id, kill.task_id, None, TaskState::Killed, ctx)
            }
            Heard::Acknowledged(acknowledged) => {
                // What is heard of a start ends it.
                if acknowledged.uuid.as_bytes()[0] == 1 {
                    let AcknowledgeStatus { framework_id, task_id, .. } = acknowledged;
                    self.update(framework_id, task_id, None, TaskState::Finished, ctx);
                }
            }
        }
    }
}

macro_rules! heard {
    ($($message:ident => $make:expr),* $(,)?) => {$(
        impl From<Received<$message>> for Heard {
            fn from(received: Received<$message>) -> Self {
                $make(received.body)
            }
        }
    )*};
}

heard! {
    Registered => Heard::Registered,
    Ping => |_: Ping| Heard::Ping,
    RunTask => |run| Heard::RunTask(Box::new(run)),
    KillTask => Heard::KillTask,
    FrameworkMessage => |_: FrameworkMessage| Heard::Message,
    AcknowledgeStatus => Heard::Acknowledged,
}
