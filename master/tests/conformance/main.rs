//! Replays requests that a running Mesos was asked, and compares what it answered with what we answer: status, headers that matter,
//! keys, types, values and texts. What deviates on purpose stands in one list, `deviations.rs`, with its reason.
//!
//! The story is the one the captures were made in: a master without agents, an idle agent, a framework that runs a task and makes
//! mistakes, the same framework while it is away, and after its end.

mod agent;
mod compare;
mod deviations;
mod golden;
mod story;

use golden::Exchange;
use story::tell;

#[test]
fn what_mesos_answered_is_answered() {
    tell(async |story| {
        story
            .replay_all("errors", |exchange| exchange.name.starts_with("m_") && !with_an_agent(exchange))
            .await;
        story.replay_all("01-no-agent", |_| true).await;

        story.add_agent().await;
        story.replay_all("errors", with_an_agent).await;
        story.replay_all("02-one-agent-idle", |_| true).await;

        story.subscribe().await;
        story.launch("call_ACCEPT_LAUNCH").await;
        story
            .replay_all("errors", |exchange| exchange.name.starts_with("live_") && !while_away(exchange))
            .await;
        story.errors_of_invalid_tasks().await;
        story.settle_offers().await;
        story.replay_all("03-running-task", |_| true).await;

        for call in CALLS {
            story.call(call).await;
        }
        story.fail_over().await;
        story.end_tasks().await;
        story.call("call_UPDATE_FRAMEWORK").await;
        story.disconnect().await;
        story.replay_all("errors", |exchange| exchange.name == "live_call_while_disconnected").await;
        story.replay_all("06-framework-disconnected", |_| true).await;

        story.teardown().await;
        story.replay_all("errors", |exchange| exchange.name == "live_call_after_teardown").await;
        story.replay_all("07-completed-framework", |_| true).await;

        story.replay_in_order("operator", OPERATORS).await;
    });
}

/// What else the framework asked for, and what it asked for in vain.
const CALLS: &[&str] = &[
    "call_REQUEST",
    "call_KILL_unknown",
    "call_MESSAGE",
    "call_RECONCILE_explicit",
    "call_RECONCILE_implicit",
    "call_RECONCILE_OPERATIONS",
    "call_ACKNOWLEDGE_OPERATION_STATUS",
    "call_ACCEPT_INVERSE_OFFERS",
    "call_DECLINE",
    "call_SUPPRESS",
    "call_REVIVE",
];

/// What operators asked for and were told, in an order that makes sense.
const OPERATORS: &[&str] = &[
    "weights_PUT",
    "weights_GET",
    "v1_UPDATE_WEIGHTS",
    "v1_UPDATE_WEIGHTS_bad",
    "v1_GET_WEIGHTS",
    "v1_UPDATE_QUOTA",
    "v1_GET_QUOTA",
    "quota_GET",
    "v1_UPDATE_QUOTA_guarantee_gt_limit",
    "v1_UPDATE_QUOTA_overcommit",
    "quota_POST",
    "quota_POST_again",
    "quota_DELETE",
    "v1_UPDATE_QUOTA_reset",
    "master_v1_REMOVE_QUOTA_role_without_quota",
    "reserve_POST",
    "v1_RESERVE_RESOURCES",
    "v1_RESERVE_RESOURCES_noreservation",
    "v1_RESERVE_RESOURCES_toomuch",
    "v1_CREATE_VOLUMES",
    "v1_GROW_VOLUME",
    "v1_UNRESERVE_with_volume",
    "v1_DESTROY_VOLUMES",
    "v1_UNRESERVE_RESOURCES",
    "maintenance_schedule_POST",
    "maintenance_schedule_GET",
    "v1_GET_MAINTENANCE_SCHEDULE",
    "maintenance_status_GET",
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
    "v1_DRAIN_AGENT_bad_duration",
    "v1_DRAIN_AGENT",
    "v1_MARK_AGENT_GONE",
    "v1_MARK_AGENT_GONE_again",
    "slaves_GET_after_gone",
];

/// Captured when there was an agent already.
fn with_an_agent(exchange: &Exchange) -> bool {
    exchange.name == "m_post_state"
}

/// Mistakes that only a framework without a stream can make.
fn while_away(exchange: &Exchange) -> bool {
    ["live_call_while_disconnected", "live_call_after_teardown"].contains(&&*exchange.name)
}
