//! A scheduler that launches tasks as long as it is let, and wants to know how each of them ended.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use api::recordio::Decoder;
use libprocess::http::{Bytes, Request};
use libprocess::{Actor, Context, Handler, Message, Process, Runtime};
use serde_json::{Value, json};

/// What it has seen, for the test to read.
pub(crate) type Seen = Arc<Mutex<Progress>>;

#[derive(Default)]
pub(crate) struct Progress {
    /// Tasks launched, and what was heard of each last.
    pub(crate) tasks: BTreeMap<String, Fate>,
}

/// What was heard of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It may run.
    Open,
    /// Its agent, this one, is out of reach.
    Unreachable(String),
    /// It has ended; or nobody knows of it any more, which comes to the same.
    Over,
}

/// The scheduler.
pub(crate) struct Loader {
    master: SocketAddr,
    seen: Seen,
    runtime: Runtime,
    framework: Option<Value>,
    stream: Option<String>,
    records: Decoder,
    /// Counts connections; what an earlier one says is not heard.
    connection: u64,
    stopped: bool,
}

/// All that can happen to it.
pub(crate) enum Input {
    Open { connection: u64, stream: String },
    Bytes { connection: u64, bytes: Bytes },
    Broken { connection: u64 },
    Subscribe,
    Reconcile,
    Called,
    Stop,
}

impl Loader {
    pub(crate) fn new(master: SocketAddr, seen: Seen, runtime: Runtime) -> Self {
        let records = Decoder::new(1 << 20);
        let (framework, stream) = (None, None);
        Loader { master, seen, runtime, framework, stream, records, connection: 0, stopped: false }
    }

    fn request(&self, call: &Value) -> Request {
        let url = format!("http://{}/api/v1/scheduler", self.master);
        Request::post(&url).header("Content-Type", "application/json").body(call.to_string())
    }

    fn subscribe(&mut self, ctx: &mut Context<Self>) {
        self.connection += 1;
        self.records = Decoder::new(1 << 20);
        let mut info = json!({
            "user": "root", "name": "loader", "roles": ["web"], "failover_timeout": 3600.0, "checkpoint": true,
            "capabilities": [{"type": "MULTI_ROLE"}, {"type": "PARTITION_AWARE"}],
        });
        let mut call = json!({"type": "SUBSCRIBE"});
        if let Some(id) = &self.framework {
            info["id"] = id.clone();
            call["framework_id"] = id.clone();
        }
        call["subscribe"] = json!({"framework_info": info});
        let request = self.request(&call).within(Duration::from_secs(20));
        let (client, me, connection) = (self.runtime.client(), ctx.pid().clone(), self.connection);
        let reads = async move {
            let Ok(mut response) = client.send(request).await else { return };
            let stream = response.headers.get("Mesos-Stream-Id").and_then(|id| id.to_str().ok());
            let Some(stream) = stream.map(str::to_owned) else { return };
            let _ = me.tell(Input::Open { connection, stream });
            while let Some(Ok(bytes)) = response.body.next().await {
                let _ = me.tell(Input::Bytes { connection, bytes });
            }
        };
        ctx.task(reads, move |()| Input::Broken { connection });
    }

    fn call(&self, mut call: Value, ctx: &mut Context<Self>) {
        let (Some(framework), Some(stream)) = (&self.framework, &self.stream) else { return };
        call["framework_id"] = framework.clone();
        let request = self.request(&call).header("Mesos-Stream-Id", stream).within(Duration::from_secs(20));
        let client = self.runtime.client();
        ctx.task(async move { drop(client.send(request).await) }, |()| Input::Called);
    }

    fn hear(&mut self, event: &Value, ctx: &mut Context<Self>) {
        match event["type"].as_str() {
            Some("SUBSCRIBED") => {
                self.framework = Some(event["subscribed"]["framework_id"].clone());
                self.reconcile(ctx);
            }
            Some("OFFERS") => {
                for offer in event["offers"]["offers"].as_array().expect("a list") {
                    self.answer(offer, ctx);
                }
            }
            Some("UPDATE") => self.update(&event["update"]["status"], ctx),
            _ => {}
        }
    }

    /// Launches one task of a cpu per offer, or declines.
    fn answer(&self, offer: &Value, ctx: &mut Context<Self>) {
        let cpus = offer["resources"].as_array().expect("a list").iter().find(|one| one["name"] == "cpus");
        let enough = cpus.is_some_and(|cpus| cpus["scalar"]["value"].as_f64() >= Some(1.0));
        if self.stopped || !enough {
            let decline = json!({"offer_ids": [offer["id"]], "filters": {"refuse_seconds": 5.0}});
            return self.call(json!({"type": "DECLINE", "decline": decline}), ctx);
        }
        let mut seen = self.seen.lock().expect("nobody panicked");
        let name = format!("t{}", seen.tasks.len());
        seen.tasks.insert(name.clone(), Fate::Open);
        drop(seen);
        let task = json!({
            "name": name, "task_id": {"value": name}, "agent_id": offer["agent_id"], "command": {"value": "true"},
            "resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 1.0}}],
        });
        let accept = json!({
            "offer_ids": [offer["id"]], "filters": {"refuse_seconds": 5.0},
            "operations": [{"type": "LAUNCH", "launch": {"task_infos": [task]}}],
        });
        self.call(json!({"type": "ACCEPT", "accept": accept}), ctx);
    }

    fn update(&self, status: &Value, ctx: &mut Context<Self>) {
        if status.get("uuid").is_some() {
            let (agent, task, uuid) = (&status["agent_id"], &status["task_id"], &status["uuid"]);
            let acknowledge = json!({"agent_id": agent, "task_id": task, "uuid": uuid});
            self.call(json!({"type": "ACKNOWLEDGE", "acknowledge": acknowledge}), ctx);
        }
        let state = status["state"].as_str().expect("a state");
        let fate = match state {
            "TASK_STAGING" | "TASK_STARTING" | "TASK_RUNNING" => Fate::Open,
            "TASK_UNREACHABLE" => Fate::Unreachable(status["agent_id"]["value"].to_string()),
            _ => Fate::Over,
        };
        let name = status["task_id"]["value"].as_str().expect("a name").to_owned();
        self.seen.lock().expect("nobody panicked").tasks.insert(name, fate);
    }

    /// Asks about every task whose end is not known.
    fn reconcile(&self, ctx: &mut Context<Self>) {
        let seen = self.seen.lock().expect("nobody panicked");
        let open = seen.tasks.iter().filter(|(_, fate)| **fate != Fate::Over);
        let tasks: Vec<Value> = open.map(|(name, _)| json!({"task_id": {"value": name}})).collect();
        drop(seen);
        if !tasks.is_empty() {
            self.call(json!({"type": "RECONCILE", "reconcile": {"tasks": tasks}}), ctx);
        }
    }
}

impl Message for Input {
    type Result = ();
}

impl Actor for Loader {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        self.subscribe(ctx);
        ctx.every(Duration::from_secs(60), || Input::Reconcile);
    }
}

impl Process for Loader {
    const KIND: &'static str = "loader";
    type Input = Input;
}

impl Handler<Input> for Loader {
    type Result = ();

    fn handle(&mut self, input: Input, ctx: &mut Context<Self>) {
        match input {
            Input::Open { connection, stream } if connection == self.connection => self.stream = Some(stream),
            Input::Bytes { connection, bytes } if connection == self.connection => {
                self.records.push(bytes);
                while let Some(record) = self.records.next().expect("records are whole") {
                    let event: Value = serde_json::from_slice(&record).expect("JSON");
                    self.hear(&event, ctx);
                }
            }
            Input::Broken { connection } if connection == self.connection => {
                self.stream = None;
                ctx.after(Duration::from_secs(1), Input::Subscribe);
            }
            Input::Subscribe => self.subscribe(ctx),
            Input::Reconcile => self.reconcile(ctx),
            Input::Stop => self.stopped = true,
            Input::Open { .. } | Input::Bytes { .. } | Input::Broken { .. } | Input::Called => {}
        }
    }
}
