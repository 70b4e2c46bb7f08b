//! An executor written by hand, which the story plays: all it says and hears.

use api_conformance::{Answer, Exchange, Judge, differences};
use libprocess::http::{Body, Method};
use model::TaskState;
use model::messages::{FrameworkMessage, ShutdownExecutor};
use serde_json::{Map, Value};

use crate::story::{EPOCH, GOLDEN, Story, tell as begin};

/// What ran in the captured container, and what runs in ours while the story speaks in its name.
const THEIRS: &str = "exec /usr/bin/python3 /opt/pyexec.py";
const OURS: &str = "exec sleep 1000";

/// What the captured scheduler heard.
const STREAM: &str = "sched_stream_custom_executor";

/// What a shell adds to its environment.
const OF_SHELLS: [&str; 4] = ["PWD", "OLDPWD", "SHLVL", "_"];

pub(crate) fn tell(judge: &mut Judge) {
    begin(judge, "07bad322-e99b-475f-8037-25166e739559", async |story| {
        story.texts.push((THEIRS.to_owned(), OURS.to_owned()));
        story.meet("06-custom-executor");
        story.judge.replayed("executor/sched_ACCEPT_LAUNCH_custom_executor");
        let launch = GOLDEN.one("executor", "sched_ACCEPT_LAUNCH_custom_executor").body.replace(THEIRS, OURS);
        story.accept_call("custom executor", &launch);
        let pid = story.executor_runs().await;
        story.recognize("06-custom-executor", "GET_state").await;

        let mut session = Session::new();
        session.environment(story, pid);
        session.call(story, 0).await;
        session.subscribe(story).await;
        session.events(story, 2).await;
        for call in 1..=4 {
            session.call(story, call).await;
        }
        session.events(story, 1).await;
        session.call(story, 5).await;
        story.await_message();
        assert_eq!(story.messages, [b"from executor".to_vec()]);
        let (framework_id, executor_id) = (story.framework().id.expect("it has one"), "pyexec".into());
        story.say(FrameworkMessage {
            epoch: EPOCH,
            framework_id,
            executor_id,
            data: b"to executor".to_vec(),
        });
        session.events(story, 1).await;

        story.await_update("c-1", TaskState::Running);
        story.until_acknowledged().await;
        story.replay_all("06-custom-executor").await;

        story.kill("c-1");
        session.events(story, 1).await;
        session.call(story, 6).await;
        session.events(story, 1).await;
        let (framework_id, executor_id) = (story.framework().id.expect("it has one"), "pyexec".into());
        story.say(ShutdownExecutor { epoch: EPOCH, framework_id, executor_id });
        session.events(story, 1).await;
        assert_eq!(session.heard, session.frames.len(), "all that was captured was heard");
        story.judge.replayed(PLACE);
        story.await_update("c-1", TaskState::Killed);
        story.compare_updates("executor", STREAM, &["c-1"]);

        let dies = launch.replace("c-1", "c-2").replace("pyexec", "dies").replace(OURS, "exit 7");
        story.accept_call("an executor that dies", &dies);
        story.await_update("c-2", TaskState::Failed);
        story.compare_updates("executor", STREAM, &["c-2"]);
        story.compare_exit("executor", STREAM, "dies");
    });
}

/// The captured session, as far as it was told.
struct Session {
    captured: Value,
    frames: Vec<Value>,
    heard: usize,
    stream: Body,
}

/// Where its differences are noted.
const PLACE: &str = "executor/raw_executor_session";

impl Session {
    fn new() -> Session {
        let captured = GOLDEN.whole("executor/raw_executor_session");
        let frames = captured["frames"].as_array().expect("frames").clone();
        Session { captured, frames, heard: 0, stream: Body::Empty }
    }

    /// Whether the agent gives the executor the variables it gave theirs.
    fn environment(&self, story: &mut Story<'_>, pid: u64) {
        let text = std::fs::read(format!("/proc/{pid}/environ")).expect("it runs");
        let variable = |line: &[u8]| {
            let line = String::from_utf8_lossy(line).into_owned();
            line.split_once('=').map(|(name, value)| (name.to_owned(), Value::from(value)))
        };
        let ours: Map<String, Value> = text.split(|byte| *byte == 0).filter_map(variable).collect();
        let ours = ours.into_iter().filter(|(name, _)| !OF_SHELLS.contains(&&**name)).collect();
        let golden = story.local(&self.captured["environment"].to_string());
        let golden: Value = serde_json::from_str(&golden).expect("it was JSON");
        for line in differences(&golden, &Value::Object(ours)) {
            story.judge.note(&format!("{PLACE}/environment"), &line);
        }
    }

    /// Makes a captured call.
    async fn call(&self, story: &mut Story<'_>, number: usize) {
        let mut exchange = exchange(&self.captured["calls"][number]);
        exchange.name = format!("raw_executor_session/calls/{number}");
        story.replay("executor", &exchange).await;
    }

    async fn subscribe(&mut self, story: &mut Story<'_>) {
        let exchange = exchange(&self.captured["subscribe"]);
        let mut request = story.request(Method::POST, &exchange.path);
        for (name, value) in &exchange.headers {
            request = request.header(&**name, value);
        }
        let response =
            story.runtime.client().send(request.body(exchange.body.clone())).await.expect("it listens");
        let headers = response
            .headers
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), value.to_str().unwrap_or_default().to_owned()));
        let answer =
            Answer { status: response.status.as_u16(), headers: headers.collect(), body: Vec::new() };
        for line in answer.differences(&exchange, |text| story.local(text)) {
            story.judge.note(&format!("{PLACE}/subscribe"), &line);
        }
        self.stream = response.body;
    }

    /// Hears so many events, which must be those that were captured.
    async fn events(&mut self, story: &mut Story<'_>, count: usize) {
        for _ in 0..count {
            let chunk = self.stream.next().await.expect("the stream goes on").expect("the stream is whole");
            let ours = std::str::from_utf8(&chunk).expect("JSON is text");
            let length = ours.split_once('\n').map(|(length, record)| (length.parse(), Ok(record.len())));
            assert!(length.is_some_and(|(said, is)| said == is), "{ours}");
            let ours = event(ours);
            let golden = self.frames[self.heard]["frame"].as_str().expect("a text");
            let golden = serde_json::from_str(&story.local(&event(golden).to_string())).expect("it was JSON");
            for line in differences(&golden, &ours) {
                story.judge.note(&format!("{PLACE}/frames/{}", self.heard), &line);
            }
            self.heard += 1;
        }
    }
}

/// One record in one chunk. The captured lengths are those before a path was made shorter.
fn event(chunk: &str) -> Value {
    let (_, record) = chunk.split_once('\n').expect("a record begins with its length");
    serde_json::from_str(record).expect("a record is JSON")
}

fn exchange(call: &Value) -> Exchange {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let answered = call["headers"].as_array().into_iter().flatten();
    let json = |name: &str| (name.to_owned(), "application/json".to_owned());
    Exchange {
        name: String::new(),
        method: "POST".to_owned(),
        path: "/api/v1/executor".to_owned(),
        headers: vec![json("Content-Type"), json("Accept")],
        body: text(&call["request_body"]),
        status: call["status"].as_u64().and_then(|status| u16::try_from(status).ok()),
        answered: answered.map(|pair| (text(&pair[0]).to_lowercase(), text(&pair[1]))).collect(),
        answer: text(&call["body"]),
    }
}
