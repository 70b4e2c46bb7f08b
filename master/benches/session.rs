//! What a scheduler waits for: the first offers after SUBSCRIBE, the next offers after a task has ended, and how many
//! tasks a second one connection carries from ACCEPT to the acknowledged end, with an agent that pretends.
//!
//! Goals: 99 of 100 first offers within 20 ms, 99 of 100 freed resources offered again within 10 ms.
//! `cargo bench -p master --bench session`; `cargo test` runs each once.

#[path = "../tests/loopback/stage.rs"]
#[expect(dead_code, reason = "the tests use the rest of the stage")]
mod stage;

use std::time::Duration;

use serde_json::json;
use stage::{Cluster, launch, play};

/// As the program has it.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let once = !std::env::args().any(|argument| argument == "--bench");
    let (rounds, tasks) = if once { (1, 1) } else { (300, 1000) };
    play(async |cluster| {
        cluster.agent("cpus:8;mem:1024");
        cluster.subscribe().await.offer().await;
        first_offers(cluster, rounds).await;
    });
    play(async |cluster| {
        cluster.agent("cpus:8;mem:1024");
        offered_again(cluster, rounds).await;
    });
    play(async |cluster| {
        cluster.agent("cpus:8;mem:1024");
        launch_rate(cluster, tasks).await;
    });
}

/// From sending SUBSCRIBE to reading OFFERS.
async fn first_offers(cluster: &Cluster, rounds: usize) {
    let mut times = Vec::new();
    for _ in 0..rounds {
        let start = cluster.now();
        let mut scheduler = cluster.subscribe().await;
        scheduler.offer().await;
        times.push(cluster.now() - start);
        scheduler.call(json!({"type": "TEARDOWN"})).await;
    }
    report("SUBSCRIBE to first OFFERS", times);
}

/// From acknowledging a start, which makes the pretended agent report the end, to reading OFFERS of what came free.
async fn offered_again(cluster: &Cluster, rounds: usize) {
    let mut times = Vec::new();
    let mut scheduler = cluster.subscribe().await;
    for round in 0..rounds {
        let offer = scheduler.offer().await;
        scheduler.call(launch(&offer, &format!("t{round}"), 8.0)).await;
        let running = scheduler.until("UPDATE").await;
        let start = cluster.now();
        scheduler.acknowledge(&running).await;
        let ended = scheduler.until("UPDATE").await;
        let offer = scheduler.until("OFFERS").await;
        times.push(cluster.now() - start);
        scheduler.acknowledge(&ended).await;
        scheduler.put_back(offer);
    }
    report("task ended to OFFERS again", times);
}

/// Tasks of a whole offer at a time, one connection, everything acknowledged.
async fn launch_rate(cluster: &Cluster, tasks: usize) {
    let mut scheduler = cluster.subscribe().await;
    let (mut launched, mut ended) = (0, 0);
    let start = cluster.now();
    while ended < tasks {
        let event = scheduler.next().await;
        match event["type"].as_str() {
            Some("OFFERS") => {
                let offer = &event["offers"]["offers"][0];
                let resources = offer["resources"].as_array().expect("a list");
                let cpus = resources.iter().find(|resource| resource["name"] == "cpus");
                let cpus = cpus.map_or(0.0, |cpus| cpus["scalar"]["value"].as_f64().expect("a number"));
                let fit = ((cpus / 0.5) as usize).min(tasks - launched);
                let mut call = launch(offer, "", 0.5);
                let infos: Vec<_> = (launched..launched + fit)
                    .map(|number| {
                        let name = format!("t{number}");
                        let all = launch(offer, &name, 0.5);
                        all["accept"]["operations"][0]["launch"]["task_infos"][0].clone()
                    })
                    .collect();
                call["accept"]["operations"][0]["launch"]["task_infos"] = json!(infos);
                launched += fit;
                scheduler.call(call).await;
            }
            Some("UPDATE") => {
                if event["update"]["status"]["state"] == "TASK_FINISHED" {
                    ended += 1;
                }
                scheduler.acknowledge(&event).await;
            }
            _ => {}
        }
    }
    let time = cluster.now() - start;
    println!("{tasks} tasks in {time:.0?}: {:.0} tasks/s", tasks as f64 / time.as_secs_f64());
}

fn report(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |part: usize| times[(times.len() * part / 100).min(times.len() - 1)];
    println!("{what}: p50 {:.2?}, p99 {:.2?}, max {:.2?} of {}", at(50), at(99), at(100), times.len());
}
