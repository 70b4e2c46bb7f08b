//! Who floods, panics or sends to itself without end takes nothing from others. No test here reads
//! a clock: what must come, comes while the flood goes on.

use std::sync::mpsc;
use std::time::Duration;

use libprocess::{Actor, Bound, Config, Context, Handler, Lane, Message, Pid, Process, Shard, Spawn};

use crate::probe::{Event, Input, LONG, Node, next};

/// Sends to itself for ever, so that its mailbox is never empty.
struct Flood {
    handled: mpsc::SyncSender<u64>,
    count: u64,
}

struct Again;

impl Message for Again {
    type Result = ();
}

impl Actor for Flood {
    type Context = Context<Self>;
}

impl Process for Flood {
    const KIND: &'static str = "flood";
    type Input = Again;
}

impl Handler<Again> for Flood {
    type Result = ();

    fn handle(&mut self, again: Again, ctx: &mut Context<Self>) {
        self.count += 1;
        let _ = self.handled.try_send(self.count);
        let me = ctx.pid().clone();
        ctx.tell(&me, again).expect("it takes one for one");
    }
}

fn flooded(node: &Node) -> (Pid<Flood>, mpsc::Receiver<u64>) {
    let (handled, counts) = mpsc::sync_channel(1);
    let flood = node
        .runtime
        .spawn(Spawn::named("flood").shard(Shard::At(0)), move || Flood { handled, count: 0 })
        .unwrap();
    (0..1_000).for_each(|_| flood.tell(Again).unwrap());
    counts.recv_timeout(LONG).unwrap();
    (flood, counts)
}

#[test]
fn timers_messages_tasks_and_ends_pass_a_process_that_never_rests() {
    let node = Node::start();
    let (flood, counts) = flooded(&node);
    let (probe, events) = node.probe("a");
    probe.tell(Input::Every(Duration::from_millis(1))).unwrap();
    (1..=3).for_each(|n| assert_eq!(next(&events), Event::Ticked(n)));
    assert_eq!(next(&events), Event::Told(u64::MAX));
    probe.tell(Input::Task).unwrap();
    assert_eq!(next(&events), Event::Done("task".into()));

    counts.recv_timeout(LONG).expect("it has never rested");
    flood.terminate(Lane::System);
    node.runtime.block_on(flood.wait());
}

#[test]
fn a_termination_passes_the_flood_of_its_own_process() {
    let node = Node::start();
    let (probe, events) = node.spawn(Spawn::named("a").mailbox(Bound::messages(200_000)));
    let (hold, until) = mpsc::channel();
    probe.tell(Input::Block(until)).unwrap();
    for n in 0..100_000 {
        probe.tell(Input::Tell(n)).unwrap();
    }
    probe.terminate(Lane::System);
    drop(hold);
    node.runtime.block_on(probe.wait());
    assert!(events.iter().count() < 100_000, "what waited behind it was dropped");
}

#[test]
fn links_live_beside_a_process_that_never_rests() {
    let here = Node::listening();
    let there = Node::with(Config { http_workers: 0, ..Config::default() });
    let (_flood, _counts) = flooded(&there);
    let (a, events) = here.probe("a");
    let (b, _) = there.probe("b");
    for n in 1..20 {
        a.tell(Input::AskDouble(b.upid().clone(), n)).unwrap();
        assert_eq!(next(&events), Event::Answered(Ok(2 * n)));
    }
}

#[test]
fn a_panic_ends_one_process_and_no_other() {
    let node = Node::start();
    let (dies, _) = node.probe("dies");
    let (lives, events) = node.probe("lives");
    dies.tell(Input::Panic).unwrap();
    node.runtime.block_on(dies.wait());
    lives.tell(Input::Tell(1)).unwrap();
    assert_eq!(next(&events), Event::Told(1));
    assert_eq!(node.runtime.metrics().snapshot()["libprocess/processes_panicked"], 1.0);
    let (again, _) = node.probe("dies");
    assert!(again.is_alive(), "its name is free again");
}
