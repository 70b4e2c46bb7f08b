//! Who comes to an agent, and what they may do there.

use std::collections::BTreeMap;
use std::sync::Arc;

use agent::Config;
use libprocess::Secret;
use libprocess::http::{Jwt, Method};
use security::{Access, Acls, Credential, Credentials, Local, Policy, Proofs, Realm, Ways};
use serde_json::{Value, json};

use crate::{Node, play_with};

/// Base64 of `ann:ann's` and `eve:eve's`.
pub(crate) const ANN: &str = "Basic YW5uOmFubidz";
const EVE: &str = "Basic ZXZlOmV2ZSdz";

/// An agent that asks who comes, by these rules.
fn guarded(rules: &str) -> impl FnOnce(&mut Config) {
    let one = |name: &str| Credential { principal: name.to_owned(), secret: format!("{name}'s") };
    let credentials: Credentials = ["ann", "eve"].map(one).into_iter().collect();
    let proofs = Proofs { credentials: Some(credentials), token_key: Some(Secret::new(*b"key")) };
    let acls = Acls::parse(rules).unwrap().acls;
    move |config| {
        let realm = |name, ways: &str| {
            let ways = Ways::named(ways, &proofs, "http_credentials").unwrap();
            Realm { name, ways: ways.with_nameless() }
        };
        config.token_key = proofs.token_key.clone();
        config.access = Access {
            realms: vec![
                realm("mesos-agent-readonly", "basic,jwt"),
                realm("mesos-agent-readwrite", "basic,jwt"),
                realm("mesos-agent-executor", "jwt"),
            ],
            policy: Policy::of(Arc::new(Local::new(acls))),
            ..Access::default()
        };
    }
}

async fn call(node: &Node, who: &str, path: &str, body: &Value) -> (u16, String) {
    let headers = [("content-type", "application/json"), ("authorization", who)];
    let answer = node.ask(Method::POST, path, &headers, &body.to_string()).await;
    (answer.status, answer.body)
}

fn token(key: &[u8]) -> String {
    let claims = [("fid", "f"), ("eid", "e"), ("cid", "c")].map(|(name, value)| (name.into(), value.into()));
    format!("Bearer {}", Jwt::new(&Secret::new(key)).issue(&BTreeMap::from(claims), None))
}

#[test]
fn executors_show_a_token_that_their_agent_signed() {
    play_with(guarded("{}"), async |node| {
        let update =
            json!({"type": "HEARTBEAT", "framework_id": {"value": "f"}, "executor_id": {"value": "e"}});
        let path = "/api/v1/executor";
        for who in ["", ANN, &token(b"other")] {
            assert_eq!(call(node, who, path, &update).await.0, 401, "{who}");
        }
        let (status, text) = call(node, &token(b"key"), path, &update).await;
        assert_ne!(status, 401, "{text}");
    });
}

#[test]
fn what_an_agent_shows_is_for_those_who_may_see_it() {
    let rules = r#"{"permissive": false,
        "view_flags": [{"principals": {"values": ["ann"]}, "flags": {"type": "ANY"}}],
        "get_endpoints": [{"principals": {"values": ["ann"]}, "paths": {"values": ["/containers"]}}]}"#;
    play_with(guarded(rules), async |node| {
        let get = async |who: &str, path: &str| {
            node.ask(Method::GET, path, &[("authorization", who)], "").await.status
        };
        assert_eq!(get("", "/state").await, 401);
        for (path, ann, eve) in [
            ("/state", 200, 200),
            ("/flags", 200, 403),
            ("/containers", 200, 403),
            ("/monitor/statistics", 403, 403),
            ("/containerizer/debug", 403, 403),
            ("/files/debug", 403, 403),
            ("/metrics/snapshot", 403, 403),
        ] {
            assert_eq!([get(ANN, path).await, get(EVE, path).await], [ann, eve], "{path}");
        }
        let flags = json!({"type": "GET_FLAGS"});
        assert_eq!(call(node, ANN, "/api/v1", &flags).await.0, 200);
        let denied = "Principal 'eve' is not authorized: VIEW_FLAGS";
        assert_eq!(call(node, EVE, "/api/v1", &flags).await, (403, denied.to_owned()));
    });
}

#[test]
fn containers_are_launched_seen_and_ended_by_those_who_may() {
    let any = r#"{"type": "ANY"}"#;
    let rule = |list: &str| format!(r#""{list}": [{{"principals": {{"values": ["ann"]}}, "users": {any}}}]"#);
    let lists = ["launch", "kill", "wait", "view"].map(|verb| rule(&format!("{verb}_standalone_containers")));
    let rules = format!(r#"{{"permissive": false, {}}}"#, lists.join(", "));
    play_with(guarded(&rules), async |node| {
        let about =
            |kind: &str| json!({"type": kind, kind.to_lowercase(): {"container_id": {"value": "alone"}}});
        let mut launch = about("LAUNCH_CONTAINER");
        launch["launch_container"]["command"] = json!({"value": "sleep 1000"});
        let ask = async |who, body: &Value| call(node, who, "/api/v1", body).await;
        let denied = |action: &str| (403, format!("Principal 'eve' is not authorized: {action}"));
        assert_eq!(ask(EVE, &launch).await, denied("LAUNCH_STANDALONE_CONTAINER"));
        assert_eq!(ask(ANN, &launch).await.0, 200);
        assert_eq!(ask(EVE, &about("KILL_CONTAINER")).await, denied("KILL_STANDALONE_CONTAINER"));
        assert_eq!(ask(EVE, &about("WAIT_CONTAINER")).await, denied("WAIT_STANDALONE_CONTAINER"));
        assert_eq!(ask(EVE, &about("ATTACH_CONTAINER_OUTPUT")).await.0, 403);

        let list = json!({"type": "GET_CONTAINERS", "get_containers": {"show_standalone": true}});
        assert!(ask(ANN, &list).await.1.contains("alone"));
        assert!(!ask(EVE, &list).await.1.contains("alone"));

        let mut nested = about("LAUNCH_NESTED_CONTAINER");
        nested["launch_nested_container"]["container_id"] =
            json!({"value": "in", "parent": {"value": "alone"}});
        nested["launch_nested_container"]["command"] = json!({"value": "true"});
        let executor = token(b"key");
        let (status, text) = ask(&executor, &nested).await;
        assert_eq!(status, 403, "a token is for its own container: {text}");
        assert_eq!(ask(ANN, &about("KILL_CONTAINER")).await.0, 200);
        assert_eq!(ask(ANN, &about("WAIT_CONTAINER")).await.0, 200);
    });
}
