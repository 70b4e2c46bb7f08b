//! Containers asked for over the API: launched, looked at, typed into, waited for, found again, removed.

use std::path::Path;

use api::content::{self, MediaType};
use api::recordio;
use api::v1::agent::{Call, ProcessIo, call, process_io};
use bytes::Bytes;
use libprocess::Runtime;
use libprocess::http::{self, Method, Request, Response, StreamSender, header};
use serde_json::{Value, json};

use crate::{Node, answer, play};

fn named(id: &str) -> Value {
    let mut parts = id.split('.');
    let mut value = json!({"value": parts.next().unwrap()});
    for part in parts {
        value = json!({"value": part, "parent": value});
    }
    value
}

pub(crate) fn launch(id: &str, line: &str) -> String {
    json!({"type": "LAUNCH_CONTAINER", "launch_container": {
        "container_id": named(id), "command": {"value": line},
    }})
    .to_string()
}

pub(crate) fn about(ty: &str, id: &str) -> String {
    json!({"type": ty, ty.to_lowercase(): {"container_id": named(id)}}).to_string()
}

async fn containers(node: &Node) -> Vec<Value> {
    let all =
        json!({"type": "GET_CONTAINERS", "get_containers": {"show_nested": true, "show_standalone": true}});
    let (_, body) = node.call("/api/v1", &all.to_string()).await;
    let body: Value = serde_json::from_str(&body).unwrap();
    body["get_containers"]["containers"].as_array().cloned().unwrap_or_default()
}

pub(crate) async fn wait(node: &Node, id: &str) -> Value {
    let (status, body) = node.call("/api/v1", &about("WAIT_CONTAINER", id)).await;
    assert_eq!(status, 200, "{body}");
    serde_json::from_str::<Value>(&body).unwrap()["wait_container"].clone()
}

/// A stream of what a container writes.
struct Reading {
    response: Response,
    records: recordio::Decoder,
    media: MediaType,
}

impl Reading {
    async fn start(node: &Node, call: &str, media: MediaType) -> Self {
        let request = Request::post(&format!("http://{}/api/v1", node.runtime.address()))
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/recordio")
            .header("message-accept", media.as_str())
            .body(call.to_owned());
        let mut response = node.runtime.client().send(request).await.unwrap();
        let status = response.status;
        if status != 200 {
            panic!("{status}: {:?}", response.bytes(1 << 16).await);
        }
        assert_eq!(response.text_of(header::CONTENT_TYPE), Some("application/recordio"));
        Self { response, records: recordio::Decoder::new(1 << 20), media }
    }

    async fn next(&mut self) -> Option<ProcessIo> {
        loop {
            if let Some(record) = self.records.next().unwrap() {
                return Some(content::decode_call(&record, self.media).unwrap());
            }
            self.records.push(self.response.body.next().await?.unwrap());
        }
    }

    /// Reads until what came holds `wanted`, or until the end: output, errors.
    async fn until(&mut self, wanted: &str) -> (String, String) {
        let (mut output, mut errors) = (Vec::new(), Vec::new());
        while let Some(io) = self.next().await {
            let Some(data) = io.data else { continue };
            let to = if data.r#type() == process_io::data::Type::Stderr { &mut errors } else { &mut output };
            to.extend(data.data.unwrap_or_default());
            if !wanted.is_empty() && String::from_utf8_lossy(&output).contains(wanted) {
                break;
            }
        }
        (String::from_utf8(output).unwrap(), String::from_utf8(errors).unwrap())
    }

    async fn all(&mut self) -> (String, String) {
        self.until("").await
    }
}

/// Somebody who types.
struct Typing {
    sender: StreamSender,
}

impl Typing {
    /// Begins to type into a container; the answer comes when it is over.
    fn start(node: &Node, id: &str) -> (Self, impl Future<Output = (u16, String)> + use<>) {
        let (sender, body) = http::stream(1024, 1 << 20);
        let typing = Self { sender };
        typing.say(json!({"type": "CONTAINER_ID", "container_id": named(id)}));
        let request = Request::post(&format!("http://{}/api/v1", node.runtime.address()))
            .header(header::CONTENT_TYPE, "application/recordio")
            .header("message-content-type", "application/json")
            .header(header::ACCEPT, "application/json")
            .body(body);
        let client = node.runtime.client();
        let over = async move {
            let mut response = client.send(request).await.unwrap();
            let text = response.bytes(1 << 16).await.unwrap();
            (response.status.as_u16(), String::from_utf8(text.to_vec()).unwrap())
        };
        (typing, over)
    }

    fn say(&self, attach: Value) {
        let call = json!({"type": "ATTACH_CONTAINER_INPUT", "attach_container_input": attach}).to_string();
        let _ = self.sender.send(recordio::encode(call.as_bytes()));
    }

    fn io(&self, io: Value) {
        self.say(json!({"type": "PROCESS_IO", "process_io": io}));
    }

    fn type_in(&self, text: &str) {
        use process_io::data::Type;
        let data =
            process_io::Data { r#type: Some(Type::Stdin.into()), data: Some(text.as_bytes().to_vec()) };
        let io = ProcessIo { r#type: Some(process_io::Type::Data.into()), data: Some(data), control: None };
        let attach = call::AttachContainerInput {
            r#type: Some(call::attach_container_input::Type::ProcessIo.into()),
            process_io: Some(io),
            ..Default::default()
        };
        let call = Call {
            r#type: Some(call::Type::AttachContainerInput.into()),
            attach_container_input: Some(attach),
            ..Call::default()
        };
        let record: Bytes = content::encode(&call, MediaType::Json);
        let _ = self.sender.send(recordio::encode(&record));
    }
}

#[test]
fn a_container_that_stands_alone_is_launched_listed_waited_for_and_removed() {
    play(async |node| {
        let call = json!({"type": "LAUNCH_CONTAINER", "launch_container": {
            "container_id": {"value": "standalone-1"},
            "command": {"value": "echo hello from $PWD; echo $MESOS_SANDBOX $A; while [ ! -e go ]; do sleep 0.01; done; exit 3",
                        "environment": {"variables": [{"name": "A", "value": "b"}]}},
            "resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.1}},
                          {"name": "mem", "type": "SCALAR", "scalar": {"value": 32}}],
        }})
        .to_string();
        assert_eq!(node.call("/api/v1", &call).await, answer(200, ""));
        assert_eq!(node.call("/api/v1", &call).await, answer(202, ""));

        let listed = containers(node).await;
        assert_eq!(listed[0]["container_id"], json!({"value": "standalone-1"}));
        assert!(listed[0]["container_status"]["executor_pid"].as_u64().unwrap() > 1);
        assert_eq!(listed[0]["resource_statistics"]["mem_limit_bytes"], 33_554_432);
        assert_eq!(
            node.call("/api/v1", r#"{"type":"GET_CONTAINERS"}"#).await,
            answer(200, r#"{"type":"GET_CONTAINERS"}"#)
        );
        assert_eq!(node.call("/api/v1", &about("REMOVE_CONTAINER", "standalone-1")).await.0, 500);

        let sandbox = node.work_dir.join("containers/standalone-1");
        std::fs::write(sandbox.join("go"), "").unwrap();
        let (status, body) = node.call("/api/v1", &about("WAIT_CONTAINER", "standalone-1")).await;
        assert_eq!(
            (status, body.as_str()),
            (200, r#"{"type":"WAIT_CONTAINER","wait_container":{"exit_status":768}}"#)
        );
        let said = std::fs::read_to_string(sandbox.join("stdout")).unwrap();
        assert_eq!(said, format!("hello from {0}\n{0} b\n", sandbox.display()));
        // As often as one asks, until it is removed.
        assert_eq!(wait(node, "standalone-1").await, json!({"exit_status": 768}));
        let gone = "Container 'standalone-1' cannot be found (or is already killed)";
        assert_eq!(node.call("/api/v1", &about("KILL_CONTAINER", "standalone-1")).await, answer(404, gone));
        assert_eq!(node.call("/api/v1", &about("REMOVE_CONTAINER", "standalone-1")).await, answer(200, ""));
        assert_eq!(node.call("/api/v1", &about("WAIT_CONTAINER", "standalone-1")).await.0, 404);
        node.until("its sandbox is gone", async || !sandbox.exists()).await;
    });
}

#[test]
fn a_container_that_cannot_run_says_why_or_ends_with_an_error() {
    play(async |node| {
        let with = |container: Value| {
            json!({"type": "LAUNCH_CONTAINER", "launch_container": {
                "container_id": {"value": "u"}, "command": {"value": "true"}, "container": container}})
            .to_string()
        };
        for (call, text) in [
            (launch("p.c", "true"), "Parent container p does not exist"),
            // What would run on the bare machine instead.
            (
                with(json!({"type": "MESOS", "network_infos": [{"name": "blue"}]})),
                "Unknown CNI network 'blue'",
            ),
            (
                with(json!({"type": "DOCKER", "docker": {"image": "alpine"}})),
                "None of the enabled containerizers (mesos) could create a container for the provided \
                 TaskInfo/ExecutorInfo message",
            ),
            (
                json!({"type": "LAUNCH_CONTAINER", "launch_container": {
                    "container_id": {"value": "u"}, "command": {"value": "true", "user": "no-such-user-here"}}})
                .to_string(),
                "failed to run as user 'no-such-user-here': there is no such user",
            ),
        ] {
            assert_eq!(node.call("/api/v1", &call).await, answer(400, text));
        }
        for (id, why) in [("a/b", "a slash"), ("", "1 to 242"), (&"x".repeat(243), "1 to 242")] {
            let call =
                json!({"type": "LAUNCH_CONTAINER", "launch_container": {"container_id": {"value": id}}});
            let (status, text) = node.call("/api/v1", &call.to_string()).await;
            assert!(status == 400 && text.contains(why), "{text}");
        }
        let program = json!({"type": "LAUNCH_CONTAINER", "launch_container": {
            "container_id": {"value": "x"}, "command": {"shell": false, "value": "/no/such/program"}}});
        assert_eq!(node.call("/api/v1", &program.to_string()).await, answer(200, ""));
        let end = wait(node, "x").await;
        assert_eq!(end["exit_status"], 256);
        assert!(end["message"].as_str().unwrap().contains("/no/such/program"), "{end}");
        // The original takes a container without a command, which then has nothing to run.
        let nothing =
            json!({"type": "LAUNCH_CONTAINER", "launch_container": {"container_id": {"value": "n"}}});
        assert_eq!(node.call("/api/v1", &nothing.to_string()).await, answer(200, ""));
        assert_eq!(wait(node, "n").await["exit_status"], 256);
        // A failed one may be tried again.
        assert_eq!(node.call("/api/v1", &launch("u", "true")).await, answer(200, ""));
        assert_eq!(wait(node, "u").await["exit_status"], 0);
    });
}

#[test]
fn what_is_inside_of_a_container_ends_with_it_and_goes_with_it() {
    play(async |node| {
        let sleep = "trap 'exit 5' TERM; touch up; while :; do sleep 0.01; done";
        for id in ["p", "p.a", "p.a.x", "p.b"] {
            assert_eq!(node.call("/api/v1", &launch(id, sleep)).await, answer(200, ""));
        }
        // Each has set its trap.
        let up = node.work_dir.join("containers/p/containers");
        node.until("all are up", async || up.join("a/containers/x/up").exists() && up.join("b/up").exists())
            .await;
        let listed = containers(node).await;
        assert_eq!(listed.len(), 4);
        let inner = json!({"value": "x", "parent": {"value": "a", "parent": {"value": "p"}}});
        assert_eq!(listed[2]["container_status"]["container_id"], inner);

        let term = json!({"type": "KILL_NESTED_CONTAINER", "kill_nested_container": {
            "container_id": named("p.b"), "signal": 15}});
        assert_eq!(node.call("/api/v1", &term.to_string()).await, answer(200, ""));
        let (_, body) = node.call("/api/v1", &about("WAIT_NESTED_CONTAINER", "p.b")).await;
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["wait_nested_container"]["exit_status"], 5 << 8);

        assert_eq!(node.call("/api/v1", &about("KILL_CONTAINER", "p")).await, answer(200, ""));
        assert_eq!(wait(node, "p").await["exit_status"], 9);
        assert_eq!(containers(node).await, Vec::<Value>::new());
        assert_eq!(wait(node, "p.a.x").await["exit_status"], 9);
        assert_eq!(
            node.call("/api/v1", &launch("p.c", "true")).await,
            answer(400, "Parent container p has terminated")
        );
        assert_eq!(node.call("/api/v1", &about("REMOVE_CONTAINER", "p")).await, answer(200, ""));
        assert_eq!(node.call("/api/v1", &about("WAIT_CONTAINER", "p.a.x")).await.0, 404);
    });
}

#[test]
fn a_session_streams_what_is_written_and_takes_what_is_typed() {
    play(async |node| {
        assert_eq!(node.call("/api/v1", &launch("p", "NOT=inherited; sleep 300")).await, answer(200, ""));
        let session = |id: &str, line: &str| {
            json!({"type": "LAUNCH_NESTED_CONTAINER_SESSION", "launch_nested_container_session": {
                "container_id": named(id), "command": {"value": line}}})
            .to_string()
        };
        let line = "echo $PWD; echo oops >&2; read first; echo read $first; cat; exit 6";
        let mut reading = Reading::start(node, &session("p.s", line), MediaType::Json).await;
        // The command line of Mesos tries first whether it may type. The input ends when somebody says so, not when they leave.
        let (trying, tried) = Typing::start(node, "p.s");
        drop(trying);
        assert_eq!(tried.await, (200, String::new()));
        let (typing, over) = Typing::start(node, "p.s");
        typing.io(json!({"type": "CONTROL", "control": {"type": "HEARTBEAT", "heartbeat": {}}}));
        typing.type_in("one\ntwo\n");
        typing.type_in("");
        let (read, over) = futures_util::future::join(reading.all(), over).await;
        let sandbox = node.work_dir.join("containers/p");
        assert_eq!(read, (format!("{}\nread one\ntwo\n", sandbox.display()), "oops\n".to_owned()));
        assert_eq!(over, (200, String::new()));
        assert_eq!(wait(node, "p.s").await["exit_status"], 6 << 8);
        assert!(!sandbox.join("containers").exists(), "a session has no sandbox of its own");

        // The other spelling; and whoever leaves takes the session along.
        let mut reading =
            Reading::start(node, &session("p.t", "echo up; sleep 300"), MediaType::Protobuf).await;
        assert_eq!(reading.until("up").await.0, "up\n");
        drop(reading);
        assert_eq!(wait(node, "p.t").await["exit_status"], 9);
        assert_eq!(containers(node).await.len(), 1);
        // Nothing is kept of what `p` writes, and `p.s` has ended: both are said as Mesos' command line knows it.
        for id in ["p", "p.s"] {
            let answered = node.call("/api/v1", &about("ATTACH_CONTAINER_OUTPUT", id)).await;
            assert_eq!(
                answered,
                answer(500, "I/O switchboard server was disabled for this container"),
                "{id}"
            );
        }
    });
}

#[test]
fn a_terminal_is_attached_to_resized_left_and_attached_to_again() {
    play(async |node| {
        let script = "stty -echo; trap 'echo interrupted' INT; trap 'stty size' WINCH; stty size; \
                      while :; do read line && echo got $line; done";
        let call = json!({"type": "LAUNCH_CONTAINER", "launch_container": {
            "container_id": {"value": "t"}, "command": {"value": script},
            "container": {"type": "MESOS", "tty_info": {"window_size": {"rows": 25, "columns": 81}}}}});
        assert_eq!(node.call("/api/v1", &call.to_string()).await, answer(200, ""));
        let log = node.work_dir.join("containers/t/stdout");
        let logged = |wanted: &str| std::fs::read_to_string(&log).is_ok_and(|text| text.contains(wanted));
        node.until("it is up", async || logged("25 81\r\n")).await;

        let attach = about("ATTACH_CONTAINER_OUTPUT", "t");
        let mut reading = Reading::start(node, &attach, MediaType::Json).await;
        let (typing, over) = Typing::start(node, "t");
        typing.type_in("one\n");
        let talk = async {
            reading.until("got one\r\n").await;
            typing.io(json!({"type": "CONTROL", "control": {
            "type": "TTY_INFO", "tty_info": {"window_size": {"rows": 50, "columns": 132}}}}));
            // A shell that is just about to read looks at its traps only when it has: it is given a line for that.
            typing.type_in("\n");
            reading.until("50 132\r\n").await;
            typing.type_in("\u{3}\n");
            reading.until("interrupted\r\n").await;
            let (second, refused) = Typing::start(node, "t");
            let (status, text) = refused.await;
            assert_eq!(status, 409, "{text}");
            drop(second);
            drop(typing);
        };
        let (_, over) = futures_util::future::join(talk, over).await;
        assert_eq!(over, (200, String::new()));
        drop(reading);

        let mut reading = Reading::start(node, &attach, MediaType::Json).await;
        let (typing, over) = Typing::start(node, "t");
        typing.type_in("again\n");
        let talk = async {
            reading.until("got again\r\n").await;
            let (status, _) = node.call("/api/v1", &about("KILL_CONTAINER", "t")).await;
            assert_eq!(status, 200);
            reading.all().await;
        };
        let (_, over) = futures_util::future::join(talk, over).await;
        assert_eq!(over.0, 200, "it ends with its container");
        assert_eq!(wait(node, "t").await["exit_status"], 9);
    });
}

#[test]
fn attaching_wrongly_is_told_so() {
    play(async |node| {
        let recordio = ("content-type", "application/recordio");
        let json_type = ("message-content-type", "application/json");
        let id = json!({"type": "ATTACH_CONTAINER_INPUT", "attach_container_input": {
            "type": "CONTAINER_ID", "container_id": {"value": "nope"}}})
        .to_string();
        let framed = |call: &str| format!("{}\n{call}", call.len());
        for (headers, body, status) in [
            (vec![recordio], framed(&id), 400),
            (vec![recordio, ("message-content-type", "text/plain")], framed(&id), 415),
            (vec![recordio, json_type], framed(&id), 404),
            (vec![recordio, json_type], "x\n{}".to_owned(), 400),
            (vec![recordio, json_type], String::new(), 400),
            (vec![recordio, json_type], framed(r#"{"type":"GET_HEALTH"}"#), 415),
            (vec![("content-type", "application/json")], id.clone(), 415),
        ] {
            let answer = node.ask(Method::POST, "/api/v1", &headers, &body).await;
            assert_eq!(answer.status, status, "{headers:?} {body} {}", answer.body);
        }
        let json = ("content-type", "application/json");
        for headers in [
            vec![json, ("accept", "application/recordio"), ("message-accept", "text/plain")],
            vec![json, ("accept", "application/json"), ("message-accept", "application/json")],
        ] {
            let attach = about("ATTACH_CONTAINER_OUTPUT", "nope");
            assert_ne!(node.ask(Method::POST, "/api/v1", &headers, &attach).await.status, 200);
        }
    });
}

#[test]
fn containers_outlive_their_agent_and_sessions_do_not() {
    let stage = Runtime::start(libprocess::Config { listen: None, ..Default::default() }).unwrap();
    stage.block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let node = Node::start(dir.path()).await;
        let script = "while :; do read line && echo got $line; done";
        let call = json!({"type": "LAUNCH_CONTAINER", "launch_container": {
            "container_id": {"value": "t"}, "command": {"value": script},
            "container": {"type": "MESOS", "tty_info": {}}}});
        assert_eq!(node.call("/api/v1", &call.to_string()).await.0, 200);
        assert_eq!(
            node.call("/api/v1", &launch("t.n", "while [ ! -e go ]; do sleep 0.01; done; exit 2")).await.0,
            200
        );
        assert_eq!(node.call("/api/v1", &launch("t.done", "exit 4")).await.0, 200);
        assert_eq!(wait(&node, "t.done").await["exit_status"], 4 << 8);
        let session = json!({"type": "LAUNCH_NESTED_CONTAINER_SESSION", "launch_nested_container_session": {
            "container_id": named("t.s"), "command": {"value": "echo $$ > pid; echo up; sleep 300"}}});
        let mut reading = Reading::start(&node, &session.to_string(), MediaType::Json).await;
        reading.until("up").await;

        node.runtime.shutdown();
        std::fs::write(dir.path().join("containers/t/containers/n/go"), "").unwrap();
        let node = Node::start(dir.path()).await;

        assert_eq!(wait(&node, "t.done").await["exit_status"], 4 << 8);
        assert_eq!(wait(&node, "t.n").await["exit_status"], 2 << 8);
        assert_eq!(node.call("/api/v1", &about("WAIT_CONTAINER", "t.s")).await.0, 404);
        assert_eq!(containers(&node).await.len(), 1);
        gone(dir.path(), &node).await;
        let mut reading =
            Reading::start(&node, &about("ATTACH_CONTAINER_OUTPUT", "t"), MediaType::Json).await;
        let (typing, over) = Typing::start(&node, "t");
        typing.type_in("after\n");
        let talk = async {
            reading.until("got after").await;
            assert_eq!(node.call("/api/v1", &about("KILL_CONTAINER", "t")).await.0, 200);
            wait(&node, "t").await
        };
        let (end, _) = futures_util::future::join(talk, over).await;
        assert_eq!(end["exit_status"], 9);
        assert_eq!(node.call("/api/v1", &about("REMOVE_CONTAINER", "t")).await.0, 200);
        let left = || std::fs::read_dir(dir.path().join("run/containers")).unwrap().count();
        node.until("nothing is left of them", async || left() == 0).await;
        node.runtime.shutdown();
    });
    stage.shutdown();
}

/// Waits until the shell of the session, which wrote its number into the sandbox, is no more.
async fn gone(work_dir: &Path, node: &Node) {
    let pid = std::fs::read_to_string(work_dir.join("containers/t/pid")).unwrap();
    let process = Path::new("/proc").join(pid.trim());
    node.until("the session is gone", async || !process.exists()).await;
}
