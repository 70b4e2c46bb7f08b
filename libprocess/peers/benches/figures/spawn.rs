//! Spawning, with the first message handled; what a process costs that does nothing; and a whole
//! node, listening, from start to end.

use std::sync::mpsc;

use libprocess::actix::{self, Addr};
use libprocess::{Actor, Config, Context, Handler, Message, Pid, Process, Runtime, Spawn};

use crate::measure::{Figure, among, per_operation, resident, runtime, versus, with_arbiter};
use crate::peers::{channel, kameo, ractor};

const PROCESSES: u64 = 100_000;

pub(crate) fn figures() -> Vec<Figure> {
    let memory = idle();
    let what = "spawn and first message";
    let spawned = among(
        what,
        "ns",
        None,
        spawned_ours,
        vec![
            ("actix", Box::new(spawned_stock)),
            ("outside", Box::new(spawned_outside)),
            ("ractor", Box::new(|| ractor::spawn(PROCESSES / 10, false))),
            ("kameo", Box::new(|| kameo::spawn(PROCESSES / 10, false))),
            ("channel", Box::new(|| channel::spawn(PROCESSES, false))),
        ],
    );
    let (ours, theirs) = versus(nodes_ours, nodes_stock);
    let node =
        Figure { what: "node, started and ended", unit: "ns", ours, peer: "arbiter", theirs, goal: None };
    spawned.into_iter().chain(memory).chain([node]).collect()
}

/// Each in an OS process of its own: what was freed once is resident still, and is had again for nothing.
fn idle() -> Vec<Figure> {
    let measured = |who: &str| -> f64 {
        let this = std::env::current_exe().expect("this bench");
        let output = std::process::Command::new(this).env(IDLE, who).output().expect("this bench runs");
        String::from_utf8_lossy(&output.stdout).trim().parse().expect("a number of bytes")
    };
    let ours = measured("ours");
    ["actix", "ractor", "kameo", "channel"]
        .map(|peer| {
            let goal = (peer == "actix").then_some(0.5);
            Figure { what: "idle process", unit: "B", ours, peer, theirs: measured(peer), goal }
        })
        .into()
}

/// Says whose idle memory this OS process is to measure.
const IDLE: &str = "LIBPROCESS_BENCH_IDLE";

/// Measures and prints, if this OS process is there for nothing else.
pub(crate) fn idle_alone() -> bool {
    let Ok(who) = std::env::var(IDLE) else { return false };
    let bytes = match who.as_str() {
        "ours" => idle_ours(),
        "actix" => idle_stock(),
        "ractor" => ractor::spawn(PROCESSES, true),
        "kameo" => kameo::spawn(PROCESSES, true),
        _ => channel::spawn(PROCESSES, true),
    };
    println!("{bytes}");
    true
}

const NODES: u64 = 100;

fn nodes_ours() -> f64 {
    per_operation(NODES, || {
        for _ in 0..NODES {
            Runtime::start(Config::default()).expect("a node starts").shutdown();
        }
    })
}

/// One thread with a reactor, and no port; a node of ours has two threads.
fn nodes_stock() -> f64 {
    per_operation(NODES, || (0..NODES).for_each(|_| assert!(with_arbiter(|| (), |()| 0.0) == 0.0)))
}

/// The last one carries the way back: a word from each would be the price of waking whoever waits.
struct First(Option<mpsc::Sender<()>>);

impl Message for First {
    type Result = ();
}

struct Ours;
impl Actor for Ours {
    type Context = Context<Self>;
}
impl Process for Ours {
    const KIND: &'static str = "small";
    type Input = First;
}
impl Handler<First> for Ours {
    type Result = ();
    fn handle(&mut self, First(done): First, _: &mut Context<Self>) {
        if let Some(done) = done {
            let _ = done.send(());
        }
    }
}

struct Stock;
impl Actor for Stock {
    type Context = actix::Context<Self>;
}
impl Handler<First> for Stock {
    type Result = ();
    fn handle(&mut self, First(done): First, _: &mut Self::Context) {
        if let Some(done) = done {
            let _ = done.send(());
        }
    }
}

/// Spawns all the others from its own shard, as the stock arbiter does.
struct Spawner(mpsc::Sender<()>, Vec<Pid<Ours>>);

struct Go;

impl Message for Go {
    type Result = ();
}
impl Actor for Spawner {
    type Context = Context<Self>;
}
impl Process for Spawner {
    const KIND: &'static str = "spawner";
    type Input = Go;
}
impl Handler<Go> for Spawner {
    type Result = ();
    fn handle(&mut self, Go: Go, ctx: &mut Context<Self>) {
        self.1 = spawn_all(ctx.runtime(), &self.0);
    }
}

fn spawn_all(runtime: &Runtime, done: &mpsc::Sender<()>) -> Vec<Pid<Ours>> {
    let mut pids = Vec::with_capacity(PROCESSES as usize);
    for number in 1..=PROCESSES {
        let pid = runtime.spawn(Spawn::prefixed("p"), || Ours).expect("spawns");
        pid.tell(First((number == PROCESSES).then(|| done.clone()))).expect("there is room");
        pids.push(pid);
    }
    pids
}

fn spawned_ours() -> f64 {
    let runtime = runtime(1);
    let (done, all) = mpsc::channel();
    let spawner = runtime.spawn(Spawn::named("spawner"), move || Spawner(done, Vec::new())).expect("spawns");
    let cost = per_operation(PROCESSES, || {
        spawner.tell(Go).expect("there is room");
        all.recv().expect("the last answers");
    });
    runtime.shutdown();
    cost
}

/// The same from a thread that is no shard.
fn spawned_outside() -> f64 {
    let runtime = runtime(1);
    let (done, all) = mpsc::channel();
    let cost = per_operation(PROCESSES, || {
        let pids = spawn_all(&runtime, &done);
        all.recv().expect("the last answers");
        drop(pids);
    });
    runtime.shutdown();
    cost
}

fn spawned_stock() -> f64 {
    let (done, all) = mpsc::channel();
    let (go, going) = mpsc::channel::<()>();
    let start = move || {
        actix_rt::spawn(async move {
            going.recv().expect("the bench goes");
            let mut addresses: Vec<Addr<Stock>> = Vec::with_capacity(PROCESSES as usize);
            for number in 1..=PROCESSES {
                let address = Stock.start();
                address.do_send(First((number == PROCESSES).then(|| done.clone())));
                addresses.push(address);
            }
            std::future::pending::<()>().await;
        });
    };
    with_arbiter(start, |()| {
        per_operation(PROCESSES, || {
            go.send(()).expect("the arbiter waits");
            all.recv().expect("the last answers");
        })
    })
}

fn idle_ours() -> f64 {
    let runtime = runtime(1);
    let before = resident();
    let pids: Vec<Pid<Ours>> =
        (0..PROCESSES).map(|_| runtime.spawn(Spawn::prefixed("p"), || Ours).expect("spawns")).collect();
    let (done, all) = mpsc::channel();
    pids.last().expect("there are some").tell(First(Some(done))).expect("there is room");
    all.recv().expect("it answers");
    let cost = (resident() - before) / PROCESSES as f64;
    runtime.shutdown();
    cost
}

fn idle_stock() -> f64 {
    let (done, all) = mpsc::channel();
    let start = move || {
        let before = resident();
        let addresses: Vec<Addr<Stock>> = (0..PROCESSES).map(|_| Stock.start()).collect();
        addresses.last().expect("there are some").do_send(First(Some(done)));
        (before, addresses)
    };
    with_arbiter(start, |(before, addresses)| {
        all.recv().expect("it answers");
        let cost = (resident() - before) / PROCESSES as f64;
        drop(addresses);
        cost
    })
}
