//! What operators and tools read from a master, and what a master says to bad questions.

use std::time::Duration;

use libprocess::http::{Request, Response};
use libprocess::{Config, Runtime};
use serde_json::{Value, json};

/// A master on loopback that has begun to lead.
fn with_master(test: impl AsyncFnOnce(&Asker)) {
    let runtime =
        Runtime::start(Config { shards: 2, ..Config::default() }).expect("loopback has a free port");
    master::spawn(&runtime, master::Config::default()).expect("the name is free");
    let asker = Asker { runtime: runtime.clone() };
    runtime.block_on(async {
        while asker.operator(&json!({"type": "GET_HEALTH"})).await.0 != 200 {
            runtime.sleep(Duration::from_millis(2)).await;
        }
        // The allocator begins on a thread of its own, and shows its figures once it has.
        while !runtime.metrics().snapshot().contains_key("allocator/mesos/resources/cpus/total") {
            runtime.sleep(Duration::from_millis(2)).await;
        }
        test(&asker).await;
    });
    runtime.shutdown();
}

struct Asker {
    runtime: Runtime,
}

impl Asker {
    async fn send(&self, request: Request) -> Response {
        self.runtime.client().send(request).await.expect("the master listens")
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.runtime.address())
    }

    /// Status and text.
    async fn get(&self, path: &str) -> (u16, String) {
        text(self.send(Request::get(&self.url(path))).await).await
    }

    async fn post(&self, path: &str, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> (u16, String) {
        let request = headers
            .iter()
            .fold(Request::post(&self.url(path)), |request, (name, value)| request.header(*name, value));
        text(self.send(request.body(body.into())).await).await
    }

    async fn operator(&self, call: &Value) -> (u16, String) {
        self.post("/api/v1", &[("Content-Type", "application/json")], call.to_string()).await
    }
}

async fn text(mut response: Response) -> (u16, String) {
    let body = response.bytes(1 << 20).await.expect("a whole answer");
    (response.status.as_u16(), String::from_utf8_lossy(&body).into_owned())
}

#[test]
fn an_operator_who_watches_is_told_what_there_is_and_then_what_happens() {
    with_master(async |asker| {
        let request = Request::post(&asker.url("/api/v1")).header("Content-Type", "application/json");
        let mut stream = asker.send(request.body(r#"{"type":"SUBSCRIBE"}"#)).await;
        assert_eq!(stream.status.as_u16(), 200);
        let mut next = async || {
            let chunk = stream.body.next().await.expect("the stream goes on").expect("and is whole");
            let text = String::from_utf8(chunk.to_vec()).expect("JSON is text");
            let (_, record) = text.split_once('\n').expect("a record begins with its length");
            serde_json::from_str::<Value>(record).expect("a record is JSON")
        };
        let first = next().await;
        assert_eq!(first["type"], "SUBSCRIBED");
        assert_eq!(first["subscribed"]["heartbeat_interval_seconds"], 15.0);
        assert_eq!(first["subscribed"]["get_state"]["get_agents"]["agents"], json!([]));
        assert_eq!(next().await, json!({"type": "HEARTBEAT"}));
        let info = json!({"user": "nobody", "name": "watched", "roles": [], "capabilities": [{"type": "MULTI_ROLE"}]});
        let call = json!({"type": "SUBSCRIBE", "subscribe": {"framework_info": info}});
        let request =
            Request::post(&asker.url("/api/v1/scheduler")).header("Content-Type", "application/json");
        let _scheduler = asker.send(request.body(call.to_string())).await;
        let added = next().await;
        assert_eq!(added["type"], "FRAMEWORK_ADDED");
        assert_eq!(added["framework_added"]["framework"]["framework_info"]["name"], "watched");
    });
}

#[test]
fn paths_resolve_as_clients_spell_them() {
    with_master(async |asker| {
        let (_, state) = asker.get("/state").await;
        for path in ["/master/state", "/master/state/", "/master/state.json", "/state.json", "/state/deeper"]
        {
            assert_eq!(asker.get(path).await, (200, state.clone()), "{path}");
        }
        let json = [("Content-Type", "application/json")];
        for path in ["/api/v1", "/master/api/v1", "/api/v1/", "/api/v1/operator"] {
            let (status, body) = asker.post(path, &json, r#"{"type":"GET_HEALTH"}"#).await;
            assert_eq!(
                (status, &*body),
                (200, r#"{"type":"GET_HEALTH","get_health":{"healthy":true}}"#),
                "{path}"
            );
        }
    });
}

#[test]
fn a_version_is_three_integers_and_jsonp_reads_everything() {
    with_master(async |asker| {
        let (_, version) = asker.get("/version").await;
        let version: Value = serde_json::from_str(&version).expect("JSON");
        let parts: Vec<u32> = version["version"]
            .as_str()
            .expect("text")
            .split('.')
            .map(|part| part.parse().expect("an integer"))
            .collect();
        assert_eq!(parts, [1, 11, 0]);
        for path in
            ["/state", "/state-summary", "/slaves", "/frameworks", "/tasks", "/roles", "/flags", "/version"]
        {
            let (status, body) = asker.get(&format!("{path}?jsonp=angular.callbacks._1")).await;
            assert!(
                status == 200 && body.starts_with("angular.callbacks._1({") && body.ends_with("})"),
                "{path}: {body}"
            );
        }
    });
}

#[test]
fn null_is_unset_and_any_accept_is_json() {
    with_master(async |asker| {
        let call = json!({"type": "GET_VERSION", "get_metrics": null, "teardown": null});
        assert_eq!(asker.operator(&call).await.0, 200);
        for accept in ["*/*", "application/*", "application/json, application/x-protobuf"] {
            let headers = [("Content-Type", "application/json"), ("Accept", accept)];
            let (status, body) = asker.post("/api/v1", &headers, r#"{"type":"GET_ROLES"}"#).await;
            assert_eq!((status, &*body), (200, r#"{"type":"GET_ROLES","get_roles":{}}"#), "{accept}");
        }
    });
}

#[test]
fn bad_questions_are_told_what_is_wrong_and_change_nothing() {
    with_master(async |asker| {
        let json = [("Content-Type", "application/json")];
        let protobuf = [("Content-Type", "application/x-protobuf")];
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let large = format!(r#"{{"type":"GET_HEALTH","padding":"{}"}}"#, "x".repeat(20 << 20));
        let before = asker.get("/state").await;
        for (headers, body, status, said) in [
            (&json, deep.as_bytes(), 400, "Failed to parse body into JSON"),
            (&json, large.as_bytes(), 413, ""),
            (&json, br#"{"type":"GET_HEALTH"#, 400, "Failed to parse body into JSON"),
            (&protobuf, b"\x08\x01\xff", 400, "Failed to parse body into Call protobuf"),
            (&json, br#"{"type":"TEARDOWN"}"#, 400, "Expecting 'teardown' to be present"),
            (
                &json,
                br#"{"type":"TEARDOWN","teardown":{"framework_id":{}}}"#,
                400,
                "teardown.framework_id.value",
            ),
            (&json, br#"{"type":"UNKNOWN"}"#, 501, "UNKNOWN"),
        ] {
            let (was, text) = asker.post("/api/v1", headers, body).await;
            assert!(was == status && text.contains(said), "{was} {text} instead of {status} {said}");
        }
        assert_eq!(asker.get("/state").await, before);
    });
}

#[test]
fn health_needs_no_leader_and_redirect_leads_to_it() {
    with_master(async |asker| {
        assert_eq!(asker.get("/health").await, (200, String::new()));
        let response = asker.send(Request::get(&asker.url("/redirect"))).await;
        assert_eq!(response.status.as_u16(), 307);
        let location = response.headers.get("location").expect("a redirect leads somewhere");
        assert_eq!(location.to_str().expect("text"), format!("//{}", asker.runtime.address()));
        assert_eq!(asker.get("/redirect/state").await.0, 404);
    });
}

#[test]
fn every_figure_that_exporters_look_for_is_there() {
    with_master(async |asker| {
        let (_, body) = asker.get("/metrics/snapshot").await;
        let figures: Value = serde_json::from_str(&body).expect("JSON");
        for name in [
            "master/uptime_secs",
            "master/elected",
            "master/slaves_active",
            "master/frameworks_active",
            "master/outstanding_offers",
            "master/tasks_running",
            "master/tasks_finished",
            "master/cpus_percent",
            "master/mem_total",
            "master/disk_used",
            "master/gpus_revocable_total",
            "master/messages_register_framework",
            "master/valid_status_updates",
            "master/slave_removals/reason_unhealthy",
            "master/operations/reserve/pending",
            "master/event_queue_messages",
            "allocator/mesos/allocation_runs",
            "allocator/mesos/resources/cpus/total",
            "registrar/queued_operations",
            "registrar/registry_size_bytes",
            "registrar/state_fetch_ms",
        ] {
            assert!(figures[name].is_number(), "{name}: {}", figures[name]);
        }
        assert_eq!(figures["master/elected"], 1.0);
    });
}

#[test]
fn who_has_an_answer_already_is_told_so_while_it_stands() {
    with_master(async |asker| {
        let read = async |path: &str, known: &str| {
            let request = Request::get(&asker.url(path)).header("If-None-Match", known);
            let response = asker.send(request).await;
            let mark =
                response.text_of("etag".try_into().expect("a name")).expect("answers are marked").to_owned();
            let (status, body) = text(response).await;
            (status, mark, body)
        };
        for path in ["/state", "/state-summary", "/slaves", "/frameworks", "/tasks", "/roles"] {
            let (status, mark, body) = read(path, "").await;
            assert!(status == 200 && !body.is_empty(), "{path}");
            assert_eq!(read(path, &format!("\"other\", {mark}")).await, (304, mark, String::new()), "{path}");
        }
        let (_, before, _) = read("/state", "").await;
        let info =
            json!({"user": "nobody", "name": "new", "roles": [], "capabilities": [{"type": "MULTI_ROLE"}]});
        let call = json!({"type": "SUBSCRIBE", "subscribe": {"framework_info": info}});
        let request =
            Request::post(&asker.url("/api/v1/scheduler")).header("Content-Type", "application/json");
        let mut scheduler = asker.send(request.body(call.to_string())).await;
        scheduler.body.next().await.expect("it is told that it is subscribed").expect("whole");
        let (status, after, body) = read("/state", &before).await;
        assert!(status == 200 && after != before && body.contains("\"new\""), "{status} {after}");
    });
}
