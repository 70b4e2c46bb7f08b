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

        story.fail_over().await;
        story.end_tasks().await;
        story.call("call_UPDATE_FRAMEWORK").await;
        story.disconnect().await;
        story.replay_all("errors", |exchange| exchange.name == "live_call_while_disconnected").await;
        story.replay_all("06-framework-disconnected", |_| true).await;

        story.teardown().await;
        story.replay_all("errors", |exchange| exchange.name == "live_call_after_teardown").await;
        story.replay_all("07-completed-framework", |_| true).await;
    });
}

/// Captured when there was an agent already.
fn with_an_agent(exchange: &Exchange) -> bool {
    exchange.name == "m_post_state"
}

/// Mistakes that only a framework without a stream can make.
fn while_away(exchange: &Exchange) -> bool {
    ["live_call_while_disconnected", "live_call_after_teardown"].contains(&&*exchange.name)
}
