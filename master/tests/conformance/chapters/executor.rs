//! An executor of the framework's own; then all that operators asked for while it idled.

use serde_json::json;

use crate::story::Story;

pub(crate) async fn tell(story: &mut Story) {
    story.add_agent("executor/sched_stream_custom_executor").await;
    story.watch("operator/stream_SUBSCRIBE_events_2").await;
    story.subscribe("executor/sched_stream_custom_executor").await;
    story.call_and_refuse("executor/sched_ACCEPT_LAUNCH_custom_executor").await;
    story.await_update("c-1", "TASK_RUNNING").await;
    story.await_event(|event| event["type"] == "MESSAGE").await;
    story.replay_all("08-custom-executor", |_| true).await;

    story.kill("c-1").await;
    story.await_update("c-1", "TASK_KILLED").await;
    story.call("call_REVIVE").await;
    story.await_offer().await;
    story.call("executor/sched_SHUTDOWN").await;
    story.await_event(ended("pyexec")).await;
    let resources = json!([
        {"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.1}, "allocation_info": {"role": "roleA"}},
        {"name": "mem", "type": "SCALAR", "scalar": {"value": 32}, "allocation_info": {"role": "roleA"}},
    ]);
    let executor = json!({
        "type": "CUSTOM", "executor_id": {"value": "dies"}, "command": {"value": "exit 7"}, "resources": resources,
    });
    story.launch(&json!({"name": "c-2", "task_id": {"value": "c-2"}, "executor": executor})).await;
    story.await_update("c-2", "TASK_FAILED").await;
    story.await_event(ended("dies")).await;
    story.settle_offers(0).await;
    story.compare_heard("executor/sched_stream_custom_executor").await;

    operators(story).await;
    story.compare_watched().await;
}

fn ended(executor: &str) -> impl Fn(&serde_json::Value) -> bool {
    move |event| event["failure"]["executor_id"]["value"] == executor
}

async fn operators(story: &mut Story) {
    // Nothing was on offer for a while.
    story.refuse_offers().await;
    story.replay_in_order("operator", SHARES).await;
    story.call("call_REVIVE").await;
    story.settle_offers(0).await;
    story.replay_in_order("operator", MADE).await;
    story.settle_offers(0).await;
    story.replay_in_order("operator", SHOWN).await;
    story.replay_in_order("operator", UNMADE).await;
    story.replay_in_order("operator", PLANNED).await;
    story.call("call_ACCEPT_INVERSE_OFFERS").await;
    story.replay_in_order("operator", AGREED).await;
    story.replay_in_order("operator", DONE).await;
}

/// Weights and quotas.
const SHARES: &[&str] = &[
    "weights_PUT",
    "weights_GET",
    "v1_UPDATE_WEIGHTS",
    "v1_UPDATE_WEIGHTS_bad",
    "v1_GET_WEIGHTS",
    "v1_UPDATE_QUOTA",
    "v1_GET_QUOTA",
    "quota_GET",
    "roles_GET_with_quota",
    "v1_UPDATE_QUOTA_guarantee_gt_limit",
    "v1_UPDATE_QUOTA_overcommit",
    "quota_POST",
    "quota_POST_again",
    "quota_DELETE",
    "v1_UPDATE_QUOTA_reset",
    "master_v1_REMOVE_QUOTA_role_without_quota",
];

/// Reservations and a volume.
const MADE: &[&str] = &[
    "reserve_POST",
    "v1_RESERVE_RESOURCES",
    "v1_RESERVE_RESOURCES_noreservation",
    "v1_RESERVE_RESOURCES_toomuch",
    "v1_CREATE_VOLUMES",
];

/// How they are shown.
const SHOWN: &[&str] =
    &["slaves_GET_after_create_volume", "v1_GET_AGENTS_after_create_volume", "v1_GET_OPERATIONS"];

/// What becomes of them.
const UNMADE: &[&str] =
    &["v1_GROW_VOLUME", "v1_UNRESERVE_with_volume", "v1_DESTROY_VOLUMES", "v1_UNRESERVE_RESOURCES"];

/// A machine that will be away.
const PLANNED: &[&str] = &[
    "maintenance_schedule_POST",
    "maintenance_schedule_GET",
    "v1_GET_MAINTENANCE_SCHEDULE",
    "maintenance_status_GET",
];

/// What is shown once the framework has agreed.
const AGREED: &[&str] = &["maintenance_status_after_accept", "v1_GET_MAINTENANCE_STATUS"];

/// Machines that go down and come up, an agent that is put aside.
const DONE: &[&str] = &[
    "machine_up_not_down",
    "v1_UPDATE_MAINTENANCE_SCHEDULE_bad",
    "maintenance_schedule_POST_empty",
    "v1_UPDATE_MAINTENANCE_SCHEDULE",
    "v1_START_MAINTENANCE",
    "maintenance_status_down",
    "v1_STOP_MAINTENANCE",
    "v1_DEACTIVATE_AGENT",
    "slaves_GET_deactivated",
    "v1_REACTIVATE_AGENT",
];
