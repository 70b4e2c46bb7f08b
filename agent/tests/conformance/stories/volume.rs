//! A reservation, a volume and a task that uses it; then the agent is drained.

use std::time::Duration;

use api_conformance::Judge;
use model::messages::DrainAgent;
use model::{DrainConfig, TaskState};

use crate::story::{EPOCH, tell as begin};

pub(crate) fn tell(judge: &mut Judge) {
    begin(judge, "1e968c36-c743-4863-aac4-85f7e5f02dbc", async |story| {
        story.meet("04-reserved-volume");
        story.accept("scheduler", "call_ACCEPT_RESERVE_CREATE_LAUNCH");
        story.await_operations(2);
        story.await_update("p-1", TaskState::Running);
        story.until_acknowledged().await;
        story.recognize("04-reserved-volume", "GET_state").await;
        story.replay_all("04-reserved-volume").await;

        let config = DrainConfig { max_grace_period: Some(Duration::ZERO), mark_gone: false };
        story.say(DrainAgent { epoch: EPOCH, config });
        story.await_update("p-1", TaskState::Killed);
        story.until_acknowledged().await;
        story.recognize("operator", "agent_state_drained").await;
        story.replay_in_order("operator", &["agent_state_drained"]).await;
        story.compare_updates("scheduler", "stream_operations_and_health_checks", &["p-1"]);
    });
}
