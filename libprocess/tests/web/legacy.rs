//! The wire of old drivers over real sockets: what a process hears of it, and what it says.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use libprocess::http::{Limits, StreamError};
use libprocess::legacy::{Backlog, Heard, Line};
use libprocess::{
    Actor, Config, Context, Doors, Handler, Message, Process, Reply, Runtime, Security, Spawn, Upid,
};

const PATIENCE: Duration = Duration::from_secs(60);
const BACKLOG: Backlog = Backlog { messages: 8, bytes: 1 << 20 };

/// Hears `a.Word`, and opens lines for who asks.
struct Clerk {
    heard: Sender<Heard>,
}

/// Opens a line to a process.
struct OpenLine(Upid, Reply<Line>);

impl Message for OpenLine {
    type Result = ();
}

impl Actor for Clerk {
    type Context = Context<Self>;
}

impl Process for Clerk {
    const KIND: &'static str = "clerk";
    type Input = OpenLine;

    fn doors(&self, doors: &mut Doors<Self>) {
        let heard = self.heard.clone();
        doors.legacy("a.Word", move |word, _| {
            let heard = heard.clone();
            async move { heard.send(word).unwrap() }
        });
        doors.legacy("a.Trap", |_, _| async { panic!("on purpose") });
    }
}

impl Handler<OpenLine> for Clerk {
    type Result = ();

    fn handle(&mut self, OpenLine(to, reply): OpenLine, ctx: &mut Context<Self>) {
        reply.send(Line::open(ctx.runtime(), ctx.upid().bare(), to, BACKLOG));
    }
}

/// A node with a clerk named `clerk(1)`, and what that hears.
fn clerk(config: Config) -> (Runtime, Receiver<Heard>) {
    let runtime = Runtime::start(config).unwrap();
    let (heard, words) = channel();
    let pid = runtime.spawn(Spawn::prefixed("clerk"), || Clerk { heard }).unwrap();
    // Its doors are open when it answers.
    line(&runtime, &"nobody@127.0.0.1:1".parse().unwrap());
    assert_eq!(pid.upid().id(), "clerk(1)");
    (runtime, words)
}

fn line(runtime: &Runtime, to: &Upid) -> Line {
    let clerk = runtime.pid::<Clerk>("clerk(1)").unwrap();
    runtime.block_on(clerk.call(PATIENCE, |reply| OpenLine(to.clone(), reply))).unwrap()
}

/// Sends bytes on a connection of their own and reads what is answered until it is closed.
fn tell(address: SocketAddr, request: &str) -> String {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.write_all(request.as_bytes()).unwrap();
    socket.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    answer
}

fn statuses(answer: &str) -> Vec<&str> {
    answer.split("HTTP/1.1 ").filter_map(|answer| answer.get(..3)).collect()
}

/// One message to `path`, with a header line that says who sent it.
fn word(path: &str, from: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: a\r\n{from}\r\nConnection: Keep-Alive\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
        body.len()
    )
}

const FROM: &str = "Libprocess-From: driver@127.0.0.1:7";

#[test]
fn messages_of_one_connection_are_heard_in_order_and_answered() {
    let (runtime, words) = clerk(Config::default());
    let agent = "User-Agent: libprocess/other(1)@127.0.0.1:8";
    let sent = [
        word("/clerk(1)/a.Word", FROM, "one"),
        word("/clerk%281%29/a.Word", agent, "two"),
        "POST /clerk(1)/a.Word HTTP/1.1\r\nHost: a\r\nLibprocess-From: driver@127.0.0.1:7\r\n\r\n".to_owned(),
        word("/clerk(1)/a.Word", "Libprocess-From: driver@localhost:9", "by name"),
    ];
    assert_eq!(statuses(&tell(runtime.address(), &sent.concat())), ["202", "202", "202", "202"]);
    let heard: Vec<(String, Vec<u8>)> =
        words.try_iter().map(|heard| (heard.from.to_string(), heard.body.to_vec())).collect();
    let said = |from: &str, body: &str| (from.to_owned(), body.as_bytes().to_vec());
    assert_eq!(
        heard,
        [
            said("driver@127.0.0.1:7", "one"),
            said("other(1)@127.0.0.1:8", "two"),
            said("driver@127.0.0.1:7", ""),
            said("driver@127.0.0.1:9", "by name"),
        ]
    );
    runtime.shutdown();
}

#[test]
fn a_sender_older_than_http_1_1_keeps_its_connection() {
    let (runtime, words) = clerk(Config::default());
    let old = |body: &str| {
        word("/clerk(1)/a.Word", "User-Agent: libprocess/old@127.0.0.1:7", body)
            .replace("HTTP/1.1\r\nHost: a", "HTTP/1.0")
    };
    assert_eq!(statuses(&tell(runtime.address(), &(old("one") + &old("two")))), ["202", "202"]);
    assert_eq!(words.try_iter().map(|heard| heard.body).collect::<Vec<_>>(), ["one", "two"]);
    runtime.shutdown();
}

#[test]
fn what_is_no_message_for_anybody_is_refused_and_heard_by_nobody() {
    let http = Limits { body: 1000, ..Limits::default() };
    let (runtime, words) = clerk(Config { http, ..Config::default() });
    let status = |request: &str| tell(runtime.address(), request).get(9..12).map(str::to_owned);
    let refused = [
        (word("/clerk(1)/a.Word", "Libprocess-From: nonsense", "x"), "500"),
        (word("/clerk(1)/a.Word", "User-Agent: libprocess/", "x"), "500"),
        (word("/nobody/a.Word", FROM, "x"), "404"),
        (word("/a.Word", FROM, "x"), "404"),
        (word("/clerk(1)/a.Word", FROM, &"x".repeat(1001)), "413"),
        (
            format!("POST /clerk(1)/a.Word HTTP/1.1\r\nHost: a\r\n{FROM}\r\nContent-Length: 5000\r\n\r\nx"),
            "413",
        ),
        (word("/clerk(1)/a.Trap", FROM, "x"), "500"),
    ];
    for (request, expected) in refused {
        assert_eq!(status(&request).as_deref(), Some(expected), "{request}");
    }
    let cut = word("/clerk(1)/a.Word", FROM, "a word that breaks off");
    assert_ne!(status(&cut[..cut.len() - 12]).as_deref(), Some("202"));
    assert_eq!(
        status(&word("/clerk(1)/a.Silence", FROM, "x")).as_deref(),
        Some("202"),
        "it has no such door"
    );
    assert_eq!(words.try_iter().count(), 0);
    assert_eq!(status(&word("/clerk(1)/a.Word", FROM, "x")).as_deref(), Some("202"), "the node goes on");
    runtime.shutdown();
}

#[test]
fn a_sender_elsewhere_is_refused_where_its_address_has_to_match() {
    let security = Security { require_peer_address: true, ..Security::default() };
    let (runtime, words) = clerk(Config { security, ..Config::default() });
    let elsewhere = word("/clerk(1)/a.Word", "Libprocess-From: driver@127.0.0.9:7", "x");
    let here = word("/clerk(1)/a.Word", FROM, "x");
    assert_eq!(statuses(&tell(runtime.address(), &(elsewhere + &here))), ["400", "202"]);
    assert_eq!(words.try_iter().count(), 1);
    runtime.shutdown();
}

#[test]
fn a_link_may_be_silent_for_longer_than_other_connections() {
    let http = Limits { idle_time: Duration::from_millis(50), ..Limits::default() };
    let (runtime, words) = clerk(Config { http, ..Config::default() });
    let mut link = TcpStream::connect(runtime.address()).unwrap();
    let mut say = || {
        link.write_all(word("/clerk(1)/a.Word", FROM, "x").as_bytes()).unwrap();
        words.recv_timeout(PATIENCE).unwrap();
    };
    say();
    let mut other = TcpStream::connect(runtime.address()).unwrap();
    other.write_all(b"GET /version HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let mut answered = Vec::new();
    other.read_to_end(&mut answered).expect("its silence ends it");
    say();
    runtime.shutdown();
}

#[test]
fn what_is_said_on_a_line_is_heard_in_order_at_the_other_node() {
    let (here, _silence) = clerk(Config::default());
    let (there, words) = clerk(Config::default());
    let line = line(&here, &format!("clerk(1)@{}", there.address()).parse().unwrap());
    let said: Vec<String> = (0..100).map(|number| format!("word {number}")).collect();
    for word in &said {
        while line.send("a.Word", word.as_bytes()) == Err(StreamError::Full) {
            std::thread::yield_now();
        }
    }
    for word in &said {
        let heard = words.recv_timeout(PATIENCE).expect("it was said");
        assert_eq!(heard.body, word.as_bytes());
        assert_eq!(heard.from.to_string(), format!("clerk(1)@{}", here.address()));
    }
    here.shutdown();
    there.shutdown();
}

/// A line to a process that is played by this listener, and word of its end.
fn played(runtime: &Runtime, listener: &TcpListener) -> (Line, Receiver<()>) {
    let line = line(runtime, &format!("driver@{}", listener.local_addr().unwrap()).parse().unwrap());
    let (told, broken) = channel();
    line.on_broken(move || told.send(()).unwrap_or_default());
    (line, broken)
}

#[test]
fn whoever_is_gone_breaks_its_line_and_that_is_told() {
    let (runtime, _) = clerk(Config::default());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (line, broken) = played(&runtime, &listener);
    line.send("a.Word", b"one").unwrap();
    let (mut socket, _) = listener.accept().unwrap();
    let mut first = [0; 20];
    socket.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"POST /driver/a.Word ");
    assert!(broken.try_recv().is_err(), "it is there");
    drop(socket);
    broken.recv_timeout(PATIENCE).expect("told once the connection is gone");
    assert_eq!(line.send("a.Word", b"two"), Err(StreamError::Closed));

    let (refused, broken) = played(&runtime, &listener);
    drop(listener);
    refused.send("a.Word", b"one").unwrap();
    broken.recv_timeout(PATIENCE).expect("nobody took the connection");
    runtime.shutdown();
}

#[test]
fn what_was_said_before_a_line_is_closed_still_arrives() {
    let (runtime, _) = clerk(Config::default());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (line, broken) = played(&runtime, &listener);
    line.send("a.Word", b"farewell").unwrap();
    line.close();
    let (mut socket, _) = listener.accept().unwrap();
    // An answer nobody waits for must not break what is still on its way.
    socket.write_all(b"HTTP/1.1 202 Accepted\r\n\r\n").unwrap();
    let mut heard = String::new();
    socket.read_to_string(&mut heard).unwrap();
    assert!(heard.ends_with("\r\n\r\n8\r\nfarewell\r\n0\r\n\r\n"), "{heard}");
    drop(socket);
    broken.recv_timeout(PATIENCE).unwrap();
    runtime.shutdown();
}

#[test]
fn a_process_that_does_not_read_is_not_waited_for() {
    let (runtime, _) = clerk(Config::default());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (line, _broken) = played(&runtime, &listener);
    let (word, mut sent) = (vec![b'x'; 200 << 10], 0);
    let refused = loop {
        match line.send("a.Word", &word) {
            Ok(()) => sent += 1,
            Err(error) => break error,
        }
        assert!(sent < 10_000, "some gigabytes do not wait for who does not read");
    };
    assert_eq!(refused, StreamError::Full);
    runtime.shutdown();
}

#[test]
fn a_line_that_says_nothing_dials_nobody() {
    let (runtime, _) = clerk(Config::default());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (line, broken) = played(&runtime, &listener);
    line.close();
    broken.recv_timeout(PATIENCE).unwrap();
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err());
    runtime.shutdown();
}
