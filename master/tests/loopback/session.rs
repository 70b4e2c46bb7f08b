//! A whole master on loopback, with an agent that pretends: what a scheduler sees, in order.

use crate::stage::{launch, play};

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
