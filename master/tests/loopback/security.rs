//! Who comes, what they may do, what they see, and how often.

use std::sync::Arc;

use crate::stage::{Cluster, Manner, launch, play_with};
use libprocess::http::{Method, Request};
use master::realms;
use security::{Access, Acls, Credential, Credentials, Local, Policy, Proofs, RateLimits, Realm, Ways};
use serde_json::{Value, json};

/// A master that asks who comes, by these rules.
fn guarded(rules: &str) -> master::Config {
    let one = |name: &str| Credential { principal: name.to_owned(), secret: format!("{name}'s") };
    let credentials: Credentials = ["ann", "eve"].map(one).into_iter().collect();
    let proofs = Proofs { credentials: Some(credentials), token_key: None };
    let ways = Ways::named("basic", &proofs, "credentials").expect("basic has its credentials");
    let realm = |name| Realm { name, ways: ways.clone() };
    let policy = Policy::of(Arc::new(Local::new(Acls::parse(rules).expect("they are rules").acls)));
    let mut config = master::Config::default();
    config.settings.policy = policy.clone();
    config.access = Access {
        realms: [realms::READ_ONLY, realms::READ_WRITE, realms::SCHEDULER].map(realm).into(),
        policy,
        ..Access::default()
    };
    config
}

/// Base64 of `ann:ann's` and `eve:eve's`.
const ANN: &str = "Basic YW5uOmFubidz";
const EVE: &str = "Basic ZXZlOmV2ZSdz";

/// Asks as somebody; the status and the text.
async fn ask(cluster: &Cluster, who: &str, method: Method, path: &str, body: &str) -> (u16, String) {
    let request = Request::new(method, &cluster.url(path)).header("Content-Type", "application/json");
    let request = request.header("Authorization", who).body(body.to_owned());
    let mut response = cluster.client().send(request).await.expect("the master listens");
    let text = response.bytes(1 << 20).await.expect("a short answer");
    (response.status.as_u16(), String::from_utf8(text.to_vec()).expect("text"))
}

async fn get(cluster: &Cluster, who: &str, path: &str) -> Value {
    let (status, text) = ask(cluster, who, Method::GET, path, "").await;
    assert_eq!(status, 200, "{path}: {text}");
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn the_registry_is_for_who_proves_something() {
    play_with(guarded("{}"), async |cluster| {
        cluster.agent("cpus:8;mem:1024");
        let mut shown = get(cluster, ANN, "/registrar(1)/registry").await;
        for _ in 0..200 {
            if shown["slaves"].is_object() {
                break;
            }
            cluster.sleep(std::time::Duration::from_millis(10)).await;
            shown = get(cluster, ANN, "/registrar%281%29/registry").await;
        }
        let agents = &shown["slaves"]["slaves"];
        assert_eq!(
            (agents[0]["info"]["checkpoint"].as_bool(), agents[1].is_null()),
            (Some(true), true),
            "{shown}"
        );
        assert!(shown["master"]["info"]["id"].is_string(), "{shown}");
        assert_eq!(cluster.get_text("/registrar(1)/registry").await.0, 401);
    });
}

#[test]
fn a_request_that_proves_nothing_is_turned_away_with_the_ways_to_prove_something() {
    play_with(guarded("{}"), async |cluster| {
        for (path, realm) in
            [("/state", realms::READ_ONLY), ("/quota", realms::READ_WRITE), ("/api/v1", realms::READ_WRITE)]
        {
            let request = Request::get(&cluster.url(path));
            let mut response = cluster.client().send(request).await.expect("the master listens");
            assert_eq!(response.status.as_u16(), 401, "{path}");
            let challenge = response.headers["www-authenticate"].to_str().expect("text").to_owned();
            assert_eq!(challenge, format!("Basic realm=\"{realm}\""));
            assert_eq!(&response.bytes(100).await.expect("a text")[..], b"401 Unauthorized.");
        }
        assert_eq!(ask(cluster, "Basic !!!", Method::GET, "/state", "").await.0, 401);
        assert_eq!(ask(cluster, ANN, Method::GET, "/state", "").await.0, 200);
        assert_eq!(ask(cluster, "", Method::GET, "/health", "").await.0, 200);
    });
}

#[test]
fn a_framework_is_who_it_proved_to_be_or_nobody() {
    play_with(guarded("{}"), async |cluster| {
        let subscribe = |principal: &str| {
            json!({"type": "SUBSCRIBE", "subscribe": {"framework_info":
                {"user": "root", "name": "x", "roles": ["web"], "principal": principal,
                 "capabilities": [{"type": "MULTI_ROLE"}]}}})
        };
        let path = "/api/v1/scheduler";
        let (status, text) = ask(cluster, EVE, Method::POST, path, &subscribe("ann").to_string()).await;
        let said = "Authenticated principal 'eve' does not match principal 'ann' set in `FrameworkInfo`";
        assert_eq!((status, text.as_str()), (400, said));

        cluster.credential("ann", "ann's");
        let mut scheduler = cluster.subscribe().await;
        scheduler.until("SUBSCRIBED").await;
        let known = get(cluster, ANN, "/frameworks").await;
        assert_eq!(known["frameworks"][0]["principal"], "ann", "it is filled in");

        let revive = json!({"type": "REVIVE", "framework_id": scheduler.framework});
        let (status, text) = ask(cluster, EVE, Method::POST, path, &revive.to_string()).await;
        assert_eq!((status, text.as_str()), (400, said), "nobody else speaks for it");
    });
}

#[test]
fn frameworks_get_the_roles_and_users_they_may_have() {
    let rules = r#"{"register_frameworks": [
            {"principals": {"values": ["ann"]}, "roles": {"values": ["web", "eng/%"]}},
            {"principals": {"type": "NONE"}, "roles": {"type": "ANY"}}],
        "run_tasks": [{"principals": {"values": ["ann"]}, "users": {"values": ["web"]}},
                      {"principals": {"type": "NONE"}, "users": {"values": ["root"]}}]}"#;
    play_with(guarded(rules), async |cluster| {
        cluster.credential("eve", "eve's");
        let mut refused = cluster.subscribe().await;
        let error = refused.until("ERROR").await;
        let said = "Principal 'eve' is not authorized: REGISTER_FRAMEWORK 'web'";
        assert_eq!(error["error"]["message"], said);
        assert!(refused.try_next().await.is_none(), "the stream ends");

        cluster.credential("ann", "ann's");
        cluster.agent_that(Manner::Runs, "cpus:2;mem:1024");
        let mut scheduler = cluster.subscribe().await;
        let offer = scheduler.offer().await;
        scheduler.call(launch(&offer, "t", 1.0)).await;
        let update = scheduler.until("UPDATE").await;
        let status = &update["update"]["status"];
        assert_eq!(
            (&status["state"], &status["reason"]),
            (&json!("TASK_ERROR"), &json!("REASON_TASK_UNAUTHORIZED"))
        );
        assert_eq!(status["message"], "Task 't' is not authorized to launch as user 'root'");

        let offer = scheduler.offer().await;
        let mut allowed = launch(&offer, "u", 1.0);
        allowed["accept"]["operations"][0]["launch"]["task_infos"][0]["command"]["user"] = json!("web");
        scheduler.call(allowed).await;
        let update = scheduler.until("UPDATE").await;
        assert_eq!(update["update"]["status"]["state"], "TASK_RUNNING");

        let update = json!({"type": "UPDATE_FRAMEWORK", "update_framework": {"framework_info": {
            "id": scheduler.framework, "user": "root", "name": "tests", "roles": ["ops"],
            "failover_timeout": 60.0, "checkpoint": true, "principal": "ann",
            "capabilities": [{"type": "MULTI_ROLE"}, {"type": "PARTITION_AWARE"}]}}});
        let (status, text) = scheduler.call(update).await;
        assert_eq!(
            (status, text.as_str()),
            (403, "Principal 'ann' is not authorized: REGISTER_FRAMEWORK 'ops'")
        );
    });
}

#[test]
fn operators_change_what_they_may_and_hear_what_they_may_not() {
    let rules = r#"{"permissive": false,
        "update_weights": [{"principals": {"values": ["ann"]}, "roles": {"values": ["web"]}}],
        "view_roles": [{"principals": {"type": "ANY"}, "roles": {"type": "ANY"}}]}"#;
    play_with(guarded(rules), async |cluster| {
        let weights = |role: &str| {
            let infos = json!([{"role": role, "weight": 2.0}]);
            json!({"type": "UPDATE_WEIGHTS", "update_weights": {"weight_infos": infos}}).to_string()
        };
        let call = async |who, body: &str| ask(cluster, who, Method::POST, "/api/v1", body).await;
        assert_eq!(call(ANN, &weights("web")).await, (200, String::new()));
        let denied = "Principal 'ann' is not authorized: UPDATE_WEIGHT 'ops'";
        assert_eq!(call(ANN, &weights("ops")).await, (403, denied.to_owned()));
        assert_eq!(call(EVE, &weights("web")).await.0, 403);
        for (body, action) in [
            (json!({"type": "GET_FLAGS"}), "VIEW_FLAGS"),
            (json!({"type": "TEARDOWN", "teardown": {"framework_id": {"value": "f"}}}), "TEARDOWN_FRAMEWORK"),
            (
                json!({"type": "MARK_AGENT_GONE", "mark_agent_gone": {"agent_id": {"value": "a"}}}),
                "MARK_AGENT_GONE",
            ),
            (json!({"type": "STOP_MAINTENANCE", "stop_maintenance": {"machines": []}}), "STOP_MAINTENANCE"),
            (json!({"type": "REMOVE_QUOTA", "remove_quota": {"role": "web"}}), "UPDATE_QUOTA 'web'"),
        ] {
            let said = format!("Principal 'ann' is not authorized: {action}");
            assert_eq!(call(ANN, &body.to_string()).await, (403, said));
        }
        for (method, path, body) in [
            (Method::PUT, "/weights", r#"[{"role": "ops", "weight": 1}]"#),
            (Method::POST, "/teardown", "frameworkId=f"),
            (Method::POST, "/kill-task", "frameworkId=f&taskId=t"),
            (Method::POST, "/machine/up", "[]"),
            (Method::DELETE, "/quota/web", ""),
            (Method::GET, "/flags", ""),
            (Method::GET, "/metrics/snapshot", ""),
        ] {
            assert_eq!(ask(cluster, ANN, method, path, body).await.0, 403, "{path}");
        }
        assert_eq!(get(cluster, ANN, "/weights").await, json!([{"role": "web", "weight": 2.0}]));
    });
}

#[test]
fn views_show_what_their_reader_may_see() {
    let rules = r#"{"permissive": false,
        "register_frameworks": [{"principals": {"type": "ANY"}, "roles": {"type": "ANY"}}],
        "register_agents": [{"principals": {"type": "ANY"}, "agents": {"type": "ANY"}}],
        "run_tasks": [{"principals": {"type": "ANY"}, "users": {"type": "ANY"}}],
        "view_frameworks": [{"principals": {"values": ["ann", "eve"]}, "users": {"values": ["root"]}}],
        "view_tasks": [{"principals": {"values": ["ann"]}, "users": {"values": ["root"]}}],
        "view_roles": [{"principals": {"values": ["ann"]}, "roles": {"type": "ANY"}}],
        "view_flags": [{"principals": {"values": ["ann"]}, "flags": {"type": "ANY"}}]}"#;
    play_with(guarded(rules), async |cluster| {
        cluster.agent_that(Manner::Runs, "cpus:2;mem:1024");
        cluster.credential("ann", "ann's");
        let mut scheduler = cluster.subscribe().await;
        let offer = scheduler.offer().await;
        scheduler.call(launch(&offer, "t", 1.0)).await;
        scheduler.until("UPDATE").await;

        let [ann, eve] = [get(cluster, ANN, "/state").await, get(cluster, EVE, "/state").await];
        assert_eq!(ann["frameworks"][0]["tasks"][0]["id"], "t");
        assert_eq!(eve["frameworks"][0]["name"], "tests");
        assert_eq!(eve["frameworks"][0]["tasks"], json!([]));
        assert!(ann.get("flags").is_some() && eve.get("flags").is_none());
        assert_eq!(get(cluster, EVE, "/tasks").await["tasks"], json!([]));
        assert_eq!(get(cluster, EVE, "/roles").await["roles"], json!([]));
        assert_ne!(get(cluster, ANN, "/roles").await["roles"], json!([]));
        let call = async |who, kind: &str| {
            let (status, text) =
                ask(cluster, who, Method::POST, "/api/v1", &json!({"type": kind}).to_string()).await;
            assert_eq!(status, 200, "{text}");
            serde_json::from_str::<Value>(&text).expect("JSON")
        };
        assert_eq!(call(ANN, "GET_TASKS").await["get_tasks"]["tasks"][0]["task_id"]["value"], "t");
        assert_eq!(call(EVE, "GET_TASKS").await["get_tasks"]["tasks"], json!([]));
        assert_eq!(call(EVE, "GET_STATE").await["get_state"]["get_tasks"]["tasks"], json!([]));
        let agents = call(EVE, "GET_AGENTS").await;
        let used = &agents["get_agents"]["agents"][0]["allocated_resources"];
        assert!(used.as_array().is_none_or(Vec::is_empty), "they bear a role: {used}");
    });
}

#[test]
fn who_calls_too_often_waits_and_then_is_not_heard() {
    let limits = r#"{"limits": [{"principal": "ann", "qps": 0.001, "capacity": 0}]}"#;
    let mut config = guarded("{}");
    config.rate_limits = RateLimits::parse(limits).expect("limits");
    play_with(config, async |cluster| {
        cluster.credential("ann", "ann's");
        let mut scheduler = cluster.subscribe().await;
        scheduler.until("SUBSCRIBED").await;
        let (status, text) = scheduler.call(json!({"type": "REVIVE"})).await;
        assert_eq!((status, text.as_str()), (429, "Message REVIVE dropped: capacity(0) exceeded"));
        let metrics = get(cluster, ANN, "/metrics/snapshot").await;
        assert_eq!(metrics["frameworks/ann/messages_received"], 2.0);
        assert_eq!(metrics["frameworks/ann/messages_processed"], 1.0);
        cluster.credential("eve", "eve's");
        let mut other = cluster.subscribe().await;
        other.until("SUBSCRIBED").await;
        assert_eq!(other.call(json!({"type": "REVIVE"})).await.0, 202);
    });
}

#[test]
fn the_log_is_shown_to_those_who_may_see_it() {
    let dir = tempfile::tempdir().expect("a place for files");
    let log = dir.path().join("master.log");
    std::fs::write(&log, "one\ntwo\n").expect("a file");
    let rules = r#"{"access_mesos_logs": [
        {"principals": {"values": ["ann"]}, "logs": {"type": "ANY"}},
        {"principals": {"type": "ANY"}, "logs": {"type": "NONE"}}]}"#;
    let mut config = guarded(rules);
    config.settings.log = Some(log.clone());
    play_with(config, async |cluster| {
        let read = "/files/read?path=/master/log&offset=4&length=3";
        assert_eq!(get(cluster, ANN, read).await, json!({"data": "two", "offset": 4}));
        assert_eq!(get(cluster, ANN, "/files/read?path=/master/log").await, json!({"data": "", "offset": 8}));
        assert_eq!(get(cluster, ANN, "/files/browse?path=/master/log").await, json!([]));
        let shown = json!({"/master/log": log.display().to_string()});
        assert_eq!(get(cluster, ANN, "/files/debug").await, shown);
        let whole = ask(cluster, ANN, Method::GET, "/files/download?path=/master/log", "").await;
        assert_eq!(whole, (200, "one\ntwo\n".to_owned()));
        let (list, piece) = (
            r#"{"type": "LIST_FILES", "list_files": {"path": "/master/log"}}"#,
            r#"{"type": "READ_FILE", "read_file": {"path": "/master/log", "offset": 4, "length": 3}}"#,
        );
        let call = async |who, call| ask(cluster, who, Method::POST, "/api/v1", call).await;
        assert_eq!(call(ANN, list).await, (200, r#"{"type":"LIST_FILES","list_files":{}}"#.to_owned()));
        let two = r#"{"type":"READ_FILE","read_file":{"size":8,"data":"dHdv"}}"#;
        assert_eq!(call(ANN, piece).await, (200, two.to_owned()));

        for path in [read, "/files/browse?path=/master/log", "/files/download?path=/master/log"] {
            assert_eq!(ask(cluster, EVE, Method::GET, path, "").await.0, 403, "{path}");
        }
        for body in [list, piece] {
            assert_eq!(call(EVE, body).await.0, 403, "{body}");
        }
        for path in ["/files/read?path=/master", "/files/browse?path=/etc", "/files/download?path=/nope"] {
            assert_eq!(ask(cluster, ANN, Method::GET, path, "").await.0, 404, "{path}");
        }
        let wrong = ask(cluster, ANN, Method::GET, "/files/read?path=/master/log&offset=x", "").await;
        assert_eq!(wrong.0, 400, "{}", wrong.1);
    });
}
