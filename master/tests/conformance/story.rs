//! A master on loopback that goes through what the captured one went through.

mod framework;
mod operator;
mod replay;

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use api::recordio::Decoder;
use api_conformance::{Answer, Exchange, Judge};
use clap::Parser;
use libprocess::http::{Body, BodyError, Bytes, HeaderName, HeaderValue, Method, Request};
use libprocess::{Config, Runtime, Spawn, Upid, Verbosity};
use serde_json::Value;

use crate::agent::Pretender;
use crate::deviations::{BY_CHANCE, DEVIATIONS, NOT_REPLAYED};
use crate::golden::GOLDEN;
use crate::script::Script;
use crate::streams;

/// How long something may take to happen.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Story {
    runtime: Runtime,
    master: Upid,
    /// Our master's id; stands wherever theirs does.
    id: String,
    /// What the scheduler reads.
    stream: Option<Reading>,
    offer: Option<String>,
    inverse_offer: Option<String>,
    /// A task and its state: that update is not acknowledged yet.
    withheld: Option<(&'static str, &'static str, Option<Value>)>,
    /// What an operator reads.
    watched: Option<Reading>,
    /// What came of it.
    judge: Judge,
}

/// A stream that is open.
struct Reading {
    runtime: Runtime,
    /// The captured one.
    capture: &'static str,
    /// Its name, by which its calls are known.
    name: String,
    body: Body,
    records: Decoder,
    events: Vec<Value>,
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

/// Tells a story from its beginning.
pub(crate) fn tell(story: impl AsyncFnOnce(&mut Story)) -> Judge {
    let runtime =
        Runtime::start(Config { shards: 2, ..Config::default() }).expect("loopback has a free port");
    runtime.logging().install(Arc::new(Log));
    runtime.clone().block_on(async {
        let mut told = Story::begin(runtime).await;
        story(&mut told).await;
        std::mem::replace(&mut told.judge, fresh())
    })
}

/// What came of all stories together must be what is meant, and all that was captured.
pub(crate) fn judge(stories: impl IntoIterator<Item = Judge>) {
    let all = stories.into_iter().reduce(Judge::join).expect("there are stories");
    all.judge();
    all.nothing_left_out(&GOLDEN, NOT_REPLAYED);
}

fn fresh() -> Judge {
    Judge::new(DEVIATIONS, BY_CHANCE)
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
            inverse_offer: None,
            withheld: None,
            watched: None,
            judge: fresh(),
        };
        story.until("the master leads", |state| state["elected_time"].is_number()).await;
        story.id = story.state().await["id"].as_str().expect("a master has an id").to_owned();
        story
    }

    /// Replays the exchanges of a folder that are meant.
    pub(crate) async fn replay_all(&mut self, folder: &str, wanted: impl Fn(&Exchange) -> bool) {
        let skipped = |exchange: &Exchange| NOT_REPLAYED.iter().any(|(name, _)| *name == exchange.name);
        for exchange in GOLDEN.folder(folder).iter().filter(|exchange| wanted(exchange) && !skipped(exchange))
        {
            self.replay_noting(folder, exchange).await;
        }
    }

    /// Replays named exchanges of a folder, in this order.
    pub(crate) async fn replay_in_order(&mut self, folder: &str, names: &[&str]) {
        for name in names {
            self.replay_noting(folder, &GOLDEN.one(folder, name)).await;
        }
    }

    async fn replay_noting(&mut self, folder: &str, exchange: &Exchange) {
        let place = format!("{folder}/{}", exchange.name);
        for line in self.replay(exchange).await {
            self.judge.note(&place, &line);
        }
        self.judge.replayed(&place);
    }

    /// An agent that does what the captured one did for the scheduler of this stream.
    pub(crate) async fn add_agent(&mut self, capture: &str) {
        let (master, script) = (self.master.clone(), Script::read(&GOLDEN.stream(capture).events));
        self.runtime.spawn(Spawn::named("slave(1)"), move || Pretender::new(master, script)).expect("once");
        self.until("the agent is registered", |state| {
            state["slaves"].as_array().is_some_and(|agents| agents.len() == 1)
        })
        .await;
    }

    /// What has been read so far must be what theirs said.
    fn compare_stream(&mut self, capture: &str, ours: &[Value]) {
        let golden: Vec<Value> =
            GOLDEN.stream(capture).events.iter().map(|event| self.localised(event)).collect();
        for line in streams::differences(&golden, ours) {
            self.judge.note(capture, &line);
        }
        self.judge.replayed(capture);
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

    /// Sends a captured call that opens a stream.
    async fn open(&mut self, capture: &'static str) -> Reading {
        let golden = GOLDEN.stream(capture);
        let request = self.request(&Method::POST, &golden.path).header("Content-Type", "application/json");
        let call = self.local(&golden.call);
        let response = self.runtime.client().send(request.body(call)).await.expect("the master listens");
        assert_eq!(response.status.as_u16(), 200);
        let media = response.headers.get("Content-Type").and_then(|media| media.to_str().ok());
        if media != Some(&*golden.media) {
            self.judge.note(capture, &format!("content-type: {media:?} instead of {:?}", golden.media));
        }
        let name =
            response.headers.get("Mesos-Stream-Id").map(|name| name.to_str().expect("text").to_owned());
        Reading {
            runtime: self.runtime.clone(),
            capture,
            name: name.unwrap_or_default(),
            body: response.body,
            records: Decoder::new(16 << 20),
            events: Vec::new(),
        }
    }
}

impl Reading {
    /// The next event; none at an orderly end.
    async fn next(&mut self) -> Option<&Value> {
        loop {
            if let Some(record) = self.records.next().expect("records are well framed") {
                self.events.push(serde_json::from_slice(&record).expect("a record is JSON"));
                return self.events.last();
            }
            let piece = self.piece().await?.expect("the stream is whole");
            self.records.push(piece);
        }
    }

    async fn piece(&mut self) -> Option<Result<Bytes, BodyError>> {
        let (mut piece, mut end) = (pin!(self.body.next()), pin!(self.runtime.sleep(PATIENCE)));
        let either = poll_fn(|cx| match piece.as_mut().poll(cx) {
            Poll::Ready(piece) => Poll::Ready(Some(piece)),
            Poll::Pending => end.as_mut().poll(cx).map(|()| None),
        });
        let said = either.await;
        said.unwrap_or_else(|| panic!("{} says no more after {:?}", self.capture, self.events.last()))
    }
}

impl Drop for Story {
    fn drop(&mut self) {
        self.runtime.shutdown();
    }
}
