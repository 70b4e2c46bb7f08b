//! Peers that do less, or more, than they should: bounds hold, all is counted, other links live on.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use libprocess::{AskError, Config, Exit, Limits, SendError, Upid};
use libprocess_wire as wire;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::hostile::{MAGIC, frame, greeting, greeting_in};
use crate::probe::{Event, Input, Node, Note, next, until};

fn with(change: impl FnOnce(&mut Limits)) -> Node {
    let mut links = Limits::default();
    change(&mut links);
    Node::with(Config { http_workers: 0, links, ..Config::default() })
}

fn speaks(here: &Node, there: &Node, name: &str) {
    let (a, events) = here.probe(&format!("asker of {name}"));
    let (b, _) = there.probe(name);
    a.tell(Input::AskDouble(b.upid().clone(), 4)).unwrap();
    assert_eq!(next(&events), Event::Answered(Ok(8)), "{name}");
}

/// A node that welcomes one other, and from then on does what the test does.
struct Fake {
    listener: TcpListener,
}

impl Fake {
    fn new() -> Fake {
        Fake { listener: TcpListener::bind("127.0.0.1:0").unwrap() }
    }

    fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    fn welcomes(&self) -> TcpStream {
        let (mut stream, _) = self.listener.accept().unwrap();
        let mut head = [0; 12];
        stream.read_exact(&mut head).unwrap();
        let length = u32::from_le_bytes(head[8..].try_into().unwrap());
        stream.read_exact(&mut vec![0; length as usize]).unwrap();
        let welcome = wire::encode(&(1u32, 7u64, 16u64 << 20, [0u8; 32], None::<[u8; 32]>));
        stream.write_all(&frame(2, &welcome)).unwrap();
        stream
    }
}

#[test]
fn a_peer_that_never_reads_fills_its_own_queue_and_no_other() {
    let here = with(|limits| {
        limits.outgoing = 256 << 10;
        limits.ping = Duration::from_secs(1);
    });
    let there = Node::listening();
    speaks(&here, &there, "before");
    let fake = Fake::new();
    let to = Upid::new("deaf", fake.address());
    let (watcher, events) = here.probe("watcher");
    watcher.tell(Input::Link(to.clone())).unwrap();
    let stream = fake.welcomes();
    // The system takes some, then the queue, then nobody; and a ping has no answer.
    let full = Cell::new(false);
    let text = "x".repeat(10_000);
    until(|| {
        for _ in 0..200 {
            let sent = here.runtime.send(&to, Note { text: text.clone() });
            full.set(full.get() || sent == Err(SendError::Full));
        }
        full.get() && here.count("libprocess/links/frames_lost") > 0.0
    });
    assert_eq!(next(&events), Event::Exited("deaf".into(), Exit::LinkBroken));
    assert!(here.count("libprocess/links/broken") >= 1.0);
    speaks(&here, &there, "after");
    drop(stream);
}

#[test]
fn questions_that_are_open_have_a_bound() {
    let here = with(|limits| limits.asks = 2);
    let fake = Fake::new();
    let to = Upid::new("mute", fake.address());
    let (a, events) = here.probe("a");
    for number in 1..=3 {
        a.tell(Input::AskDouble(to.clone(), number)).unwrap();
    }
    assert_eq!(next(&events), Event::Answered(Err(AskError::Rejected)), "the third");
    drop(fake);
    for _ in 0..2 {
        assert_eq!(next(&events), Event::Answered(Err(AskError::LinkBroken)));
    }
}

#[test]
fn a_peer_that_sends_and_never_reads_what_comes_back_is_left() {
    let (here, there) = (Node::listening(), Node::listening());
    speaks(&here, &there, "before");
    let mut stream = TcpStream::connect(there.runtime.address()).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(90))).unwrap();
    stream.write_all(&greeting("127.0.0.1:1".parse().unwrap())).unwrap();
    let pings = frame(11, b"").repeat(10_000);
    while stream.write_all(&pings).is_ok() {}
    until(|| there.count("libprocess/links/refused/silent") == 1.0);
    speaks(&here, &there, "after");
}

#[test]
fn a_peer_that_says_nothing_is_left() {
    let (here, there) = (Node::listening(), with(|limits| limits.greeting = Duration::from_secs(2)));
    speaks(&here, &there, "before");
    let mut silent = TcpStream::connect(there.runtime.address()).unwrap();
    let mut begun = TcpStream::connect(there.runtime.address()).unwrap();
    begun.write_all(MAGIC).unwrap();
    assert_eq!(silent.read(&mut [0; 1]).unwrap_or(0), 0);
    assert_eq!(begun.read(&mut [0; 1]).unwrap_or(0), 0);
    assert_eq!(there.count("libprocess/links/refused/silent"), 1.0);
    assert_eq!(there.count("libprocess/links/refused/greeting"), 1.0);
    speaks(&here, &there, "after");
}

#[test]
fn ten_thousand_connections_leave_room_for_who_speaks() {
    const ALL: usize = 10_000;
    const SILENT: usize = 200;
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    let room = usize::try_from(hard.max(soft)).unwrap_or(usize::MAX).saturating_sub(1_000);
    let (here, there) = (Node::listening(), with(|limits| limits.silent = SILENT));
    speaks(&here, &there, "before");
    let mut held = VecDeque::new();
    for _ in 0..ALL {
        if held.len() >= room {
            held.pop_front();
        }
        held.push_back(TcpStream::connect(there.runtime.address()).unwrap());
    }
    speaks(&here, &there, "on the link there is");
    speaks(&there, &here, "the other way");
    let late = Node::listening();
    speaks(&late, &there, "on a new link");
    until(|| there.count("libprocess/links/refused/silent") >= (ALL - SILENT) as f64);
    assert_eq!(here.count("libprocess/links/broken"), 0.0);
}

#[test]
fn who_understands_the_word_is_told_whether_traces_are_wanted() {
    let node = Node::listening();
    // What it says up to its answer to a ping. Shape: kind and rest of each frame, without the welcome.
    let said = |protocol: u32| {
        let mut stream = TcpStream::connect(node.runtime.address()).unwrap();
        let greeting = greeting_in(protocol, "127.0.0.1:1".parse().unwrap());
        stream.write_all(&[greeting, frame(11, b"")].concat()).unwrap();
        let mut frames = Vec::new();
        loop {
            let mut length = [0; 4];
            stream.read_exact(&mut length).unwrap();
            let mut frame = vec![0; u32::from_le_bytes(length) as usize];
            stream.read_exact(&mut frame).unwrap();
            match frame[0] {
                2 => {}
                12 => return frames,
                kind => frames.push((kind, frame[2..].to_vec())),
            }
        }
    };
    assert_eq!(said(1), []);
    assert_eq!(said(2), [(17, vec![0])], "nobody traces here");
    assert_eq!(said(9), [(17, vec![0])], "of a later version what is common is spoken");
}

#[test]
fn links_have_a_bound_too() {
    let there = with(|limits| limits.links = 1);
    let (first, second) = (Node::listening(), Node::listening());
    let (b, _) = there.probe("b");
    let asks = |node: &Node| {
        let (a, events) = node.probe("a");
        a.tell(Input::AskDouble(b.upid().clone(), 4)).unwrap();
        next(&events)
    };
    assert_eq!(asks(&first), Event::Answered(Ok(8)));
    assert_eq!(asks(&second), Event::Answered(Err(AskError::LinkBroken)));
    assert_eq!(there.count("libprocess/links/refused/too_many_links"), 1.0);
    assert_eq!(first.count("libprocess/links/broken"), 0.0);
}

#[test]
fn a_flood_of_messages_nobody_takes_is_counted_to_the_last() {
    let (here, there) = (Node::listening(), Node::listening());
    speaks(&here, &there, "before");
    let nobody = Upid::new("nobody", there.runtime.address());
    for _ in 0..5_000 {
        here.runtime.send(&nobody, Note { text: "anybody?".to_owned() }).unwrap();
    }
    until(|| there.count("libprocess/links/refused/no_such_process") == 5_000.0);
    speaks(&here, &there, "after");
}

#[test]
fn nodes_meet_over_ipv6() {
    let listen = Some("[::1]:0".parse().unwrap());
    if TcpListener::bind("[::1]:0").is_err() {
        assert!(std::env::var_os("CI").is_none(), "there is no IPv6 on this machine's loopback");
        return eprintln!("skipped: there is no IPv6 on this machine's loopback");
    }
    let start = || Node::with(Config { http_workers: 0, listen, ..Config::default() });
    speaks(&start(), &start(), "six");
}
