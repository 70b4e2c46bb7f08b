//! Many tell one, which always has a long queue behind it. One source is plain `tell`.

use std::sync::mpsc;

use libprocess::actix::{self, Addr};
use libprocess::{Actor, Config, Context, Handler, Message, Pid, Process, Runtime, Shard, Spawn};

use crate::measure::{Figure, among, config, per_operation, with_arbiter};

const MESSAGES: u64 = 4_000_000;

pub(crate) fn figures() -> Vec<Figure> {
    let load = Load { sources: 8, batch: 4_096, batches: MESSAGES / 8 / 4_096 };
    among("8 to 1, 32k waiting", "ns", None, || ours(load), vec![("actix", Box::new(|| stock(load)))])
}

/// `sources` that each send `batch` messages, and the next batch when the sink has had it.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    pub(crate) sources: u64,
    pub(crate) batch: u64,
    pub(crate) batches: u64,
}

impl Load {
    fn messages(self) -> u64 {
        self.sources * self.batch * self.batches
    }
}

/// Told to the sink; the last of a batch carries the way back.
struct Told<Back>(u64, Option<Back>);

impl<Back> Message for Told<Back> {
    type Result = ();
}

struct Go;

impl Message for Go {
    type Result = ();
}

struct Sink {
    sum: u64,
    left: u64,
    done: mpsc::Sender<u64>,
}

impl Sink {
    fn take(&mut self, value: u64) {
        self.sum = self.sum.wrapping_add(value);
        self.left -= 1;
        if self.left == 0 {
            self.done.send(self.sum).expect("the bench waits");
        }
    }
}

pub(crate) fn ours(load: Load) -> f64 {
    ours_on(load, &config(1))
}

pub(crate) fn ours_on(load: Load, config: &Config) -> f64 {
    struct Ours(Sink);
    impl Actor for Ours {
        type Context = Context<Self>;
    }
    impl Process for Ours {
        const KIND: &'static str = "sink";
        type Input = Told<Pid<Source>>;
    }
    impl Handler<Told<Pid<Source>>> for Ours {
        type Result = ();
        fn handle(&mut self, Told(value, back): Told<Pid<Source>>, ctx: &mut Context<Self>) {
            self.0.take(value);
            if let Some(back) = back {
                let _ = ctx.tell(&back, Go);
            }
        }
    }
    struct Source {
        to: Pid<Ours>,
        load: Load,
    }
    impl Actor for Source {
        type Context = Context<Self>;
    }
    impl Process for Source {
        const KIND: &'static str = "source";
        type Input = Go;
    }
    impl Handler<Go> for Source {
        type Result = ();
        fn handle(&mut self, _: Go, ctx: &mut Context<Self>) {
            if self.load.batches == 0 {
                return;
            }
            self.load.batches -= 1;
            for value in 1..self.load.batch {
                ctx.tell(&self.to, Told(value, None)).expect("there is room");
            }
            let back = ctx.pid().clone();
            ctx.tell(&self.to, Told(0, Some(back))).expect("there is room");
        }
    }

    let runtime = Runtime::start(config.clone()).expect("a runtime starts");
    let (done, all) = mpsc::channel();
    let left = load.messages();
    let to = runtime.spawn(Spawn::named("sink"), move || Ours(Sink { sum: 0, left, done })).expect("spawns");
    let sources: Vec<Pid<Source>> = (0..load.sources)
        .map(|_| {
            let to = to.clone();
            let spawn = Spawn::prefixed("source").shard(Shard::At(0));
            runtime.spawn(spawn, move || Source { to, load }).expect("spawns")
        })
        .collect();
    let cost = per_operation(load.messages(), || {
        sources.iter().for_each(|source| source.tell(Go).expect("there is room"));
        all.recv().expect("it ends");
    });
    runtime.shutdown();
    cost
}

pub(crate) fn stock(load: Load) -> f64 {
    struct Stock(Sink);
    impl Actor for Stock {
        type Context = actix::Context<Self>;
    }
    impl Handler<Told<Addr<Source>>> for Stock {
        type Result = ();
        fn handle(&mut self, Told(value, back): Told<Addr<Source>>, _: &mut Self::Context) {
            self.0.take(value);
            if let Some(back) = back {
                back.do_send(Go);
            }
        }
    }
    struct Source {
        to: Addr<Stock>,
        load: Load,
    }
    impl Actor for Source {
        type Context = actix::Context<Self>;
    }
    impl Handler<Go> for Source {
        type Result = ();
        fn handle(&mut self, _: Go, ctx: &mut Self::Context) {
            if self.load.batches == 0 {
                return;
            }
            self.load.batches -= 1;
            for value in 1..self.load.batch {
                self.to.do_send(Told(value, None));
            }
            let back = actix::AsyncContext::address(ctx);
            self.to.do_send(Told(0, Some(back)));
        }
    }

    let (done, all) = mpsc::channel();
    let start = move || {
        let to = Stock(Sink { sum: 0, left: load.messages(), done }).start();
        (0..load.sources).map(|_| Source { to: to.clone(), load }.start()).collect::<Vec<_>>()
    };
    with_arbiter(start, |sources| {
        per_operation(load.messages(), || {
            sources.iter().for_each(|source| source.do_send(Go));
            all.recv().expect("it ends");
        })
    })
}
