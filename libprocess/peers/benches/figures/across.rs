//! A thread tells a process that lives on another.

use std::sync::mpsc;

use libprocess::actix::{self, Addr};
use libprocess::{Actor, Context, Handler, Message, Process, Spawn};

use crate::measure::{Figure, per_operation, runtime, versus, with_arbiter};

const MESSAGES: u64 = 2_000_000;
const BATCH: u64 = 1_000;

pub(crate) fn figures() -> Vec<Figure> {
    let (ours, theirs) = versus(ours, stock);
    let what = "tell from another thread";
    vec![
        Figure { what, unit: "ns", ours, peer: "actix", theirs, goal: None },
        Figure { what, unit: "ns", ours, peer: "limit", theirs: 200.0, goal: Some(1.0) },
    ]
}

/// The last of a batch carries the way back.
struct Told(u64, Option<mpsc::Sender<()>>);

impl Message for Told {
    type Result = ();
}

impl Told {
    fn take(self, sum: &mut u64) {
        *sum = sum.wrapping_add(self.0);
        if let Some(back) = self.1 {
            let _ = back.send(());
        }
    }
}

fn batches(tell: impl Fn(Told)) -> f64 {
    let (back, done) = mpsc::channel();
    per_operation(MESSAGES, || {
        for _ in 0..MESSAGES / BATCH {
            (1..BATCH).for_each(|value| tell(Told(value, None)));
            tell(Told(0, Some(back.clone())));
            done.recv().expect("it answers");
        }
    })
}

fn ours() -> f64 {
    struct Ours(u64);
    impl Actor for Ours {
        type Context = Context<Self>;
    }
    impl Process for Ours {
        const KIND: &'static str = "sink";
        type Input = Told;
    }
    impl Handler<Told> for Ours {
        type Result = ();
        fn handle(&mut self, told: Told, _: &mut Context<Self>) {
            told.take(&mut self.0);
        }
    }
    let runtime = runtime(1);
    let sink = runtime.spawn(Spawn::named("sink"), || Ours(0)).expect("spawns");
    let cost = batches(|told| sink.tell(told).expect("there is room"));
    runtime.shutdown();
    cost
}

fn stock() -> f64 {
    struct Stock(u64);
    impl Actor for Stock {
        type Context = actix::Context<Self>;
    }
    impl Handler<Told> for Stock {
        type Result = ();
        fn handle(&mut self, told: Told, _: &mut Self::Context) {
            told.take(&mut self.0);
        }
    }
    with_arbiter(|| Stock(0).start(), |sink: Addr<Stock>| batches(|told| sink.do_send(told)))
}
