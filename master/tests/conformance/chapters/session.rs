//! A framework that runs all kinds of tasks and makes mistakes, fails over, goes away and ends.

use api_conformance::Exchange;
use serde_json::json;

use crate::story::Story;

pub(crate) async fn tell(story: &mut Story) {
    story.replay_all("errors", |exchange| exchange.name.starts_with("m_") && !later(exchange)).await;
    story.replay_all("01-no-agent", |_| true).await;
    story.replay_all("errors", raises_the_level).await;

    story.add_agent("scheduler/stream_1_full_session").await;
    story.replay_all("errors", with_an_agent).await;
    story.replay_all("02-one-agent-idle", |_| true).await;

    story.watch("operator/stream_SUBSCRIBE_events").await;
    story.subscribe("scheduler/stream_1_full_session").await;
    story.call("call_ACCEPT_LAUNCH").await;
    story.await_update("t-sleep", "TASK_RUNNING").await;
    story.await_update("t-true", "TASK_FINISHED").await;
    story.replay_all("errors", |exchange| exchange.name.starts_with("live_") && !while_away(exchange)).await;
    story.await_update("t-onlycpu", "TASK_FINISHED").await;
    story.settle_offers(1).await;
    story.replay_all("03-running-task", |_| true).await;

    for call in CALLS {
        story.call(call).await;
    }
    story.await_update("t-sleep", "TASK_KILLED").await;
    story.call("call_ACCEPT_LAUNCH_failing").await;
    for task in ["t-exit3", "t-sig", "t-noexec", "t-fetchfail"] {
        story.await_update(task, "TASK_FAILED").await;
    }
    group(story).await;
    story.call("call_UPDATE_FRAMEWORK").await;
    story.fail_over("scheduler/stream_2_failover").await;
    story.await_offer().await;
    story.disconnect().await;
    story.replay_all("errors", |exchange| exchange.name == "live_call_while_disconnected").await;
    story.replay_all("06-framework-disconnected", |_| true).await;

    story.subscribe("scheduler/stream_3_resubscribe_teardown").await;
    story.await_offer().await;
    story.call("call_TEARDOWN").await;
    story.stream_ends().await;
    story.framework_ends().await;
    story.replay_all("errors", |exchange| exchange.name == "live_call_after_teardown").await;
    story.replay_all("07-completed-framework", |_| true).await;
    story.compare_watched().await;
    story.subscribe("scheduler/stream_4_subscribe_after_teardown").await;
    story.stream_ends().await;
}

/// Two tasks of one group run, while what an earlier task held is on offer.
async fn group(story: &mut Story) {
    story.settle_offers(0).await;
    story.withhold("t-unacked", "TASK_STARTING");
    let task = json!({"name": "t-unacked", "task_id": {"value": "t-unacked"}, "command": {"value": "true"}});
    story.launch(&task).await;
    story.await_update("t-unacked", "TASK_STARTING").await;
    let rest = story.keep_offer().await;
    story.release().await;
    story.await_update("t-unacked", "TASK_FINISHED").await;
    story.await_offer().await;
    let given_back = story.use_offer(rest);
    story.call_and_refuse("call_ACCEPT_LAUNCH_GROUP").await;
    for task in ["g-1", "g-2"] {
        story.await_update(task, "TASK_RUNNING").await;
    }
    story.replay_all("04-running-group", |_| true).await;

    story.call("call_KILL_group_member").await;
    for task in ["g-1", "g-2"] {
        story.await_update(task, "TASK_KILLED").await;
    }
    story.await_event(|event| event["type"] == "FAILURE").await;
    story.use_offer(given_back);
    story.call("call_ACCEPT_RESERVE_CREATE").await;
    story.replay_in_order("operator", &["v1_GET_OPERATIONS_after_reserve"]).await;
    story.call("call_RECONCILE_OPERATIONS").await;
    story.call("call_REVIVE").await;
    story.settle_offers(0).await;
}

/// What else the framework asked for, and what it asked for in vain.
const CALLS: &[&str] = &[
    "call_MESSAGE",
    "call_RECONCILE_explicit",
    "call_RECONCILE_implicit",
    "call_ACKNOWLEDGE_OPERATION_STATUS",
    "call_DECLINE",
    "call_SUPPRESS",
    "call_REVIVE",
    "call_REQUEST",
    "call_KILL_unknown",
    "call_KILL",
];

/// What is replayed when the first exchanges cannot meet it any more.
fn later(exchange: &Exchange) -> bool {
    with_an_agent(exchange) || raises_the_level(exchange)
}

/// The level stays raised for a second, and others ask for it.
fn raises_the_level(exchange: &Exchange) -> bool {
    exchange.name == "m_api_set_logging_level"
}

/// Captured when there was an agent already.
fn with_an_agent(exchange: &Exchange) -> bool {
    exchange.name == "m_post_state"
}

/// Mistakes that only a framework without a stream can make.
fn while_away(exchange: &Exchange) -> bool {
    ["live_call_while_disconnected", "live_call_after_teardown"].contains(&&*exchange.name)
}
