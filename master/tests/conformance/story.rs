//! A master on loopback that goes through what the captured one went through.

mod replay;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use libprocess::http::{Body, HeaderName, HeaderValue, Method, Request};
use libprocess::{Config, Runtime, Spawn, Upid, Verbosity};
use serde_json::{Value, json};

use crate::agent::Pretender;
use crate::deviations::{BY_CHANCE, DEVIATIONS, NOT_REPLAYED, meant};
use crate::golden::{self, Exchange};

/// How long something may take to happen.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Story {
    runtime: Runtime,
    master: Upid,
    /// Our master's id; stands wherever theirs does.
    id: String,
    stream: Option<(String, Body)>,
    offer: Option<String>,
    /// Updates that master and agent sent about tasks, as the captured stream has them.
    updates: Vec<Value>,
    found: Vec<(String, String)>,
    met: BTreeSet<usize>,
}

/// What an exchange is answered with.
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    flags: master::flags::Flags,
}

/// A log that says as much as before, however much is asked for.
struct Log;

impl Verbosity for Log {
    fn set(&self, _: u32) {}
}

/// Tells a story from its beginning, and judges it.
pub(crate) fn tell(story: impl AsyncFnOnce(&mut Story)) {
    let runtime =
        Runtime::start(Config { shards: 2, ..Config::default() }).expect("loopback has a free port");
    runtime.logging().install(Arc::new(Log));
    runtime.clone().block_on(async {
        let mut told = Story::begin(runtime).await;
        story(&mut told).await;
        told.judge();
    });
}

impl Story {
    /// A master that has just begun to lead, started as the captured one was.
    async fn begin(runtime: Runtime) -> Story {
        let words = [
            "master",
            "--cluster=golden",
            "--hostname=master1.example",
            "--hostname_lookup=false",
            "--ip=127.0.0.1",
            "--work_dir=/w",
        ];
        let mut config = Line::parse_from(words).flags.config().expect("good flags");
        // What is refused for half a second comes back after that, not after a whole one.
        config.sharing.filter_min = Duration::from_millis(1);
        let master = master::spawn(&runtime, config).expect("the name is free").upid().clone();
        let mut story = Story {
            runtime,
            master,
            id: String::new(),
            stream: None,
            offer: None,
            updates: Vec::new(),
            found: Vec::new(),
            met: BTreeSet::new(),
        };
        story.until("the master leads", |state| state["elected_time"].is_number()).await;
        story.id = story.state().await["id"].as_str().expect("a master has an id").to_owned();
        story
    }

    /// Replays the exchanges of a folder that are meant.
    pub(crate) async fn replay_all(&mut self, folder: &str, wanted: impl Fn(&Exchange) -> bool) {
        let skipped = |exchange: &Exchange| NOT_REPLAYED.iter().any(|(name, _)| *name == exchange.name);
        for exchange in
            golden::folder(folder).iter().filter(|exchange| wanted(exchange) && !skipped(exchange))
        {
            let place = format!("{folder}/{}", exchange.name);
            let lines = self.replay(exchange).await;
            for line in lines {
                self.note(&place, line);
            }
        }
    }

    /// Replays named exchanges of a folder, in this order.
    pub(crate) async fn replay_in_order(&mut self, folder: &str, names: &[&str]) {
        for name in names {
            let exchange = golden::one(folder, name);
            for line in self.replay(&exchange).await {
                self.note(&format!("{folder}/{name}"), line);
            }
        }
    }

    pub(crate) async fn add_agent(&mut self) {
        let master = self.master.clone();
        self.runtime.spawn(Spawn::named("slave(1)"), move || Pretender::new(master)).expect("once");
        self.until("the agent is registered", |state| {
            state["slaves"].as_array().is_some_and(|agents| agents.len() == 1)
        })
        .await;
    }

    /// Subscribes as the captured framework did, and waits for the first offer.
    pub(crate) async fn subscribe(&mut self) {
        self.open(framework()).await;
        self.await_offer().await;
    }

    /// Subscribes again under the same id: the old stream hears of it and ends.
    pub(crate) async fn fail_over(&mut self) {
        let (_, mut old) = self.stream.take().expect("somebody reads");
        self.offer = None;
        let mut info = framework();
        info["id"] = json!({"value": format!("{}-0000", self.id)});
        self.open(info).await;
        let mut last = String::new();
        while let Some(chunk) = old.next().await {
            last = String::from_utf8_lossy(&chunk.expect("an orderly end")).into_owned();
        }
        assert!(last.ends_with(r#"{"type":"ERROR","error":{"message":"Framework failed over"}}"#), "{last}");
        self.await_offer().await;
    }

    async fn open(&mut self, info: Value) {
        let mut call = json!({"type": "SUBSCRIBE", "subscribe": {"framework_info": info}});
        if let Some(id) = info.get("id") {
            call["framework_id"] = id.clone();
        }
        let request =
            self.request(&Method::POST, "/api/v1/scheduler").header("Content-Type", "application/json");
        let client = self.runtime.client();
        let response = client.send(request.body(call.to_string())).await.expect("the master listens");
        assert_eq!(response.status.as_u16(), 200);
        let stream = response.headers.get("Mesos-Stream-Id").expect("a stream has a name");
        self.stream = Some((stream.to_str().expect("a name is text").to_owned(), response.body));
    }

    /// The captured launch of a task that goes on and of one that ends.
    pub(crate) async fn launch(&mut self, name: &str) {
        self.call(name).await;
        self.await_update("t-sleep", "TASK_RUNNING").await;
        self.await_update("t-true", "TASK_FINISHED").await;
    }

    /// A captured call of the scheduler; its status is compared.
    pub(crate) async fn call(&mut self, name: &str) {
        let exchange = golden::one("scheduler", name);
        let lines = self.replay(&exchange).await;
        for line in lines {
            self.note(&format!("scheduler/{name}"), line);
        }
    }

    /// What the master said to invalid tasks and offers must be what theirs said, in the same order.
    pub(crate) async fn errors_of_invalid_tasks(&mut self) {
        self.await_update("t-onlycpu", "TASK_FINISHED").await;
        let said = |update: &Value| {
            let status = &update["update"]["status"];
            let by_master =
                status["source"] == "SOURCE_MASTER" && status["reason"] != "REASON_RECONCILIATION";
            by_master.then(|| {
                json!([
                    status["task_id"]["value"],
                    status["state"],
                    status["reason"],
                    status["message"],
                    status["uuid"]
                ])
            })
        };
        let theirs: Vec<Value> = golden::events("stream_1_full_session").iter().filter_map(said).collect();
        let theirs: Vec<Value> = theirs.iter().map(|line| self.localised(line)).collect();
        let ours: Vec<Value> = self.updates.iter().filter_map(said).collect();
        assert_eq!(ours.len(), theirs.len(), "{ours:#?}");
        for (golden, ours) in theirs.iter().zip(&ours).filter(|(golden, ours)| golden != ours) {
            let task = golden[0].as_str().unwrap_or_default().to_owned();
            self.note(&format!("updates/{task}"), format!(": {ours} instead of {golden}"));
        }
    }

    /// Everything that is free is on offer, as when the captures were made.
    pub(crate) async fn settle_offers(&mut self) {
        self.await_offer().await;
        self.until("tasks are acknowledged", |state| {
            state["frameworks"][0]["tasks"].as_array().is_some_and(|tasks| tasks.len() == 1)
        })
        .await;
        loop {
            self.until("what ended tasks held is on offer again", |state| {
                let agent = &state["slaves"][0];
                let cpus = |part: &str| agent[part]["cpus"].as_f64().unwrap_or_default();
                (cpus("offered_resources") + cpus("used_resources") - cpus("resources")).abs() < 1e-6
            })
            .await;
            let state = self.state().await;
            let offers = state["frameworks"][0]["offers"].as_array().cloned().unwrap_or_default();
            if offers.len() == 1 {
                return;
            }
            // On a slow machine the last task ended after the rest was offered; once declined, all of it comes as one.
            self.offer = None;
            self.decline(&offers).await;
            self.await_offer().await;
        }
    }

    /// Kills what still runs.
    pub(crate) async fn end_tasks(&mut self) {
        self.call("call_KILL").await;
        self.await_update("t-sleep", "TASK_KILLED").await;
        self.until("nothing runs", |state| state["frameworks"][0]["tasks"] == json!([])).await;
    }

    /// Ends the stream without a word.
    pub(crate) async fn disconnect(&mut self) {
        if let Some((stream, body)) = self.stream.take() {
            drop(body);
            self.until("the framework is away", |state| state["frameworks"][0]["connected"] == false).await;
            // Its name is still sent along.
            self.stream = Some((stream, Body::Empty));
        }
    }

    /// An operator ends the framework.
    pub(crate) async fn teardown(&mut self) {
        let body =
            json!({"type": "TEARDOWN", "teardown": {"framework_id": {"value": format!("{}-0000", self.id)}}});
        let request = self.request(&Method::POST, "/api/v1").header("Content-Type", "application/json");
        let answer = self.send(request.body(body.to_string())).await;
        assert_eq!((answer.status, &*answer.body), (200, &b""[..]));
        self.until("the framework is gone", |state| state["frameworks"] == json!([])).await;
        // The allocator publishes its figures now and then.
        let end = self.runtime.now() + PATIENCE;
        while self.runtime.metrics().snapshot().contains_key("allocator/mesos/roles/roleA/shares/dominant") {
            assert!(self.runtime.now() < end, "its role is gone?");
            self.runtime.sleep(Duration::from_millis(5)).await;
        }
    }

    /// Every difference must be meant, and every deviation met that is not left to chance.
    fn judge(self) {
        let lines: Vec<String> = self.found.iter().map(|(place, line)| format!("{place} {line}")).collect();
        assert!(lines.is_empty(), "{} differences:\n{}", lines.len(), lines.join("\n"));
        let idle: Vec<_> =
            (0..DEVIATIONS.len()).filter(|at| !self.met.contains(at)).map(|at| DEVIATIONS[at]).collect();
        assert!(idle.is_empty(), "deviations that no longer are: {idle:#?}");
    }

    fn note(&mut self, place: &str, line: String) {
        let known = DEVIATIONS
            .iter()
            .position(|(file, difference, _)| meant(file, place) && meant(difference, &line));
        let by_chance =
            BY_CHANCE.iter().any(|(file, difference, _)| meant(file, place) && meant(difference, &line));
        match known {
            Some(at) => drop(self.met.insert(at)),
            None if by_chance => {}
            None => self.found.push((place.to_owned(), line)),
        }
    }

    fn request(&self, method: &Method, path: &str) -> Request {
        Request::new(method.clone(), &format!("http://{}{path}", self.runtime.address()))
    }

    async fn send(&self, request: Request) -> Answer {
        let client = self.runtime.client();
        let mut response = client.send(request).await.expect("the master listens");
        let body = response.bytes(16 << 20).await.expect("a whole answer").to_vec();
        let header = |(name, value): (&HeaderName, &HeaderValue)| {
            (name.as_str().to_owned(), value.to_str().unwrap_or_default().to_owned())
        };
        Answer {
            status: response.status.as_u16(),
            headers: response.headers.iter().map(header).collect(),
            body,
        }
    }

    async fn state(&self) -> Value {
        let answer = self.send(self.request(&Method::GET, "/state")).await;
        // A master that has just been spawned opens its doors in its first turn.
        serde_json::from_slice(&answer.body).unwrap_or_default()
    }

    /// Waits until `/state` shows something.
    async fn until(&self, what: &str, shown: impl Fn(&Value) -> bool) {
        let end = self.runtime.now() + PATIENCE;
        while !shown(&self.state().await) {
            assert!(self.runtime.now() < end, "{what}? {:#}", self.state().await);
            self.runtime.sleep(Duration::from_millis(5)).await;
        }
    }

    /// Reads events until there is an offer that nobody has answered.
    async fn await_offer(&mut self) {
        while self.offer.is_none() {
            self.read_event().await;
        }
    }

    /// Reads events until a task is in a state.
    async fn await_update(&mut self, task: &str, state: &str) {
        let there = |update: &Value| {
            let status = &update["update"]["status"];
            status["task_id"]["value"] == task && status["state"] == state
        };
        while !self.updates.iter().any(there) {
            self.read_event().await;
        }
    }

    /// One event: offers are remembered, updates too, and acknowledged.
    async fn read_event(&mut self) {
        let (_, body) = self.stream.as_mut().expect("a scheduler reads its stream");
        let chunk = body.next().await.expect("the stream goes on").expect("the stream is whole");
        let text = std::str::from_utf8(&chunk).expect("JSON is text");
        let (_, record) = text.split_once('\n').expect("a record begins with its length");
        let event: Value = serde_json::from_str(record).expect("a record is JSON");
        match event["type"].as_str().unwrap_or_default() {
            "OFFERS" => {
                let id = &event["offers"]["offers"][0]["id"]["value"];
                self.offer = Some(id.as_str().expect("an offer has an id").to_owned());
            }
            "RESCIND" => self.offer = None,
            "UPDATE" => {
                let status = event["update"]["status"].clone();
                self.updates.push(event);
                if status["uuid"].is_string() {
                    self.acknowledge(&status).await;
                }
            }
            _ => {}
        }
    }

    async fn decline(&self, offers: &[Value]) {
        let ids: Vec<Value> = offers.iter().map(|offer| json!({"value": offer["id"]})).collect();
        let call = json!({
            "type": "DECLINE", "framework_id": {"value": format!("{}-0000", self.id)},
            "decline": {"offer_ids": ids, "filters": {"refuse_seconds": 0.0}},
        });
        let stream = self.stream.as_ref().map(|(name, _)| name.clone()).expect("somebody reads");
        let request =
            self.request(&Method::POST, "/api/v1/scheduler").header("Content-Type", "application/json");
        let answer = self.send(request.header("Mesos-Stream-Id", stream).body(call.to_string())).await;
        assert_eq!(answer.status, 202);
    }

    async fn acknowledge(&self, status: &Value) {
        let call = json!({
            "type": "ACKNOWLEDGE", "framework_id": {"value": format!("{}-0000", self.id)},
            "acknowledge": {"agent_id": status["agent_id"], "task_id": status["task_id"], "uuid": status["uuid"]},
        });
        let stream = self.stream.as_ref().map(|(name, _)| name.clone()).expect("somebody reads");
        let request =
            self.request(&Method::POST, "/api/v1/scheduler").header("Content-Type", "application/json");
        let answer = self.send(request.header("Mesos-Stream-Id", stream).body(call.to_string())).await;
        assert_eq!(answer.status, 202);
    }
}

impl Drop for Story {
    fn drop(&mut self) {
        self.runtime.shutdown();
    }
}

/// What the captured framework said of itself.
fn framework() -> Value {
    json!({
        "user": "root", "name": "golden-fw", "roles": ["roleA"], "failover_timeout": 60.0, "checkpoint": true,
        "hostname": "sched.example", "webui_url": "http://sched.example/",
        "capabilities": [{"type": "MULTI_ROLE"}, {"type": "PARTITION_AWARE"}, {"type": "RESERVATION_REFINEMENT"}],
        "labels": {"labels": [{"key": "k", "value": "v"}]},
    })
}
