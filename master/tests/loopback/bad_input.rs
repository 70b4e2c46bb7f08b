//! What the outside does wrong: each gets the status and text of the reference, and leaves the master's books balanced.

use std::time::Duration;

use crate::stage::{Manner, launch, play, play_with};
use libprocess::http::Request;
use serde_json::{Value, json};

const JSON: (&str, &str) = ("Content-Type", "application/json");

#[test]
fn a_request_that_is_no_call_is_told_why() {
    let nested = "[".repeat(100_000);
    let missing_user = r#"{"type":"SUBSCRIBE","subscribe":{"framework_info":{"name":"x"}}}"#;
    let mismatch = r#"{"type":"SUBSCRIBE","framework_id":{"value":"a"},
        "subscribe":{"framework_info":{"name":"x","user":"root","id":{"value":"b"}}}}"#;
    let bad_uuid = r#"{"type":"ACKNOWLEDGE","framework_id":{"value":"nope"},
        "acknowledge":{"agent_id":{"value":"a"},"task_id":{"value":"t"},"uuid":"AAAA"}}"#;
    let subscribe = r#"{"type":"SUBSCRIBE","subscribe":{"framework_info":{"name":"x","user":"root"}}}"#;
    let protobuf = ("Content-Type", "application/x-protobuf");
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a str, u16, &'a str);
    let cases: &[Case<'_>] = &[
        (&[], "{}", 400, "Expecting 'Content-Type' to be present"),
        (
            &[("Content-Type", "text/plain")],
            "{}",
            415,
            "Expecting 'Content-Type' of application/json or application/x-protobuf",
        ),
        (&[JSON], "{bad", 400, "Failed to parse body into JSON: syntax error at line 1 near: bad"),
        (&[JSON], "{}", 400, "Failed to validate scheduler::Call: Expecting 'type' to be present"),
        (&[protobuf], "garbage!!", 400, "Failed to parse body into Call protobuf"),
        (
            &[JSON],
            r#"{"type":"NOPE","framework_id":{"value":"nope"}}"#,
            400,
            "Failed to validate scheduler::Call: Expecting 'type' to be present",
        ),
        (
            &[JSON],
            r#"{"type":"REVIVE"}"#,
            400,
            "Failed to validate scheduler::Call: Expecting 'framework_id' to be present",
        ),
        (
            &[JSON],
            r#"{"type":"KILL","framework_id":{"value":"nope"}}"#,
            400,
            "Failed to validate scheduler::Call: Expecting 'kill' to be present",
        ),
        (&[JSON], bad_uuid, 400, "Failed to validate scheduler::Call: Not a valid UUID"),
        (
            &[JSON],
            r#"{"type":"SUBSCRIBE"}"#,
            400,
            "Failed to validate scheduler::Call: Expecting 'subscribe' to be present",
        ),
        (
            &[JSON],
            missing_user,
            400,
            "Failed to convert JSON into Call protobuf: Missing required fields: subscribe.framework_info.user",
        ),
        (
            &[JSON],
            mismatch,
            400,
            "Failed to validate scheduler::Call: 'framework_id' differs from 'subscribe.framework_info.id'",
        ),
        (
            &[JSON, ("Accept", "text/html")],
            subscribe,
            406,
            "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'",
        ),
        (
            &[JSON, ("Mesos-Stream-Id", "abc")],
            subscribe,
            400,
            "Subscribe calls should not include the 'Mesos-Stream-Id' header",
        ),
        (
            &[JSON, ("Mesos-Stream-Id", "abc")],
            r#"{"type":"REVIVE","framework_id":{"value":"nope"}}"#,
            400,
            "Framework cannot be found",
        ),
    ];
    play(async |cluster| {
        for (headers, body, status, text) in cases {
            let answer = cluster.raw(headers, (*body).to_owned()).await;
            assert_eq!(answer, (*status, (*text).to_owned()), "{body}");
        }
        let deep = "Failed to parse body into JSON: nested deeper than 200 levels".to_owned();
        assert_eq!(cluster.raw(&[JSON], nested).await, (400, deep));
        // No more of a body is repeated than it takes to recognize it.
        let (status, said) = cluster.raw(&[JSON], vec![b'x'; 1 << 20]).await;
        assert!(status == 400 && said.len() < 250 && said.ends_with('…'), "{status} {said:.300}");
        let (status, _) = cluster.raw(&[JSON], vec![b' '; 17 << 20]).await;
        assert_eq!(status, 413, "oversized");
    });
}

#[test]
fn what_an_operator_left_out_is_not_guessed() {
    play_with(master::Config::default(), async |cluster| {
        let ask = async |path: &str, body: String| {
            let request = Request::post(&cluster.url(path)).header("Content-Type", "application/json");
            let mut response = cluster.client().send(request.body(body)).await.expect("the master listens");
            (response.status.as_u16(), text(std::mem::take(&mut response.body)).await)
        };
        let weights =
            json!({"type": "UPDATE_WEIGHTS", "update_weights": {"weight_infos": [{"weight": 7.0}]}});
        let machines = json!([{"machine_ids": [{"hostname": "q", "ip": "not-an-ip"}],
            "unavailability": {"start": {"nanoseconds": 0}}}]);
        let schedule = json!({"type": "UPDATE_MAINTENANCE_SCHEDULE",
            "update_maintenance_schedule": {"schedule": {"windows": machines}}});
        let quota = json!({"type": "UPDATE_QUOTA", "update_quota": {"force": true,
            "quota_configs": [{"role": "web", "limits": {"": {"value": 1.0}}}]}});
        let long = json!({"type": "UPDATE_WEIGHTS", "update_weights": {"weight_infos": [
            {"role": "x".repeat(300), "weight": 7.0}]}});
        // What would wrap to another number.
        let ports = |begin: &str, end: &str| {
            format!(
                r#"{{"type": "RESERVE_RESOURCES", "reserve_resources": {{"agent_id": {{"value": "a"}}, "resources":
                {{"name": "ports", "type": "RANGES", "ranges": {{"range": {{"begin": {begin}, "end": {end}}}}}}}}}}}"#
            )
        };
        let level = r#"{"type": "SET_LOGGING_LEVEL", "set_logging_level":
            {"level": 4294967296, "duration": {"nanoseconds": 1}}}"#;
        for (call, why) in [
            (ports("-1", "2"), "Number -1 is out of range for field 'begin'"),
            (
                ports("1", "18446744073709551616"),
                "Number 18446744073709551616 is out of range for field 'end'",
            ),
            (ports("1.5", "2"), "Number 1.5 is not an integer, as field 'begin' expects"),
            (level.to_owned(), "Number 4294967296 is out of range for field 'level'"),
        ] {
            let (status, said) = ask("/api/v1", call).await;
            assert_eq!(
                (status, &*said),
                (400, &*format!("Failed to convert JSON into Call protobuf: {why}"))
            );
        }
        for (call, why) in [
            (weights, "Empty role name is invalid"),
            (schedule, "its 'ip' is no address"),
            (quota, "a resource has no name"),
            (long, "is too long"),
        ] {
            let (status, said) = ask("/api/v1", call.to_string()).await;
            assert!(status == 400 && said.contains(why), "{status} {said}");
        }
        // More than can be written at once is refused, and what comes behind it is not.
        let names: Vec<_> = (0..60_000).map(|n| json!({"hostname": format!("{n:0>60}")})).collect();
        let large = json!({"type": "UPDATE_MAINTENANCE_SCHEDULE", "update_maintenance_schedule": {"schedule":
            {"windows": [{"machine_ids": names, "unavailability": {"start": {"nanoseconds": 0}}}]}}});
        let (status, said) = ask("/api/v1", large.to_string()).await;
        assert!(status == 409 && said.contains("make it in parts"), "{status} {said}");
        let small = json!({"type": "UPDATE_WEIGHTS", "update_weights": {"weight_infos": [
            {"role": "web", "weight": 7.0}]}});
        assert_eq!(ask("/api/v1", small.to_string()).await.0, 200);
    });
}

#[test]
fn a_call_is_heard_only_on_the_stream_of_its_framework() {
    play(async |cluster| {
        cluster.agent("cpus:4;mem:1024");
        let mut mine = cluster.subscribe().await;
        mine.next().await;
        let offer = mine.offer().await;
        let mut other = cluster.subscribe().await;
        other.next().await;
        let mut revive = json!({"type": "REVIVE", "framework_id": mine.framework});

        let (status, _, body) = cluster.post(&revive, None).await;
        assert_eq!((status, text(body).await.as_str()), (400, NO_STREAM));
        let (status, _, body) = cluster.post(&revive, other.stream.as_deref()).await;
        assert_eq!(status, 400);
        let said = text(body).await;
        assert!(
            said.starts_with(&format!("The stream ID '{}' included", other.stream.clone().unwrap())),
            "{said}"
        );

        let decline = json!({"type": "DECLINE", "decline": {"offer_ids": [offer["id"]]}});
        assert_eq!(other.call(decline).await.0, 202, "another's offer is ignored");
        let (_, _) = other.call(launch(&offer, "t", 1.0)).await;
        let update = other.until("UPDATE").await;
        assert_eq!(update["update"]["status"]["state"], "TASK_DROPPED");
        assert_eq!(update["update"]["status"]["reason"], "REASON_INVALID_OFFERS");

        assert_eq!(mine.call(launch(&offer, "t", 1.0)).await.0, 202, "the offer is still there for its own");
        assert_eq!(mine.until("UPDATE").await["update"]["status"]["state"], "TASK_RUNNING");

        assert_eq!(mine.call(json!({"type": "TEARDOWN"})).await.0, 202);
        while mine.try_next().await.is_some() {}
        revive["framework_id"] = mine.framework.clone();
        let (status, _, body) = cluster.post(&revive, mine.stream.as_deref()).await;
        assert_eq!((status, text(body).await.as_str()), (400, "Framework cannot be found"));
        other.all_is_offered(4.0).await;
    });
}

#[test]
fn an_offer_used_twice_drops_the_second_task() {
    play(async |cluster| {
        cluster.agent("cpus:4;mem:1024");
        let mut scheduler = cluster.subscribe().await;
        let offer = scheduler.offer().await;
        scheduler.call(launch(&offer, "bad/id", 1.0)).await;
        scheduler.call(launch(&offer, "t", 1.0)).await;
        let first = scheduler.until("UPDATE").await;
        assert_eq!(first["update"]["status"]["message"], "'bad/id' contains invalid characters");
        let second = scheduler.until("UPDATE").await;
        assert_eq!(second["update"]["status"]["state"], "TASK_DROPPED");
        let said = format!(
            "Task launched with invalid offers: Offer {} is no longer valid",
            string(&offer["id"]["value"])
        );
        assert_eq!(second["update"]["status"]["message"], said);
        scheduler.all_is_offered(4.0).await;
    });
}

#[test]
fn a_task_that_cannot_be_is_in_error_and_costs_nothing() {
    play(async |cluster| {
        cluster.agent("cpus:4;mem:1024");
        let mut scheduler = cluster.subscribe().await;
        type Spoil = fn(&mut Value);
        let bad: [(Spoil, &str); 6] = [
            (
                |task| task["resources"][0]["scalar"]["value"] = json!(-1),
                "is invalid: Invalid scalar resource: value <= 0",
            ),
            (|task| task["resources"] = json!([]), "Task uses no resources"),
            (
                |task| task["agent_id"]["value"] = json!("nope-S9"),
                "Task uses invalid agent nope-S9 while agent",
            ),
            (|task| drop(task.as_object_mut().unwrap().remove("command")), "Task should have at least one"),
            (
                |task| task["resources"][0]["scalar"]["value"] = json!(1000),
                "required by task and its executor is more than",
            ),
            (
                |task| task["kill_policy"] = json!({"grace_period": {"nanoseconds": -1}}),
                "Task's 'kill_policy.grace_period' must be non-negative",
            ),
        ];
        for (spoil, said) in bad {
            let offer = scheduler.offer().await;
            let mut call = launch(&offer, "t", 1.0);
            spoil(&mut call["accept"]["operations"][0]["launch"]["task_infos"][0]);
            assert_eq!(scheduler.call(call).await.0, 202);
            let update = scheduler.until("UPDATE").await;
            let status = &update["update"]["status"];
            assert_eq!(
                (&status["state"], &status["reason"]),
                (&json!("TASK_ERROR"), &json!("REASON_TASK_INVALID"))
            );
            assert!(string(&status["message"]).contains(said), "{status}");
            assert!(status.get("uuid").is_none(), "nobody has to acknowledge it");
        }
        scheduler.all_is_offered(4.0).await;
    });
}

#[test]
fn a_second_task_of_the_same_name_is_in_error_while_the_first_runs() {
    play(async |cluster| {
        cluster.agent("cpus:4;mem:1024");
        let mut scheduler = cluster.subscribe().await;
        let offer = scheduler.offer().await;
        scheduler.call(launch(&offer, "t", 1.0)).await;
        let running = scheduler.until("UPDATE").await;
        let offer = scheduler.offer().await;
        scheduler.call(launch(&offer, "t", 1.0)).await;
        let update = scheduler.until("UPDATE").await;
        assert_eq!(update["update"]["status"]["message"], "Task has duplicate ID: t");
        scheduler.acknowledge(&running).await;
        let ended = scheduler.until("UPDATE").await;
        scheduler.acknowledge(&ended).await;
        scheduler.all_is_offered(4.0).await;
    });
}

#[test]
fn a_framework_that_cannot_be_hears_an_error_and_the_end() {
    play(async |cluster| {
        let bad =
            [(json!(["a/../b"]), "uses invalid", "as a component"), (json!(["web", "web"]), "", "duplicate")];
        for (roles, _, said) in bad {
            let info =
                json!({"user": "u", "name": "n", "roles": roles, "capabilities": [{"type": "MULTI_ROLE"}]});
            let mut scheduler = cluster.subscribe_as(info).await;
            let event = scheduler.next().await;
            assert_eq!(event["type"], "ERROR");
            assert!(string(&event["error"]["message"]).contains(said), "{event}");
            assert_eq!(scheduler.try_next().await, None, "the stream ends in order");
        }
    });
}

#[test]
fn messages_to_executors_and_agents_nobody_knows_are_lost() {
    play(async |cluster| {
        cluster.agent("cpus:4;mem:1024");
        let mut scheduler = cluster.subscribe().await;
        let offer = scheduler.offer().await;
        let (agent, executor) = (&offer["agent_id"], json!({"value": "nobody"}));
        let message = json!({"agent_id": agent, "executor_id": executor, "data": "aGk="});
        assert_eq!(scheduler.call(json!({"type": "MESSAGE", "message": message})).await.0, 202);
        let shutdown = json!({"agent_id": {"value": "nope-S9"}, "executor_id": executor});
        assert_eq!(scheduler.call(json!({"type": "SHUTDOWN", "shutdown": shutdown})).await.0, 202);
        let roles = json!({"type": "SUPPRESS", "suppress": {"roles": ["web", "other"]}});
        assert_eq!(scheduler.call(roles).await.0, 202, "one unknown role drops the call");
        let decline = json!({"type": "DECLINE", "decline": {"offer_ids": [offer["id"]], "filters": {"refuse_seconds": 0}}});
        assert_eq!(scheduler.call(decline).await.0, 202);
        scheduler.offer().await;
    });
}

#[test]
fn a_scheduler_that_stops_reading_is_disconnected() {
    let config = master::Config { backlog_bytes: 64 << 10, backlog_events: 100, ..Default::default() };
    play_with(config, async |cluster| {
        cluster.agent("cpus:4;mem:1024");
        let mut scheduler = cluster.subscribe().await;
        let offer = scheduler.offer().await;
        scheduler.call(launch(&offer, "t", 1.0)).await;
        scheduler.until("UPDATE").await;

        let tasks: Vec<Value> =
            (0..1000).map(|at| json!({"task_id": {"value": format!("{at:0>200}")}})).collect();
        let ask = json!({"type": "RECONCILE", "reconcile": {"tasks": tasks}});
        let mut answer = (202, String::new());
        for _ in 0..200 {
            answer = scheduler.call(ask.clone()).await;
            if answer.0 != 202 {
                break;
            }
        }
        assert_eq!(answer, (403, "Framework is not subscribed".to_owned()));
    });
}

#[test]
fn a_task_on_an_agent_that_dies_of_it_is_unreachable() {
    let mut config = master::Config::default();
    config.settings.agent_reregister_timeout = Duration::from_millis(50);
    play_with(config, async |cluster| {
        cluster.agent_that(Manner::Dies, "cpus:4;mem:1024");
        let mut scheduler = cluster.subscribe().await;
        let offer = scheduler.offer().await;
        scheduler.call(launch(&offer, "t", 1.0)).await;

        let update = scheduler.until("UPDATE").await;
        let status = &update["update"]["status"];
        assert_eq!(
            (&status["state"], &status["reason"]),
            (&json!("TASK_UNREACHABLE"), &json!("REASON_AGENT_REMOVED")),
            "{status}"
        );
        assert!(status.get("unreachable_time").is_some());
        let failure = scheduler.until("FAILURE").await;
        assert_eq!(failure["failure"]["agent_id"], offer["agent_id"]);

        let ask = json!({"type": "RECONCILE", "reconcile": {"tasks": [{"task_id": {"value": "t"}}]}});
        scheduler.call(ask).await;
        let update = scheduler.until("UPDATE").await;
        assert_eq!(update["update"]["status"]["state"], "TASK_UNREACHABLE");
        cluster.sleep(Duration::from_millis(1)).await;
    });
}

const NO_STREAM: &str = "All non-subscribe calls should include the 'Mesos-Stream-Id' header";

async fn text(mut body: libprocess::http::Body) -> String {
    let bytes = body.bytes(1 << 20).await.expect("a short answer");
    String::from_utf8(bytes.to_vec()).expect("text")
}

fn string(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
