//! Bytes of strangers on the one port: nothing panics, nothing grows, other links live on.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use libprocess::{Bound, Spawn};
use libprocess_wire as wire;
use proptest::prelude::*;

use crate::probe::{Event, Input, Node, next, until};

pub(crate) const MAGIC: &[u8] = b"\xECHECTARE";

/// A frame as the wire has it: length, kind, flags, rest.
pub(crate) fn frame(kind: u8, rest: &[u8]) -> Vec<u8> {
    let mut bytes = (rest.len() as u32 + 2).to_le_bytes().to_vec();
    bytes.extend([kind, 0]);
    bytes.extend(rest);
    bytes
}

/// Magic and a greeting from a node that claims to live at `node`.
pub(crate) fn greeting(node: SocketAddr) -> Vec<u8> {
    greeting_in(1, node)
}

/// The same, from one that speaks up to a protocol.
pub(crate) fn greeting_in(protocol: u32, node: SocketAddr) -> Vec<u8> {
    let hello =
        wire::encode(&(1u32, protocol, node, 7u64, 16u64 << 20, 300u32, 0u32, [0u8; 32], None::<String>));
    [MAGIC, &frame(1, &hello)].concat()
}

/// What the number 0 of a sort means from here on.
fn define(sort: u32, rest: &impl wire::Part) -> Vec<u8> {
    frame(3, &[wire::encode(&(sort, 0u32)), wire::encode(rest)].concat())
}

fn kind(name: &str, version: u32) -> Vec<u8> {
    define(0, &(name.to_owned(), version, None::<u32>))
}

fn to(id: &str) -> Vec<u8> {
    define(1, &(id.to_owned(), None::<u64>))
}

fn from(id: &str) -> Vec<u8> {
    define(2, &(id.to_owned(), None::<u64>))
}

/// A message of that sort, to that receiver and from that sender.
fn told(body: &[u8]) -> Vec<u8> {
    frame(4, &[&[0, 0, 0], body].concat())
}

/// Says `bytes`, and whether the other end hung up on it.
fn hangs_up(node: &Node, bytes: &[u8]) -> bool {
    let mut stream = TcpStream::connect(node.runtime.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(90))).unwrap();
    if stream.write_all(bytes).is_err() {
        return true;
    }
    let mut answer = [0; 1_024];
    loop {
        match stream.read(&mut answer) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }
}

/// Two nodes that speak, and go on doing so.
struct Pair {
    here: Node,
    there: Node,
}

impl Pair {
    fn new() -> Pair {
        Pair { here: Node::listening(), there: Node::listening() }
    }

    fn while_speaking(&self, name: &str, meanwhile: impl FnOnce(&Node)) {
        let (a, events) = self.here.probe(&format!("a {name}"));
        let (b, _) = self.there.probe(&format!("b {name}"));
        a.tell(Input::AskDouble(b.upid().clone(), 1)).unwrap();
        assert_eq!(next(&events), Event::Answered(Ok(2)));
        meanwhile(&self.there);
        a.tell(Input::AskDouble(b.upid().clone(), 2)).unwrap();
        assert_eq!(next(&events), Event::Answered(Ok(4)), "the link lives on");
    }
}

#[test]
fn broken_frames_end_their_own_connection_only() {
    let stranger: SocketAddr = "127.0.0.1:1".parse().unwrap();
    let greeted = greeting(stranger);
    let behind = |bytes: &[u8]| [&greeted[..], bytes].concat();
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("magic misspelt", b"\xECHECTARX".to_vec()),
        ("no greeting", [MAGIC, &frame(4, b"")].concat()),
        ("a greeting that is none", [MAGIC, &frame(1, b"hello")].concat()),
        ("a greeting too long", [MAGIC, &[0xff; 4]].concat()),
        ("a length of all ones", behind(&[0xff; 4])),
        ("a length of nothing", behind(&[0; 4])),
        ("an unknown kind", behind(&frame(200, b""))),
        ("another greeting", behind(&frame(1, b""))),
        ("a number never defined", behind(&frame(4, &[9, 9, 9]))),
        ("a tell cut short", behind(&frame(4, &[0]))),
        ("a varint without end", behind(&frame(4, &[0xff; 20]))),
        ("a definition of nonsense", behind(&frame(3, &[0xff; 30]))),
        (
            "a definition far out",
            behind(&frame(3, &wire::encode(&(1u32, u32::MAX, "x".to_owned(), None::<u64>)))),
        ),
        ("an exit of nonsense", behind(&frame(10, &[1, 2, 3]))),
    ];
    let pair = Pair::new();
    pair.while_speaking("frames", |node| {
        for (what, bytes) in cases {
            assert!(hangs_up(node, &bytes), "{what}");
        }
        // Counted a moment after they are left.
        until(|| node.count("libprocess/links/refused/greeting") == 4.0);
        until(|| node.count("libprocess/links/refused/frame") == 10.0);
    });
}

#[test]
fn a_message_nobody_takes_breaks_nothing() {
    let stranger: SocketAddr = "127.0.0.1:1".parse().unwrap();
    let pair = Pair::new();
    pair.while_speaking("message", |node| {
        let (_probe, events) = node.probe("target");
        let note = wire::encode(&"at last".to_owned());
        let bytes = [
            greeting(stranger),
            to("target"),
            from("stranger"),
            kind("no.such_name", 1),
            frame(4, &[0, 0, 0]),
            kind("test.note", 999),
            frame(4, &[0, 0, 0]),
            kind("test.note", 1),
            frame(4, &[0, 0, 0, 1, 2, 3]),
            to("nobody"),
            frame(4, &[0, 0, 0]),
            to("target"),
            told(&note),
        ];
        let mut stream = TcpStream::connect(node.runtime.address()).unwrap();
        stream.write_all(&bytes.concat()).unwrap();
        assert_eq!(next(&events), Event::Noted("stranger".into(), "at last".into()));
        for why in ["name", "version", "body", "no_such_process"] {
            assert_eq!(node.count(&format!("libprocess/links/refused/{why}")), 1.0, "{why}");
        }
        assert_eq!(node.count("libprocess/links/messages_refused"), 4.0);
    });
}

#[test]
fn what_comes_together_is_taken_as_if_it_came_alone() {
    let pair = Pair::new();
    pair.while_speaking("together", |node| {
        let (_probe, events) = node.spawn(Spawn::named("target").mailbox(Bound::messages(300)));
        let note = |number: u32| told(&wire::encode(&number.to_string()));
        let mut bytes = [greeting("127.0.0.1:1".parse().unwrap()), to("target"), from("stranger")].concat();
        bytes.extend(kind("test.note", 1));
        // More than are delivered together, and some among them are not what they say.
        for number in 0..290 {
            bytes.extend(note(number));
            if number % 29 == 0 {
                bytes.extend(told(&[1, 2, 3]));
            }
        }
        let mut stream = TcpStream::connect(node.runtime.address()).unwrap();
        stream.write_all(&bytes).unwrap();
        for number in 0..290 {
            assert_eq!(next(&events), Event::Noted("stranger".into(), number.to_string()));
        }
        until(|| node.count("libprocess/links/refused/body") == 10.0);
    });
}

#[test]
fn of_what_comes_together_a_full_mailbox_takes_what_it_has_room_for() {
    let pair = Pair::new();
    pair.while_speaking("full", |node| {
        let (target, events) = node.spawn(Spawn::named("target").mailbox(Bound::messages(10)));
        let (go, going) = mpsc::channel();
        target.tell(Input::Block(going)).unwrap();
        let mut bytes = [greeting("127.0.0.1:1".parse().unwrap()), to("target"), from("stranger")].concat();
        bytes.extend(kind("test.note", 1));
        (0..100u32).for_each(|number| bytes.extend(told(&wire::encode(&number.to_string()))));
        let mut stream = TcpStream::connect(node.runtime.address()).unwrap();
        // The node has but one shard, and it is blocked: what comes waits in the socket until it goes on.
        stream.write_all(&bytes).unwrap();
        drop(go);
        let refused = || node.count("libprocess/links/refused/full");
        let mut numbers: Vec<u32> = Vec::new();
        until(|| refused() > 0.0);
        while numbers.len() as f64 + refused() < 100.0 {
            if let Ok(Event::Noted(_, number)) = events.recv_timeout(Duration::from_millis(1)) {
                numbers.push(number.parse().unwrap());
            }
        }
        assert!(numbers.is_sorted() && numbers.first() == Some(&0), "{numbers:?}");
        assert_eq!(numbers.len() as f64 + refused(), 100.0);
    });
}

#[test]
fn a_truncated_conversation_leaves_nothing_behind() {
    let stranger: SocketAddr = "127.0.0.1:1".parse().unwrap();
    let whole = [greeting(stranger), frame(11, b""), frame(4, &[0, 0, 0])].concat();
    let pair = Pair::new();
    pair.while_speaking("truncated", |node| {
        for end in 1..whole.len() {
            let mut stream = TcpStream::connect(node.runtime.address()).unwrap();
            stream.write_all(&whole[..end]).unwrap();
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]

    #[test]
    fn no_bytes_behind_a_greeting_hurt(
        noise in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..200), 1..40),
        kinds in proptest::collection::vec(0u8..14, 40),
    ) {
        let pair = Pair::new();
        pair.while_speaking("noise", |node| {
            for (bytes, kind) in noise.iter().zip(kinds) {
                let mut stream = TcpStream::connect(node.runtime.address()).unwrap();
                let said = [greeting("127.0.0.1:1".parse().unwrap()), frame(kind, bytes), bytes.clone()];
                let _ = stream.write_all(&said.concat());
            }
        });
    }
}
