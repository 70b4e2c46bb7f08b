//! However often strangers do something, each of it is counted, and said once in a while.
//!
//! Alone in its program, in one test: who collects what is said does so for all threads.

#[allow(dead_code, reason = "others make more of it")]
#[path = "processes/probe.rs"]
mod probe;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use libprocess::{Config, Limits, Upid};
use libprocess_wire as wire;
use probe::{Event, Input, Node, Note, next, until};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Level, Metadata, Subscriber};

/// Shape: reason → how often it was said.
type Said = Arc<Mutex<BTreeMap<String, u32>>>;

struct Listener(Said);

#[derive(Default)]
struct Reason(Option<String>);

impl Visit for Reason {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "reason" {
            self.0 = Some(value.to_owned());
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::WARN && metadata.is_event()
    }

    fn event(&self, event: &tracing::Event<'_>) {
        let mut reason = Reason::default();
        event.record(&mut reason);
        if let Some(reason) = reason.0 {
            *self.0.lock().unwrap().entry(reason).or_default() += 1;
        }
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// A frame as the wire has it: length, kind, flags, rest.
fn frame(kind: u8, rest: &[u8]) -> Vec<u8> {
    [&(rest.len() as u32 + 2).to_le_bytes()[..], &[kind, 0], rest].concat()
}

fn stranger(node: &Node, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(node.runtime.address()).unwrap();
    stream.write_all(bytes).unwrap();
    stream
}

#[test]
fn what_strangers_do_is_counted_each_time_and_said_once() {
    const TIMES: usize = 30;
    let said = Said::default();
    tracing::subscriber::set_global_default(Listener(said.clone())).expect("nobody else listens here");
    let here = Node::listening();
    // Nobody is waited for long, so that it is over before anything may be said again.
    let links = Limits { greeting: Duration::from_secs(1), silent: TIMES, ..Limits::default() };
    let there = Node::with(Config { http_workers: 0, links, ..Config::default() });
    let (a, events) = here.probe("a");
    let (b, _) = there.probe("b");
    a.tell(Input::AskDouble(b.upid().clone(), 1)).unwrap();
    assert_eq!(next(&events), Event::Answered(Ok(2)));

    let magic: &[u8] = b"\xECHECTARE";
    let node: SocketAddr = "127.0.0.1:1".parse().unwrap();
    let hello = (1u32, 1u32, node, 7u64, 16u64 << 20, 300u32, 0u32, [0u8; 32], None::<String>);
    let greeted = [magic, &frame(1, &wire::encode(&hello))].concat();
    let nobody = Upid::new("nobody", there.runtime.address());
    for _ in 0..TIMES {
        stranger(&there, b"\xECHECTARX");
        stranger(&there, &[&greeted[..], &[0xff; 4]].concat());
        stranger(&there, &[0x16, 3, 1]);
        here.runtime.send(&nobody, Note { text: "anybody?".to_owned() }).unwrap();
    }
    let silent: Vec<TcpStream> = (0..2 * TIMES).map(|_| stranger(&there, b"")).collect();

    let reasons = [
        ("greeting", TIMES),
        ("frame", TIMES),
        ("tls", TIMES),
        ("no_such_process", TIMES),
        ("silent", 2 * TIMES),
    ];
    for (reason, times) in reasons {
        until(|| there.count(&format!("libprocess/links/refused/{reason}")) == times as f64);
        let said = said.lock().unwrap().get(reason).copied().unwrap_or(0);
        // Twice on a machine that took more than ten seconds for all of it.
        assert!((1..=2).contains(&said), "{reason}: said {said} times");
    }
    drop(silent);
    a.tell(Input::AskDouble(b.upid().clone(), 2)).unwrap();
    assert_eq!(next(&events), Event::Answered(Ok(4)));
    assert_eq!(here.count("libprocess/links/broken"), 0.0, "it never broke");
}
