//! What an agent without tasks answers, word for word where somebody may depend on the words.
//!
//! Source: captures of the original; texts and statuses are its own.

mod containers;
mod sandboxes;
mod security;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use agent::Config;
use libprocess::http::{Method, Request, header};
use libprocess::{Runtime, Verbosity};
use serde_json::Value;

struct Answer {
    status: u16,
    content_type: Option<String>,
    body: String,
}

/// An agent that finds no master, but has looked for its containers.
struct Node {
    runtime: Runtime,
    work_dir: PathBuf,
}

impl Node {
    async fn start(work_dir: &Path) -> Self {
        Self::start_with(work_dir, |_| {}).await
    }

    /// One that was told to behave in some way.
    async fn start_with(work_dir: &Path, change: impl FnOnce(&mut Config)) -> Self {
        let listen = Some("127.0.0.1:0".parse().unwrap());
        let runtime = Runtime::start(libprocess::Config { listen, ..Default::default() }).unwrap();
        let mut config = Config::new(work_dir.to_owned(), Vec::new());
        config.resources = "cpus:8;mem:8192;disk:20480;ports:[31000-32000]".parse().unwrap();
        config.attributes = "rack:r1;zone:z1".parse().unwrap();
        config.hostname = Some("agent1.example".to_owned());
        change(&mut config);
        agent::spawn(&runtime, config).unwrap();
        let node = Self { runtime, work_dir: work_dir.to_owned() };
        for _ in 0..200 {
            // Where nobody is asked who they are, it does no harm to say so.
            let ann = [("authorization", security::ANN)];
            if node.ask(Method::GET, "/state", &ann, "").await.status == 200 {
                return node;
            }
            node.runtime.sleep(Duration::from_millis(10)).await;
        }
        panic!("the agent does not come up");
    }

    async fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = Request::new(method, &format!("http://{}{path}", self.runtime.address()));
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let mut response = self.runtime.client().send(request.body(body.to_owned())).await.unwrap();
        let content_type = response.text_of(header::CONTENT_TYPE).map(str::to_owned);
        let body = response.body.bytes(1 << 20).await.unwrap();
        Answer {
            status: response.status.as_u16(),
            content_type,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    /// Waits until something is true; a minute is enough for anything here.
    async fn until(&self, what: &str, done: impl AsyncFn() -> bool) {
        for _ in 0..12_000 {
            if done().await {
                return;
            }
            self.runtime.sleep(Duration::from_millis(5)).await;
        }
        panic!("waited in vain until {what}");
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let answer = self.ask(Method::GET, path, &[], "").await;
        (answer.status, answer.body)
    }

    async fn call(&self, path: &str, body: &str) -> (u16, String) {
        let headers = [("content-type", "application/json"), ("accept", "application/json")];
        let answer = self.ask(Method::POST, path, &headers, body).await;
        if answer.status >= 400 {
            assert_eq!(answer.content_type.as_deref(), Some("text/plain; charset=utf-8"), "{body}");
        }
        (answer.status, answer.body)
    }
}

impl Drop for Node {
    /// No test leaves a container behind.
    fn drop(&mut self) {
        let entries = std::fs::read_dir(self.work_dir.join("run/containers")).into_iter().flatten().flatten();
        for entry in entries {
            if let Ok(channel) = agent_linux::packet::Packets::connect(&entry.path(), "control") {
                let _ = channel.send(&libprocess_wire::encode(&agent_launch::Request::Destroy));
            }
        }
    }
}

/// Runs a test against one agent, on a reactor of its own.
fn play(test: impl AsyncFnOnce(&Node)) {
    play_with(|_| {}, test);
}

/// The same, with an agent told to behave in some way.
fn play_with(change: impl FnOnce(&mut Config), test: impl AsyncFnOnce(&Node)) {
    let stage = Runtime::start(libprocess::Config { listen: None, ..Default::default() }).unwrap();
    stage.block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let node = Node::start_with(dir.path(), change).await;
        test(&node).await;
        node.runtime.shutdown();
    });
    stage.shutdown();
}

fn answer(status: u16, body: &str) -> (u16, String) {
    (status, body.to_owned())
}

#[test]
fn read_endpoints_answer_as_the_original_does() {
    play(async |node| {
        assert_eq!(node.get("/health").await, answer(200, ""));
        assert_eq!(node.get("/containers").await, answer(200, "[]"));
        assert_eq!(node.get("/monitor/statistics").await, answer(200, "[]"));
        assert_eq!(node.get("/containerizer/debug").await, answer(200, r#"{"pending":[]}"#));
        assert_eq!(node.get("/nonexistent").await, answer(404, "404 Not Found."));
        assert_eq!(node.get("/files/browse?path=/nope").await, answer(404, ""));
        assert_eq!(node.get("/files/debug").await, answer(200, "{}"));
        assert_eq!(node.get("/containers?executor_id=e").await.0, 400);
        // What tools of all ages walk.
        for path in ["/slave(1)/state", "/slave%281%29/state", "/state/", "/state.json", "/slave(1)/flags"] {
            assert_eq!(node.get(path).await.0, 200, "{path}");
        }
        assert!(node.get("/state?jsonp=cb").await.1.starts_with("cb({"));
        assert_eq!(node.ask(Method::POST, "/state", &[], "").await.status, 200);
        let version: Value = serde_json::from_str(&node.get("/version").await.1).unwrap();
        assert!(version["version"].as_str().unwrap().split('.').all(|part| part.parse::<u32>().is_ok()));
    });
}

#[test]
fn the_state_of_an_idle_agent_has_the_keys_and_figures_of_the_original() {
    play(async |node| {
        let state: Value = serde_json::from_str(&node.get("/state").await.1).unwrap();
        assert_eq!(
            state["resources"].to_string(),
            r#"{"disk":20480.0,"mem":8192.0,"gpus":0.0,"cpus":8.0,"ports":"[31000-32000]"}"#
        );
        assert_eq!(
            state["unreserved_resources_allocated"].to_string(),
            r#"{"disk":0.0,"mem":0.0,"gpus":0.0,"cpus":0.0}"#
        );
        assert_eq!(state["attributes"].to_string(), r#"{"rack":"r1","zone":"z1"}"#);
        assert_eq!((state["id"].as_str(), state["hostname"].as_str()), (Some(""), Some("agent1.example")));
        assert!(state["pid"].as_str().unwrap().starts_with("slave(1)@127.0.0.1:"));
        for name in ["frameworks", "completed_frameworks", "resource_providers"] {
            assert_eq!(state[name].to_string(), "[]", "{name}");
        }
        let figures: Value = serde_json::from_str(&node.get("/metrics/snapshot").await.1).unwrap();
        for name in FIGURES.split_whitespace() {
            assert!(figures[format!("slave/{name}")].is_f64(), "slave/{name}");
        }
    });
}

/// Every figure of an agent that tools chart.
const FIGURES: &str = "container_launch_errors cpus_percent cpus_revocable_percent cpus_revocable_total \
    cpus_revocable_used cpus_total cpus_used disk_percent disk_revocable_percent disk_revocable_total \
    disk_revocable_used disk_total disk_used executor_directory_max_allowed_age_secs executors_preempted \
    executors_registering executors_running executors_terminated executors_terminating frameworks_active gpus_percent \
    gpus_revocable_percent gpus_revocable_total gpus_revocable_used gpus_total gpus_used invalid_framework_messages \
    invalid_status_updates mem_percent mem_revocable_percent mem_revocable_total mem_revocable_used mem_total mem_used \
    recovery_errors recovery_time_secs registered tasks_failed tasks_finished tasks_gone tasks_killed tasks_killing \
    tasks_lost tasks_running tasks_staging tasks_starting uptime_secs valid_framework_messages valid_status_updates";

#[test]
fn operators_get_the_answers_of_an_idle_agent() {
    play(async |node| {
        for (call, body) in [
            ("GET_HEALTH", r#"{"type":"GET_HEALTH","get_health":{"healthy":true}}"#),
            ("GET_CONTAINERS", r#"{"type":"GET_CONTAINERS"}"#),
            (
                "GET_EXECUTORS",
                r#"{"type":"GET_EXECUTORS","get_executors":{"executors":[],"completed_executors":[]}}"#,
            ),
            (
                "GET_FRAMEWORKS",
                r#"{"type":"GET_FRAMEWORKS","get_frameworks":{"frameworks":[],"completed_frameworks":[]}}"#,
            ),
            ("GET_OPERATIONS", r#"{"type":"GET_OPERATIONS","get_operations":{}}"#),
            ("GET_RESOURCE_PROVIDERS", r#"{"type":"GET_RESOURCE_PROVIDERS","get_resource_providers":{}}"#),
            ("GET_LOGGING_LEVEL", r#"{"type":"GET_LOGGING_LEVEL","get_logging_level":{"level":0}}"#),
            (
                "GET_STATE",
                concat!(
                    r#"{"type":"GET_STATE","get_state":{"get_tasks":{"pending_tasks":[],"queued_tasks":[],"#,
                    r#""launched_tasks":[],"terminated_tasks":[],"completed_tasks":[]},"#,
                    r#""get_executors":{"executors":[],"completed_executors":[]},"#,
                    r#""get_frameworks":{"frameworks":[],"completed_frameworks":[]}}}"#
                ),
            ),
        ] {
            assert_eq!(node.call("/api/v1", &format!(r#"{{"type":"{call}"}}"#)).await, answer(200, body));
        }
        let (status, body) = node.call("/api/v1", r#"{"type":"GET_AGENT"}"#).await;
        let agent: Value = serde_json::from_str(&body).unwrap();
        let info = &agent["get_agent"]["agent_info"];
        assert_eq!((status, info["hostname"].as_str()), (200, Some("agent1.example")));
        assert_eq!(
            info["resources"][0].to_string(),
            r#"{"name":"cpus","type":"SCALAR","scalar":{"value":8.0}}"#
        );
    });
}

#[test]
fn operators_have_more_logged_for_a_while() {
    struct Log(Arc<AtomicU32>);
    impl Verbosity for Log {
        fn set(&self, level: u32) {
            self.0.store(level, Ordering::SeqCst);
        }
    }
    play(async |node| {
        let level = Arc::new(AtomicU32::new(0));
        let more = |nanoseconds: i64| {
            let duration = format!(r#"{{"nanoseconds":{nanoseconds}}}"#);
            format!(
                r#"{{"type":"SET_LOGGING_LEVEL","set_logging_level":{{"level":2,"duration":{duration}}}}}"#
            )
        };
        assert_eq!(node.call("/api/v1", &more(1)).await.0, 501, "nobody can change it here");
        node.runtime.logging().install(Arc::new(Log(level.clone())));

        let (status, text) = node.call("/api/v1", &more(-1)).await;
        assert_eq!((status, text.as_str()), (400, "set_logging_level.duration: must not be negative"));
        assert_eq!(node.call("/api/v1", &more(3_600_000_000_000)).await, answer(200, ""));

        assert_eq!(level.load(Ordering::SeqCst), 2);
        let told = r#"{"type":"GET_LOGGING_LEVEL","get_logging_level":{"level":2}}"#;
        assert_eq!(node.call("/api/v1", r#"{"type":"GET_LOGGING_LEVEL"}"#).await, answer(200, told));
    });
}

#[test]
fn what_is_asked_wrongly_is_told_so_in_the_words_of_the_original() {
    play(async |node| {
        let agent = "Failed to validate agent::Call: ";
        for (path, body, status, text) in [
            ("/api/v1", "{bad json", 400, "Failed to parse body into JSON: syntax error at line 1 near: bad json".to_owned()),
            ("/api/v1", "{}", 400, format!("{agent}Expecting 'type' to be present")),
            ("/api/v1", r#"{"type":"GET_METRICS"}"#, 400, format!("{agent}Expecting 'get_metrics' to be present")),
            ("/api/v1", r#"{"type":"READ_FILE","read_file":{"path":"/nope","offset":0}}"#, 404, String::new()),
            ("/api/v1", r#"{"type":"LIST_FILES","list_files":{"path":""}}"#, 404, String::new()),
            (
                "/api/v1",
                r#"{"type":"ATTACH_CONTAINER_OUTPUT","attach_container_output":{"container_id":{"value":"nope"}}}"#,
                404,
                "Container nope cannot be found".to_owned(),
            ),
            (
                "/api/v1",
                r#"{"type":"KILL_CONTAINER","kill_container":{"container_id":{"value":"nope"}}}"#,
                404,
                "Container 'nope' cannot be found (or is already killed)".to_owned(),
            ),
            (
                "/api/v1",
                r#"{"type":"WAIT_NESTED_CONTAINER","wait_nested_container":{"container_id":{"value":"nope","parent":{"value":"p"}}}}"#,
                404,
                "Container p.nope cannot be found".to_owned(),
            ),
            (
                "/api/v1",
                r#"{"type":"LAUNCH_NESTED_CONTAINER","launch_nested_container":{"container_id":{"value":"nope"}}}"#,
                400,
                format!("{agent}Expecting 'launch_nested_container.container_id.parent' to be present"),
            ),
            (
                "/api/v1",
                r#"{"type":"PRUNE_IMAGES","prune_images":{"excluded_images":[{"type":"DOCKER","docker":{"name":"../x"}}]}}"#,
                400,
                format!(
                    "{agent}prune_images.excluded_images: '../x' is no name of an image: the parts between slashes are \
                     letters, digits, '.', '_' and '-'"
                ),
            ),
            (
                "/api/v1/executor",
                r#"{"type":"SUBSCRIBE"}"#,
                400,
                "Failed to convert JSON into Call protobuf: Missing required fields: executor_id, framework_id".to_owned(),
            ),
            (
                "/api/v1/executor",
                r#"{"type":"SUBSCRIBE","framework_id":{"value":"nope"},"executor_id":{"value":"e"},"subscribe":{}}"#,
                400,
                "Framework cannot be found".to_owned(),
            ),
            (
                "/api/v1/executor",
                r#"{"type":"UPDATE","framework_id":{"value":"nope"},"executor_id":{"value":"e"}}"#,
                400,
                "Failed to validate Executor::Call: Expecting 'update' to be present".to_owned(),
            ),
        ] {
            assert_eq!(node.call(path, body).await, (status, text), "{body}");
        }
        assert_eq!(
            node.get("/api/v1/executor").await,
            answer(405, "405 Method Not Allowed. Expecting one of { 'POST' }, but received 'GET'.")
        );
    });
}

#[test]
fn media_types_are_asked_for_before_anything_else() {
    play(async |node| {
        let call = r#"{"type":"GET_HEALTH"}"#;
        for path in ["/api/v1", "/api/v1/executor"] {
            let none = node.ask(Method::POST, path, &[], call).await;
            assert_eq!((none.status, none.body.as_str()), (400, "Expecting 'Content-Type' to be present"));
            let wrong = node.ask(Method::POST, path, &[("content-type", "text/plain")], call).await;
            assert_eq!(wrong.status, 415, "{path}");
        }
        let json = ("content-type", "application/json");
        let refused = node.ask(Method::POST, "/api/v1", &[json, ("accept", "text/html")], call).await;
        assert_eq!(refused.status, 406);
        let protobuf =
            node.ask(Method::POST, "/api/v1", &[json, ("accept", "application/x-protobuf")], call).await;
        assert_eq!(protobuf.body.as_bytes(), [8, 1, 18, 2, 8, 1]);
    });
}

#[test]
fn a_heartbeat_is_never_looked_into() {
    play(async |node| {
        let call = r#"{"type":"HEARTBEAT","framework_id":{"value":"nope"},"executor_id":{"value":"e"}}"#;
        assert_eq!(node.call("/api/v1/executor", call).await, answer(202, ""));
    });
}

#[test]
fn hostile_bodies_are_refused_and_the_agent_goes_on() {
    play(async |node| {
        for path in ["/api/v1", "/api/v1/executor"] {
            let json = [("content-type", "application/json")];
            let deep = format!("{}{}", r#"{"a":"#.repeat(5000), "}".repeat(5000));
            for (body, status) in
                [("", 400), ("[]", 400), ("\u{0}", 400), (deep.as_str(), 400), ("{\"type\":7}", 400)]
            {
                assert_eq!(
                    node.ask(Method::POST, path, &json, body).await.status,
                    status,
                    "{path} {body:.20}"
                );
            }
            let huge = format!(r#"{{"type":"{}"}}"#, "x".repeat(20 << 20));
            assert_eq!(node.ask(Method::POST, path, &json, &huge).await.status, 413, "{path}");
            let protobuf = [("content-type", "application/x-protobuf")];
            for body in ["\n", "\u{7f}\u{7f}\u{7f}", "\u{8}"] {
                assert_eq!(node.ask(Method::POST, path, &protobuf, body).await.status, 400, "{path}");
            }
        }
        assert_eq!(node.get("/health").await.0, 200);
    });
}
