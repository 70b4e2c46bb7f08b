//! What readers of a large cluster wait for, and what a master waits for because of them.
//!
//! | figure | how it is taken |
//! |---|---|
//! | `/state` | whole, and its first byte; over loopback, to a client in the same program |
//! | GET_STATE | the same in JSON and in protobuf, as a ratio to `/state` |
//! | not modified | `/state` for who has it already |
//! | delay | between a question to the master's mailbox and its answer, while so many clients read `/state` again and again |
//!
//! `HECTARE_BENCH_AGENTS`, `HECTARE_BENCH_TASKS` (of each agent) and `HECTARE_BENCH_CLIENTS` set other sizes. `cargo test` runs all of it
//! once, small. What a client in the same program takes of the processors is in the figures.

#[path = "../agents/pretender.rs"]
mod pretender;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use libprocess::http::{Request, Response};
use libprocess::{Config, Pid, Runtime, Spawn};
use master::Master;
use pretender::{Begin, Pretender};

/// As the program has it.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `cargo bench` says so; the test suite does not.
fn is_bench() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}

fn number(name: &str, usual: usize, small: usize) -> usize {
    let said = std::env::var(format!("HECTARE_BENCH_{name}")).ok().and_then(|text| text.parse().ok());
    said.unwrap_or(if is_bench() { usual } else { small })
}

fn main() {
    let (agents, tasks) = (number("AGENTS", 20_000, 50), number("TASKS", 20, 3));
    let clients = number("CLIENTS", 20, 2);
    let cluster = Cluster::start(agents, tasks);
    let size = format!("{agents} agents, {} tasks", agents * tasks);

    let [state, json, protobuf] =
        cluster.in_turn([&|| cluster.get("/state", ""), &|| cluster.get_state("application/json"), &|| {
            cluster.get_state("application/x-protobuf")
        }]);
    println!(
        "/state, {size}: {:.1?} whole (goal 800 ms, published 3.1 s), {:.1?} first byte (goal 20 ms), {} MB",
        state.whole,
        state.first,
        state.bytes >> 20
    );
    for (media, read) in [("JSON", json), ("protobuf", protobuf)] {
        println!(
            "GET_STATE in {media}, {size}: {:.1?} whole, {:.2} times /state (goal 1.0), {:.1?} first byte, {} MB",
            read.whole,
            read.whole.as_secs_f64() / state.whole.as_secs_f64(),
            read.first,
            read.bytes >> 20
        );
    }
    let [known] = cluster.in_turn([&|| cluster.get("/state", "*")]);
    println!("/state not modified, {size}: {:.1?}", known.whole);
    let delays = cluster.delays(clients, if is_bench() { 1_000 } else { 10 });
    let at = |part: usize| delays[(delays.len() * part / 100).min(delays.len() - 1)];
    println!(
        "delay of the master while {clients} clients read /state, {size}: p50 {:.2?}, p99 {:.2?} (goal 5 ms), max {:.2?}",
        at(50),
        at(99),
        at(100)
    );
    cluster.end();
}

/// How long one answer took.
struct Read {
    first: Duration,
    whole: Duration,
    bytes: usize,
}

struct Cluster {
    node: Runtime,
    /// Reads, on threads of its own.
    reader: Runtime,
    master: Pid<Master>,
}

impl Cluster {
    /// A master to which all agents have come with all their tasks.
    fn start(agents: usize, tasks: usize) -> Cluster {
        let config = Config { shards: 2, ..Config::default() };
        let node = Runtime::start(config).expect("loopback has a free port");
        let master = master::spawn(&node, master::Config::default()).expect("the name is free");
        node.block_on(master::ready(&node, &master)).expect("it comes to lead");
        let known: Arc<AtomicUsize> = Arc::default();
        for number in 0..agents {
            let (masters, known) = (vec![master.upid().bare()], known.clone());
            let id = format!("6f1c5e0a-1d7a-4c51-9d3c-2a0d5f7e8b11-S{number}");
            let make = move || Pretender::new(number, tasks, Some(id.into()), masters, known);
            let agent = node.spawn(Spawn::named(format!("slave({number})")), make).expect("the name is free");
            agent.tell(Begin.into()).expect("it runs");
        }
        node.block_on(async {
            while known.load(Ordering::Relaxed) < agents {
                node.sleep(Duration::from_millis(10)).await;
            }
        });
        let asking = Config { listen: None, http_workers: 0, ..Config::default() };
        let reader = Runtime::start(asking).expect("it needs no port");
        Cluster { node, reader, master }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.node.address())
    }

    fn get(&self, path: &str, known: &str) -> Read {
        self.read(Request::get(&self.url(path)).header("If-None-Match", known))
    }

    fn get_state(&self, media: &str) -> Read {
        let request = Request::post(&self.url("/api/v1")).header("Content-Type", "application/json");
        self.read(request.header("Accept", media).body(r#"{"type":"GET_STATE"}"#))
    }

    fn read(&self, request: Request) -> Read {
        self.reader.block_on(async {
            let began = self.reader.elapsed();
            let mut response: Response =
                self.reader.client().send(request).await.expect("the master listens");
            let (mut first, mut bytes) = (None, 0);
            while let Some(piece) = response.body.next().await {
                bytes += piece.expect("the answer is whole").len();
                first.get_or_insert_with(|| self.reader.elapsed() - began);
            }
            let whole = self.reader.elapsed() - began;
            Read { first: first.unwrap_or(whole), whole, bytes }
        })
    }

    /// The quickest of some of each kind, read in turn: what else the machine does then slows none alone.
    fn in_turn<const KINDS: usize>(&self, kinds: [&dyn Fn() -> Read; KINDS]) -> [Read; KINDS] {
        let mut best = kinds.map(|read| read());
        for _ in 1..if is_bench() { 10 } else { 1 } {
            for (best, read) in best.iter_mut().zip(kinds) {
                let again = read();
                if again.whole < best.whole {
                    *best = again;
                }
            }
        }
        best
    }

    /// How long the master takes to answer while others read, in order.
    fn delays(&self, clients: usize, questions: usize) -> Vec<Duration> {
        let over = AtomicBool::new(false);
        let mut delays = std::thread::scope(|scope| {
            for _ in 0..clients {
                scope.spawn(|| {
                    while !over.load(Ordering::Relaxed) {
                        self.get("/state", "");
                    }
                });
            }
            let ask = || {
                self.node.block_on(async {
                    self.node.sleep(Duration::from_millis(5)).await;
                    let began = self.node.elapsed();
                    master::ready(&self.node, &self.master).await.expect("it leads");
                    self.node.elapsed() - began
                })
            };
            let delays: Vec<Duration> = (0..questions).map(|_| ask()).collect();
            over.store(true, Ordering::Relaxed);
            delays
        });
        delays.sort_unstable();
        delays
    }

    fn end(self) {
        self.reader.shutdown();
        self.node.shutdown();
    }
}
