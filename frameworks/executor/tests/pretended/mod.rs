//! A pretended agent on loopback: takes one executor in, tells it what the test says, and keeps what
//! it hears.

#![allow(dead_code, reason = "each test uses its part")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, SystemTime};

use api::content::{self, MediaType};
use api::v1::executor::{Call, Event, call, event};
use api::{recordio, v1};
use executor::Environment;
use libprocess::http::{
    Handler, Limits, Request, Response, Route, Router, Server, StatusCode, StreamSender, stream,
};
use libprocess::metrics::Metrics;

/// Long enough for a busy machine; a test that waits for so long has failed.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Agent {
    pub(crate) address: SocketAddr,
    calls: mpsc::Receiver<Call>,
    streams: mpsc::Receiver<StreamSender>,
    stream: Option<StreamSender>,
    switches: Arc<Mutex<Switches>>,
    /// Ends the agent's thread when dropped.
    _end: tokio::sync::oneshot::Sender<()>,
}

/// How the agent behaves at the moment.
struct Switches {
    acknowledges: bool,
    away: bool,
}

impl Agent {
    pub(crate) fn start() -> Agent {
        let (call_heard, calls) = mpsc::channel();
        let (stream_opened, streams) = mpsc::channel();
        let (address_known, address) = mpsc::channel();
        let (end, ended) = tokio::sync::oneshot::channel();
        let switches = Arc::new(Mutex::new(Switches { acknowledges: true, away: false }));
        let shared = switches.clone();
        std::thread::spawn(move || {
            let reactor = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            tokio::task::LocalSet::new().block_on(&reactor, async move {
                let current: Arc<Mutex<Option<StreamSender>>> = Arc::default();
                let handler: Handler = Arc::new(move |request| {
                    let (heard, opened) = (call_heard.clone(), stream_opened.clone());
                    Box::pin(answer(request, heard, opened, current.clone(), shared.clone()))
                });
                let router = Router::new(Metrics::new());
                router.mount("slave(1)", vec![(Route::post("/api/v1/executor"), handler)]);
                router.delegate("slave(1)");
                let clock = Arc::new(|| SystemTime::UNIX_EPOCH);
                let server = Arc::new(Server::new(router, Limits::default(), clock));
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                address_known.send(listener.local_addr().unwrap()).unwrap();
                let accepting = async {
                    while let Ok((socket, peer)) = listener.accept().await {
                        tokio::task::spawn_local(server.clone().serve(socket, Some(peer)));
                    }
                };
                futures_util::future::select(ended, std::pin::pin!(accepting)).await;
            });
        });
        let address = address.recv().unwrap();
        Agent { address, calls, streams, stream: None, switches, _end: end }
    }

    /// What an executor of this agent is told at birth.
    pub(crate) fn environment(&self) -> Environment {
        Environment {
            framework_id: "f".into(),
            executor_id: "e".into(),
            agent: self.address.to_string(),
            sandbox: ".".to_owned(),
            recovery: None,
            shutdown_grace: Duration::from_secs(5),
            token: None,
        }
    }

    /// Waits for SUBSCRIBE, and answers it.
    pub(crate) fn subscribed(
        &mut self,
        capabilities: &[v1::framework_info::capability::Type],
    ) -> call::Subscribe {
        let call = self.next_call();
        assert_eq!(call.r#type(), call::Type::Subscribe);
        self.stream = Some(self.streams.recv_timeout(PATIENCE).expect("an open stream"));
        let capability = |kind: &v1::framework_info::capability::Type| v1::framework_info::Capability {
            r#type: Some(i32::from(*kind)),
        };
        let framework = v1::FrameworkInfo {
            user: "u".into(),
            name: "f".into(),
            capabilities: capabilities.iter().map(capability).collect(),
            ..Default::default()
        };
        self.tell(Event {
            r#type: Some(event::Type::Subscribed.into()),
            subscribed: Some(event::Subscribed {
                executor_info: v1::ExecutorInfo {
                    executor_id: v1::ExecutorId { value: "e".into() },
                    ..Default::default()
                },
                framework_info: framework,
                agent_info: v1::AgentInfo { hostname: "h".into(), ..Default::default() },
                container_id: None,
            }),
            ..Default::default()
        });
        call.subscribe.unwrap_or_default()
    }

    pub(crate) fn tell(&self, event: Event) {
        let record = content::encode(&event, MediaType::Protobuf);
        self.stream.as_ref().expect("a subscribed executor").send(recordio::encode(&record)).unwrap();
    }

    pub(crate) fn launch(&self, task: v1::TaskInfo) {
        let launch = event::Launch { task };
        self.tell(Event {
            r#type: Some(event::Type::Launch.into()),
            launch: Some(launch),
            ..Default::default()
        });
    }

    pub(crate) fn launch_group(&self, tasks: Vec<v1::TaskInfo>) {
        let launch_group = event::LaunchGroup { task_group: v1::TaskGroupInfo { tasks } };
        self.tell(Event {
            r#type: Some(event::Type::LaunchGroup.into()),
            launch_group: Some(launch_group),
            ..Default::default()
        });
    }

    pub(crate) fn kill(&self, task: &str, grace: Option<Duration>) {
        let grace_period = grace.map(|grace| v1::DurationInfo { nanoseconds: grace.as_nanos() as i64 });
        let kill = event::Kill {
            task_id: v1::TaskId { value: task.into() },
            kill_policy: Some(v1::KillPolicy { grace_period }),
        };
        self.tell(Event { r#type: Some(event::Type::Kill.into()), kill: Some(kill), ..Default::default() });
    }

    pub(crate) fn shut_down(&self) {
        self.tell(Event { r#type: Some(event::Type::Shutdown.into()), ..Default::default() });
    }

    pub(crate) fn message(&self, data: &[u8]) {
        let message = event::Message { data: data.to_vec() };
        self.tell(Event {
            r#type: Some(event::Type::Message.into()),
            message: Some(message),
            ..Default::default()
        });
    }

    /// Keeps updates to itself from now on, or acknowledges them.
    pub(crate) fn acknowledges(&self, acknowledges: bool) {
        self.switches.lock().unwrap().acknowledges = acknowledges;
    }

    /// Breaks the stream, and answers 503 until it is back.
    pub(crate) fn go_away(&mut self) {
        self.switches.lock().unwrap().away = true;
        self.stream.take().expect("a subscribed executor").abort();
    }

    pub(crate) fn come_back(&self) {
        self.switches.lock().unwrap().away = false;
    }

    pub(crate) fn next_call(&self) -> Call {
        self.calls.recv_timeout(PATIENCE).expect("a call")
    }

    /// The status of the next call, which is an UPDATE.
    pub(crate) fn update(&self) -> v1::TaskStatus {
        let call = self.next_call();
        assert_eq!(call.r#type(), call::Type::Update);
        call.update.expect("an update").status
    }

    /// The state and message of the next call, which is an UPDATE.
    pub(crate) fn state(&self) -> (v1::TaskState, String) {
        let status = self.update();
        (status.state(), status.message.unwrap_or_default())
    }
}

async fn answer(
    mut request: Request,
    heard: mpsc::Sender<Call>,
    opened: mpsc::Sender<StreamSender>,
    current: Arc<Mutex<Option<StreamSender>>>,
    switches: Arc<Mutex<Switches>>,
) -> Response {
    let body = request.bytes(1 << 20).await.unwrap();
    let call: Call = content::decode_call(&body, MediaType::Protobuf).unwrap();
    assert_eq!(call.executor_id.value, "e");
    if switches.lock().unwrap().away {
        return Response::text(StatusCode::SERVICE_UNAVAILABLE, "Agent has not finished recovery");
    }
    if call.r#type() == call::Type::Subscribe {
        let (sender, body) = stream(100, 1 << 20);
        *current.lock().unwrap() = Some(sender.clone());
        let _ = opened.send(sender);
        let _ = heard.send(call);
        return Response::ok().header("content-type", "application/x-protobuf").body(body);
    }
    if let Some(call::Update { status }) = &call.update
        && switches.lock().unwrap().acknowledges
        && let Some(stream) = &*current.lock().unwrap()
    {
        let acknowledged = event::Acknowledged {
            task_id: status.task_id.clone(),
            uuid: status.uuid.clone().expect("every update has a uuid"),
        };
        let event = Event {
            r#type: Some(event::Type::Acknowledged.into()),
            acknowledged: Some(acknowledged),
            ..Default::default()
        };
        let _ = stream.send(recordio::encode(&content::encode(&event, MediaType::Protobuf)));
    }
    let _ = heard.send(call);
    Response::accepted()
}

/// A task of one shell line.
pub(crate) fn task(id: &str, line: &str) -> v1::TaskInfo {
    v1::TaskInfo {
        name: id.into(),
        task_id: v1::TaskId { value: id.into() },
        agent_id: v1::AgentId { value: "a".into() },
        command: Some(v1::CommandInfo { value: Some(line.into()), ..Default::default() }),
        ..Default::default()
    }
}
