//! Every figure that Mesos users chart, in a cluster in which each has something to count.

use std::collections::BTreeSet;
use std::time::Duration;

use master::Config;
use security::RateLimits;
use serde_json::{Value, json};

use super::stage::{Cluster, launch, play_with};

/// Of a log that is not there. They are looked at where there is one.
const ABSENT: &[&str] = &["registrar/log/recovered", "registrar/log/ensemble_size"];

#[test]
fn every_figure_of_every_family_has_its_name() {
    let limits = r#"{"limits": [{"principal": "watched", "qps": 1000}]}"#;
    let rate_limits = RateLimits::parse(limits).expect("limits");
    let config = Config { rate_limits, ..Config::default() };
    play_with(config, async |cluster| {
        cluster.agent("cpus:8;mem:1024");
        let quota = json!({"type": "UPDATE_QUOTA", "update_quota": {"force": true, "quota_configs": [
            {"role": "web", "guarantees": {"cpus": {"value": 1}}, "limits": {"cpus": {"value": 8}}},
        ]}});
        assert_eq!(cluster.operate(&quota).await, 200);
        let mut scheduler = cluster
            .subscribe_as(json!({
                "user": "root", "name": "a/b", "roles": ["web"], "principal": "watched",
                "capabilities": [{"type": "MULTI_ROLE"}, {"type": "PARTITION_AWARE"}],
            }))
            .await;
        let offer = scheduler.offer().await;
        scheduler.call(launch(&offer, "t", 0.5)).await;
        scheduler.until("UPDATE").await;
        let offer = scheduler.offer().await;
        scheduler.call(launch(&offer, "too-large", 99.0)).await;
        scheduler.until("UPDATE").await;
        let offer = scheduler.offer().await;
        let decline = json!({"offer_ids": [offer["id"]], "filters": {"refuse_seconds": 600.0}});
        scheduler.call(json!({"type": "DECLINE", "decline": decline})).await;

        let mut lacking = Vec::new();
        for _ in 0..40 {
            let there = figures(cluster).await;
            let names = include_str!("../golden/metrics.txt").lines().flat_map(each);
            lacking = names.filter(|name| !there.iter().any(|ours| meant(name, ours))).collect();
            // The allocator shows its figures twice a second.
            if !lacking.iter().any(|name: &String| name.starts_with("allocator/")) {
                break;
            }
            cluster.sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(lacking, ABSENT);
        let all = cluster.get("/metrics/snapshot").await.1;
        let of = |name: &str| {
            let id = scheduler.framework["value"].as_str().expect("an id");
            all[format!("master/frameworks/a%2Fb/{id}/{name}")].as_f64()
        };
        assert_eq!(of("calls/accept"), Some(2.0));
        assert_eq!(of("events/update"), Some(2.0));
        assert_eq!((of("offers/accepted"), of("offers/declined")), (Some(2.0), Some(1.0)));
        assert_eq!((of("operations"), of("operations/launch")), (Some(2.0), Some(2.0)));
        assert_eq!(
            (of("tasks/active/task_running"), of("tasks/terminal/task_error")),
            (Some(1.0), Some(1.0))
        );
    });
}

async fn figures(cluster: &Cluster) -> BTreeSet<String> {
    let (status, all) = cluster.get("/metrics/snapshot").await;
    assert_eq!(status, 200);
    let Value::Object(all) = all else { panic!("figures by name") };
    all.into_iter().map(|(name, _)| name).collect()
}

/// The names a line stands for: `{a,b}` are two.
fn each(line: &str) -> Vec<String> {
    let Some((before, rest)) = line.split_once('{') else { return vec![line.to_owned()] };
    let (names, after) = rest.split_once('}').expect("what is opened is closed");
    names.split(',').flat_map(|name| each(&format!("{before}{name}{after}"))).collect()
}

/// Whether a figure is of this name, in which `<…>` is any one part; a timer may have parts of its own.
fn meant(name: &str, figure: &str) -> bool {
    let (mut names, mut parts) = (name.split('/'), figure.split('/'));
    names.all(|name| parts.next().is_some_and(|part| name.starts_with('<') || name == part))
        && parts.next().is_none_or(|_| name.ends_with("_ms"))
}
