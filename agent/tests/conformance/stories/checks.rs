//! Tasks that are looked after: one well, one unwell until it is killed for that, one that answers with a number.

use api_conformance::Judge;
use model::{StatusReason, TaskState};

use crate::story::tell as begin;

pub(crate) fn tell(judge: &mut Judge) {
    begin(judge, "1e968c36-c743-4863-aac4-85f7e5f02dbc", async |story| {
        story.meet("04-reserved-volume");
        story.accept("scheduler", "call_ACCEPT_LAUNCH_health_checked");
        story.await_update("h-2", TaskState::Killed);
        story.await_reason("h-1", StatusReason::TaskHealthCheckStatusUpdated);
        story.await_reason("h-3", StatusReason::TaskCheckStatusUpdated);
        story.compare_updates("scheduler", "stream_operations_and_health_checks", &["h-1", "h-2", "h-3"]);
    });
}
