//! Spans around messages, and the trace they share across nodes.
//!
//! Alone in its program, in one test: who collects spans does so for all threads. The nodes are simulated,
//! so that one run can be compared with another.

#[path = "web/adder.rs"]
mod adder;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adder::{Adder, Input, two_nodes};
use libprocess::http::Request;
use libprocess::sim::Sim;
use libprocess::{Pid, Runtime};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Shape: span → name of its fields → values; what it is called under `name`.
type Spans = Arc<Mutex<BTreeMap<u64, BTreeMap<&'static str, String>>>>;

/// Collects spans with their fields.
struct Collector {
    spans: Spans,
    last: AtomicU64,
}

struct Fields<'a>(&'a mut BTreeMap<&'static str, String>);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}

impl Subscriber for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "libprocess::message"
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let id = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let mut fields = BTreeMap::from([("name", span.metadata().name().to_owned())]);
        span.record(&mut Fields(&mut fields));
        self.spans.lock().unwrap().insert(id, fields);
        Id::from_u64(id)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let mut spans = self.spans.lock().unwrap();
        values.record(&mut Fields(spans.get_mut(&span.into_u64()).expect("it was made here")));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

type Seen = Vec<BTreeMap<&'static str, String>>;

/// What is seen while two nodes do something.
fn seen(spans: &Spans, begin: impl FnOnce(&mut Sim, &[(Runtime, Pid<Adder>); 2])) -> Seen {
    let mut sim = Sim::new(1);
    let nodes = two_nodes(&mut sim);
    sim.settle();
    spans.lock().unwrap().clear();
    begin(&mut sim, &nodes);
    sim.settle();
    std::mem::take(&mut *spans.lock().unwrap()).into_values().collect()
}

/// How many events a run has, and how long it takes.
fn run() -> (u64, Duration) {
    let mut sim = Sim::new(7);
    let [(_, one), (_, two)] = two_nodes(&mut sim);
    one.tell(Input::Ask(two.upid().clone())).unwrap();
    sim.settle();
    (sim.events(), sim.now())
}

fn share_a_trace(spans: &[BTreeMap<&'static str, String>]) -> bool {
    spans.iter().all(|span| span["trace"] == spans[0]["trace"])
}

#[test]
fn what_follows_from_one_message_shares_its_trace_across_nodes() {
    let unseen = run();
    let spans = Spans::default();
    let collector = Collector { spans: spans.clone(), last: AtomicU64::new(0) };
    tracing::subscriber::set_global_default(collector).expect("nobody else collects here");
    assert_eq!(run(), unseen, "that somebody looks changes no run");

    // A question, its handling and its answer.
    let asked = seen(&spans, |_, [(_, one), (_, two)]| one.tell(Input::Ask(two.upid().clone())).unwrap());
    let told: Vec<_> = asked.iter().map(|span| (&*span["process"], &*span["input"])).collect();
    assert_eq!(told, [("one", "Ask"), ("two", "Double"), ("one", "Answered")]);
    assert_eq!(asked[0].get("from"), None);
    assert_eq!((&*asked[1]["from"], &*asked[2]["from"]), ("one@10.0.0.1:1", "two@10.0.0.2:1"));
    assert_eq!(asked[1]["cause"], asked[2]["cause"], "the span it was asked in");
    assert!(share_a_trace(&asked), "{asked:?}");

    // A trace begins with a request, and another with the next.
    let requested = seen(&spans, |sim, [(node, _), (_, two)]| {
        for _ in 0..2 {
            sim.request(node, Request::get(&format!("/one/ask?to={}", two.upid().bare())));
            sim.settle();
        }
    });
    let names: Vec<_> = requested.iter().map(|span| &*span["name"]).collect();
    assert_eq!(names, ["request", "message", "message", "message"].repeat(2));
    assert_eq!((&*requested[0]["method"], &*requested[0]["path"]), ("GET", "/one/ask"));
    let (first, second) = requested.split_at(4);
    assert!(share_a_trace(first) && share_a_trace(second), "{requested:?}");
    assert_ne!(first[0]["trace"], second[0]["trace"]);
}
