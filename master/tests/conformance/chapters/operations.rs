//! Reservations and volumes, health checks, an agent that is drained and then gone.

use serde_json::Value;

use crate::story::Story;

pub(crate) async fn tell(story: &mut Story) {
    story.add_agent("operator/sched_stream_mark_gone").await;
    story.watch("operator/stream_SUBSCRIBE_events_drain_gone").await;
    story.subscribe("scheduler/stream_operations_and_health_checks").await;
    story.withhold("p-1", "TASK_RUNNING");
    story.call_and_refuse("call_ACCEPT_RESERVE_CREATE_LAUNCH").await;
    for operation in ["op-reserve", "op-create"] {
        story.await_event(finished(operation)).await;
    }
    story.await_update("p-1", "TASK_RUNNING").await;
    story.replay_all("05-reserved-volume", |_| true).await;
    story.call("call_RECONCILE_OPERATIONS").await;

    story
        .replay_in_order(
            "operator",
            &[
                "v1_DRAIN_AGENT_bad_duration",
                "v1_DRAIN_AGENT",
                "slaves_GET_draining",
                "v1_REACTIVATE_AGENT_while_draining",
            ],
        )
        .await;
    story.release().await;
    story.await_update("p-1", "TASK_KILLED").await;
    story.await_drained().await;
    story.replay_in_order("operator", &["slaves_GET_drained", "v1_GET_AGENTS_drained"]).await;
    story.call("call_REVIVE").await;
    story.replay_in_order("operator", &["v1_REACTIVATE_AGENT_after_drain"]).await;

    story.call("call_ACCEPT_DESTROY_UNRESERVE").await;
    for operation in ["op-destroy", "op-unreserve"] {
        story.await_event(finished(operation)).await;
    }
    story.call("call_ACCEPT_LAUNCH_health_checked").await;
    story.await_update("h-2", "TASK_KILLED").await;
    for task in ["h-1", "h-3"] {
        story
            .await_event(|event| {
                let status = &event["update"]["status"];
                let checked =
                    status["healthy"] == true || status["check_status"]["command"]["exit_code"] == 4;
                status["task_id"]["value"] == task && checked
            })
            .await;
    }
    story.await_offer().await;
    story.compare_heard("scheduler/stream_operations_and_health_checks").await;

    story.replay_in_order("operator", &["v1_MARK_AGENT_GONE"]).await;
    story.await_event(|event| event["type"] == "FAILURE").await;
    story.compare_heard("operator/sched_stream_mark_gone").await;
    story
        .replay_in_order(
            "operator",
            &[
                "v1_MARK_AGENT_GONE_again",
                "slaves_GET_after_gone",
                "state_GET_after_gone",
                "v1_GET_TASKS_after_gone",
            ],
        )
        .await;
    story.compare_watched().await;
}

fn finished(operation: &str) -> impl Fn(&Value) -> bool {
    move |event| {
        let status = &event["update_operation_status"]["status"];
        status["operation_id"]["value"] == operation && status["state"] == "OPERATION_FINISHED"
    }
}
