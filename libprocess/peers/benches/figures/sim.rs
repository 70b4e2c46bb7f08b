//! A simulated cluster: many nodes in one thread, each with a process that reports to one and is answered.

use std::time::Duration;

use libprocess::sim::Sim;
use libprocess::{Actor, Context, Doors, Handler, Message, Process, Received, Spawn, Upid};
use libprocess_wire as wire;
use rand::RngExt;

use crate::measure::{Figure, cpu, resident};

const NODES: usize = 10_000;
const EVENTS: u64 = 18_000_000;
const EVERY: Duration = Duration::from_secs(10);

pub(crate) fn figures() -> Vec<Figure> {
    let before = resident();
    let mut sim = cluster(1, NODES);
    let start = cpu();
    let (mut passed, mut halfway) = (0, 0.0);
    while sim.events() < EVENTS {
        sim.advance(EVERY);
        passed += EVERY.as_secs();
        if sim.events() < EVENTS / 2 {
            halfway = resident();
        }
    }
    let (seconds, events) = ((cpu() - start) / 1e9, sim.events());
    let (memory, growth) = (resident() - before, resident() - halfway);
    eprintln!("{NODES} nodes, {passed} simulated seconds, {events} events, hash {:x}", sim.trace_hash());
    let bound =
        |what, unit, ours, theirs| Figure { what, unit, ours, peer: "bound", theirs, goal: Some(1.0) };
    vec![
        bound("10,000 nodes, 18 M events", "s", seconds, 60.0),
        bound("one event", "ns", seconds * 1e9 / events as f64, 60e9 / EVENTS as f64),
        bound("memory", "MB", memory / 1e6, 1_600.0),
        bound("of it grown in the second half", "MB", growth.max(0.0) / 1e6, 160.0),
    ]
}

/// One that is reported to, and many that report every second.
fn cluster(seed: u64, nodes: usize) -> Sim {
    let mut sim = Sim::new(seed);
    let centre = sim.node("10.0.0.1:5050");
    let to = centre.spawn(Spawn::named("centre"), || Centre).expect("spawns").upid().clone();
    for number in 1..nodes {
        let [_, high, middle, low] = u32::try_from(number).expect("not that many").to_be_bytes();
        let node = sim.node(&format!("10.{}.{middle}.{low}:5051", high + 1));
        let to = to.clone();
        node.spawn(Spawn::named("edge"), move || Edge(to)).expect("spawns");
    }
    sim
}

#[wire::message(name = "bench.report", version = 1)]
struct Report {
    number: u64,
}

#[wire::message(name = "bench.heard", version = 1)]
struct Heard {
    number: u64,
}

struct Centre;

impl Actor for Centre {
    type Context = Context<Self>;
}

struct Reported(Received<Report>);

impl Message for Reported {
    type Result = ();
}

impl From<Received<Report>> for Reported {
    fn from(report: Received<Report>) -> Reported {
        Reported(report)
    }
}

impl Process for Centre {
    const KIND: &'static str = "centre";
    type Input = Reported;

    fn doors(&self, doors: &mut Doors<Self>) {
        doors.message::<Report>();
    }
}

impl Handler<Reported> for Centre {
    type Result = ();

    fn handle(&mut self, Reported(report): Reported, ctx: &mut Context<Self>) {
        let _ = ctx.send(&report.from, Heard { number: report.body.number });
    }
}

struct Edge(Upid);

enum Input {
    Due(u64),
    Heard(u64),
}

impl Message for Input {
    type Result = ();
}

impl From<Received<Heard>> for Input {
    fn from(heard: Received<Heard>) -> Input {
        Input::Heard(heard.body.number)
    }
}

impl Actor for Edge {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        let first = Duration::from_micros(ctx.rng().random_range(0..1_000_000));
        ctx.after(first, Input::Due(0));
    }
}

impl Process for Edge {
    const KIND: &'static str = "edge";
    type Input = Input;

    fn doors(&self, doors: &mut Doors<Self>) {
        doors.message::<Heard>();
    }
}

impl Handler<Input> for Edge {
    type Result = ();

    fn handle(&mut self, input: Input, ctx: &mut Context<Self>) {
        match input {
            Input::Due(number) => {
                let _ = ctx.send(&self.0, Report { number });
            }
            Input::Heard(number) => drop(ctx.after(Duration::from_secs(1), Input::Due(number + 1))),
        }
    }
}
