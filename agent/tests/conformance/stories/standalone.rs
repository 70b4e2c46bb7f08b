//! Containers that operators launch, without a framework.

use api_conformance::Judge;
use libprocess::http::Method;

use crate::story::tell as begin;

pub(crate) fn tell(judge: &mut Judge) {
    begin(judge, "725738bd-c746-46d6-9006-a08c61b972b3", async |story| {
        story.replay_in_order("standalone", CALLS).await;
        story.replay_all("crashes").await;
        let alive = story.send(story.request(Method::GET, "/health")).await;
        assert_eq!(alive.status, 200, "what ended the original does not end us");
    });
}

const CALLS: &[&str] = &[
    "v1_LAUNCH_CONTAINER",
    "v1_GET_CONTAINERS_standalone",
    "v1_WAIT_CONTAINER",
    "v1_REMOVE_CONTAINER",
    "v1_LAUNCH_CONTAINER_missing_cmd",
];
