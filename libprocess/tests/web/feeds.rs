//! Bodies that a process feeds. Simulated: only sockets are absent.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use libprocess::http::{self, Audience, Backlog, Body, BodyError, Bytes, StreamError};
use libprocess::sim::Sim;

fn next(body: &mut Body) -> Option<Option<Result<Bytes, BodyError>>> {
    body.next().now_or_never()
}

fn piece(text: &str) -> Option<Option<Result<Bytes, BodyError>>> {
    Some(Some(Ok(Bytes::copy_from_slice(text.as_bytes()))))
}

#[test]
fn a_record_is_a_length_a_line_end_and_its_bytes() {
    let mut sim = Sim::new(1);
    let node = sim.node("10.0.0.1:5050");
    let (records, mut body) = http::records(&node, Backlog { messages: 2, bytes: 100 });
    records.send(b"{\"type\":\"HEARTBEAT\"}").unwrap();
    records.send_framed("1\nx").unwrap();
    assert_eq!(next(&mut body), piece("20\n{\"type\":\"HEARTBEAT\"}"));
    assert_eq!(next(&mut body), piece("1\nx"));
    assert_eq!(next(&mut body), None);
    records.close();
    assert_eq!(next(&mut body), Some(None));
}

#[test]
fn who_lags_too_far_is_cut_off_and_counted() {
    let mut sim = Sim::new(1);
    let node = sim.node("10.0.0.1:5050");
    let (records, mut body) = http::records(&node, Backlog { messages: 2, bytes: 100 });
    assert_eq!(records.send(b"1"), Ok(()));
    assert_eq!(records.send(b"2"), Ok(()));
    assert_eq!(records.send(b"3"), Err(StreamError::Full));
    assert_eq!(records.send(b"4"), Err(StreamError::Closed));
    assert!(matches!(next(&mut body), Some(Some(Err(BodyError::Broken(_))))), "a break, not a gap");
    assert_eq!(node.metrics().snapshot()["libprocess/http/streams_cut_off"], 1.0);
    let left = Arc::new(AtomicBool::new(false));
    let heard = left.clone();
    records.on_closed(move || heard.store(true, Ordering::Relaxed));
    drop(body);
    assert!(left.load(Ordering::Relaxed));
}

#[test]
fn a_request_waits_for_news_but_not_for_ever() {
    let mut sim = Sim::new(1);
    let node = sim.node("10.0.0.1:5050");
    let mut audience = Audience::new(2);
    let wait = |audience: &mut Audience| {
        let (waiting, body) = http::long_poll(&node, Duration::from_secs(30));
        audience.join(waiting);
        body
    };
    let (mut oldest, left, mut one) = (wait(&mut audience), wait(&mut audience), wait(&mut audience));
    assert_eq!(next(&mut oldest), Some(None), "it made room");
    drop(left);
    let mut two = wait(&mut audience);
    assert_eq!((next(&mut one), next(&mut two)), (None, None));
    assert_eq!(audience.tell(&"news".into()), 2);
    assert_eq!((next(&mut one), next(&mut two)), (piece("news"), piece("news")));
    assert_eq!((next(&mut one), next(&mut two)), (Some(None), Some(None)));

    let mut bored = wait(&mut audience);
    assert_eq!(next(&mut bored), None);
    sim.advance(Duration::from_secs(31));
    assert_eq!(next(&mut bored), Some(None));
    assert_eq!(audience.tell(&"late".into()), 0);
}
