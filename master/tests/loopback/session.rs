//! A whole master on loopback, with an agent that pretends: what a scheduler sees, in order.

use std::time::Duration;

use serde_json::json;

use crate::stage::{launch, play, play_with};

#[test]
fn a_scheduler_subscribes_launches_and_hears_how_it_went() {
    play(async |cluster| {
        cluster.agent("cpus:4;mem:1024");
        let mut scheduler = cluster.subscribe().await;

        let subscribed = scheduler.next().await;
        assert_eq!(subscribed["type"], "SUBSCRIBED");
        assert_eq!(subscribed["subscribed"]["heartbeat_interval_seconds"], 15.0);
        assert_eq!(scheduler.next().await["type"], "HEARTBEAT");
        let offer = scheduler.offer().await;
        assert_eq!(offer["hostname"], "agent1.example");

        let (status, _) = scheduler.call(launch(&offer, "t", 1.0)).await;
        assert_eq!(status, 202);
        let update = scheduler.until("UPDATE").await;
        assert_eq!(update["update"]["status"]["state"], "TASK_RUNNING");
        assert_eq!(scheduler.acknowledge(&update).await, 202);
        let update = scheduler.until("UPDATE").await;
        assert_eq!(update["update"]["status"]["state"], "TASK_FINISHED");
        assert_eq!(scheduler.acknowledge(&update).await, 202);
    });
}

#[test]
fn a_framework_that_fails_over_keeps_its_tasks_and_its_old_stream_ends_with_an_error() {
    play(async |cluster| {
        cluster.agent("cpus:4;mem:1024");
        let mut first = cluster.subscribe().await;
        let offer = first.offer().await;
        first.call(launch(&offer, "t", 1.0)).await;
        first.until("UPDATE").await;

        let mut second = cluster.subscribe_again(&first.framework).await;

        assert_eq!(first.until("ERROR").await["error"]["message"], "Framework failed over");
        assert_eq!(first.try_next().await, None, "the old stream ends in order");
        let subscribed = second.next().await;
        assert_eq!(subscribed["subscribed"]["framework_id"], first.framework);
        let (status, text) = first.call(json!({"type": "REVIVE"})).await;
        assert_eq!(status, 400, "{text}");
        second.call(json!({"type": "RECONCILE", "reconcile": {"tasks": []}})).await;
        let update = second.until("UPDATE").await;
        assert_eq!(update["update"]["status"]["state"], "TASK_RUNNING");
        assert_eq!(update["update"]["status"]["reason"], "REASON_RECONCILIATION");
    });
}

#[test]
fn a_framework_whose_stream_broke_is_not_subscribed_until_it_comes_back() {
    play(async |cluster| {
        cluster.agent("cpus:4;mem:1024");
        let mut first = cluster.subscribe().await;
        first.offer().await;
        let mut gone = first.hang_up();
        let mut answer = gone.call(json!({"type": "REVIVE"})).await;
        while answer.0 == 202 {
            cluster.sleep(Duration::from_millis(5)).await;
            answer = gone.call(json!({"type": "REVIVE"})).await;
        }
        assert_eq!(answer, (403, "Framework is not subscribed".to_owned()));

        let framework = gone.framework.take();
        let mut second = cluster.subscribe_again(&framework).await;

        assert_eq!(second.next().await["subscribed"]["framework_id"], framework);
        second.all_is_offered(4.0).await;
    });
}

#[test]
fn a_framework_without_a_failover_timeout_ends_with_its_stream() {
    play(async |cluster| {
        cluster.agent("cpus:4;mem:1024");
        let info =
            json!({"user": "u", "name": "short", "roles": ["web"], "capabilities": [{"type": "MULTI_ROLE"}]});
        let mut first = cluster.subscribe_as(info).await;
        first.offer().await;
        let gone = first.hang_up();
        let mut answer = gone.call(json!({"type": "REVIVE"})).await;
        while answer.1 != "Framework cannot be found" {
            cluster.sleep(Duration::from_millis(5)).await;
            answer = gone.call(json!({"type": "REVIVE"})).await;
        }
        cluster.subscribe().await.all_is_offered(4.0).await;
    });
}

#[test]
fn a_task_is_killed_and_asked_about() {
    play(async |cluster| {
        cluster.agent("cpus:4;mem:1024");
        let mut scheduler = cluster.subscribe().await;
        let offer = scheduler.offer().await;
        scheduler.call(launch(&offer, "t", 1.0)).await;
        scheduler.until("UPDATE").await;
        scheduler.call(json!({"type": "KILL", "kill": {"task_id": {"value": "t"}}})).await;
        let killed = scheduler.until("UPDATE").await;
        assert_eq!(killed["update"]["status"]["state"], "TASK_KILLED");
        assert_eq!(scheduler.acknowledge(&killed).await, 202);
        let ask = json!({"type": "RECONCILE", "reconcile": {"tasks": [
            {"task_id": {"value": "t"}}, {"task_id": {"value": "t"}, "agent_id": offer["agent_id"]},
        ]}});
        scheduler.call(ask).await;
        let states = [scheduler.until("UPDATE").await, scheduler.until("UPDATE").await];
        let states = states.map(|update| update["update"]["status"]["state"].clone());
        assert_eq!(states, ["TASK_UNKNOWN", "TASK_GONE"]);
        scheduler.all_is_offered(4.0).await;
    });
}

#[test]
fn what_was_offered_of_a_machine_that_is_switched_off_is_rescinded() {
    let mut config = master::Config::default();
    config.settings.agent_reregister_timeout = Duration::from_millis(50);
    play_with(config, async |cluster| {
        cluster.agent("cpus:4;mem:1024");
        let mut scheduler = cluster.subscribe().await;
        let offer = scheduler.offer().await;
        scheduler.call(launch(&offer, "t", 1.0)).await;
        scheduler.until("UPDATE").await;
        let rest = scheduler.offer().await;

        cluster.switch_off();

        assert_eq!(scheduler.until("RESCIND").await["rescind"]["offer_id"], rest["id"]);
        let update = scheduler.until("UPDATE").await;
        assert_eq!(update["update"]["status"]["state"], "TASK_UNREACHABLE");
        assert_eq!(scheduler.until("FAILURE").await["failure"]["agent_id"], offer["agent_id"]);
    });
}
