//! What every node answers, whatever lives on it. Simulated: only sockets are absent.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use libprocess::Runtime;
use libprocess::Verbosity;
use libprocess::http::{Basic, READ_ONLY, Request, header};
use libprocess::sim::Sim;

use super::adder::{Input, two_nodes};

fn node() -> (Sim, Runtime) {
    let mut sim = Sim::new(1);
    let node = sim.node("10.0.0.1:5050");
    (sim, node)
}

fn get(sim: &mut Sim, node: &Runtime, path: &str) -> (u16, String) {
    let mut response = sim.request(node, Request::get(path));
    let body = sim.block_on(response.bytes(1 << 20)).unwrap();
    (response.status.as_u16(), String::from_utf8(body.to_vec()).unwrap())
}

#[test]
fn a_node_tells_of_its_health_version_and_time() {
    let (mut sim, node) = node();
    assert_eq!(get(&mut sim, &node, "/health"), (200, String::new()));
    assert!(get(&mut sim, &node, "/version").1.starts_with("{\"version\":\""));
    sim.advance(Duration::from_secs(3));
    let clock = get(&mut sim, &node, "/__clock__").1;
    assert_eq!(clock, "{\"now_secs\":1767225603.0,\"elapsed_secs\":3.0}");
}

#[test]
fn a_simulated_node_has_no_threads_to_profile() {
    let (mut sim, node) = node();
    for path in ["/profiler/start", "/profiler/stop"] {
        let (status, text) = get(&mut sim, &node, path);
        assert_eq!(status, 400);
        assert!(text.starts_with("There is no profiler"), "{text}");
    }
}

#[test]
fn snapshots_are_given_out_at_a_pace() {
    let (mut sim, node) = node();
    node.metrics().counter("fields/sown").increment(2);
    let before = sim.now();
    for _ in 0..3 {
        let (status, text) = get(&mut sim, &node, "/metrics/snapshot?timeout=1secs");
        assert_eq!(status, 200);
        assert!(text.contains("\"fields/sown\":2.0"), "{text}");
    }
    assert_eq!(sim.now() - before, Duration::from_secs(1), "twice a second, the first at once");
    let wrong = "Invalid timeout 'zzz': Failed to convert '' to number.\n";
    assert_eq!(get(&mut sim, &node, "/metrics/snapshot?timeout=zzz"), (400, wrong.to_owned()));
    assert!(get(&mut sim, &node, "/metrics").1.contains("fields_sown 2\n"));
}

#[test]
fn what_a_node_shows_is_for_those_its_realm_knows() {
    let (mut sim, node) = node();
    let ann = Basic::new("fields", [("ann".to_owned(), "secret".to_owned())]);
    node.router().authenticate(READ_ONLY, Arc::new(ann));
    let response = sim.request(&node, Request::get("/metrics"));
    assert_eq!(response.status.as_u16(), 401);
    assert_eq!(response.text_of(header::WWW_AUTHENTICATE), Some("Basic realm=\"fields\""));
    let ann = Request::get("/metrics").header("authorization", "Basic YW5uOnNlY3JldA==");
    assert_eq!(sim.request(&node, ann).status.as_u16(), 200);
    assert_eq!(get(&mut sim, &node, "/health").0, 200, "nobody has to prove anything for that");
    assert_eq!(node.metrics().snapshot()["libprocess/http/requests_not_authenticated"], 1.0);
}

/// Keeps what it was set to.
struct Kept(Arc<AtomicU32>);

impl Verbosity for Kept {
    fn set(&self, level: u32) {
        self.0.store(level, Ordering::Relaxed);
    }
}

#[test]
fn more_is_logged_for_a_while() {
    let (mut sim, node) = node();
    let kept = Arc::new(AtomicU32::new(0));
    assert_eq!(get(&mut sim, &node, "/logging/toggle?level=1&duration=5secs").0, 501);
    node.logging().install(Arc::new(Kept(kept.clone())));
    let level = || kept.load(Ordering::Relaxed);

    assert_eq!(get(&mut sim, &node, "/logging/toggle"), (200, "0\n".to_owned()));
    assert_eq!(get(&mut sim, &node, "/logging/toggle?level=2&duration=5secs"), (200, String::new()));
    assert_eq!((level(), get(&mut sim, &node, "/logging/toggle").1), (2, "2\n".to_owned()));
    sim.advance(Duration::from_secs(3));
    // The later of two counts, and its time.
    assert_eq!(get(&mut sim, &node, "/logging/toggle?level=1&duration=5secs").0, 200);
    sim.advance(Duration::from_secs(4));
    assert_eq!(level(), 1);
    sim.advance(Duration::from_secs(2));
    assert_eq!((level(), get(&mut sim, &node, "/logging/toggle").1), (0, "0\n".to_owned()));
}

#[test]
fn a_level_or_a_duration_that_is_none_is_named() {
    let (mut sim, node) = node();
    for (query, text) in [
        ("level=x&duration=1secs", "Failed to convert 'x' to number.\n"),
        ("level=-1&duration=1secs", "Invalid level '-1'.\n"),
        ("level=1&duration=soon", "Failed to convert '' to number.\n"),
        ("level=1", "Expecting 'duration=value' in query.\n"),
        ("duration=1secs", "Expecting 'level=value' in query.\n"),
    ] {
        assert_eq!(get(&mut sim, &node, &format!("/logging/toggle?{query}")), (400, text.to_owned()));
    }
}

#[test]
fn ways_to_other_nodes_are_shown() {
    let mut sim = Sim::new(1);
    let [(one, asker), (two, asked)] = two_nodes(&mut sim);
    assert_eq!(get(&mut sim, &one, "/__links__").1, "[]");
    asker.tell(Input::Ask(asked.upid().clone())).unwrap();
    sim.advance(Duration::from_secs(12));
    let shown = |sim: &mut Sim, node: &Runtime| -> serde_json::Value {
        serde_json::from_str(&get(sim, node, "/__links__").1).unwrap()
    };
    let way = &shown(&mut sim, &one)[0];
    assert_eq!((&way["address"], &way["channel"]), (&"10.0.0.2:1".into(), &"control".into()));
    assert_eq!(
        (&way["state"], &way["queued_bytes"], &way["questions"]),
        (&"up".into(), &0.into(), &0.into())
    );
    assert!(way["epoch"].is_u64() && way["round_trip_ms"].as_f64() > Some(0.0), "{way}");
    assert_eq!(shown(&mut sim, &two)[0]["incoming"], 1);

    sim.kill(&two);
    sim.advance(Duration::from_secs(60));
    let way = &shown(&mut sim, &one)[0];
    assert_ne!(way["state"], "up", "{way}");
    assert!(way["epoch"].is_null() && way["round_trip_ms"].is_null(), "{way}");
}
