//! One question after the other, each awaited: on one shard, and across two.

use std::sync::mpsc;
use std::time::Duration;

use libprocess::actix::{self, Addr};
use libprocess::{Actor, Context, Handler, Message, Pid, Process, Shard, Spawn};

use crate::measure::{Figure, among, per_operation, runtime, with_arbiter};
use crate::peers::{channel, kameo, ractor};

const SAME: u64 = 300_000;
const ACROSS: u64 = 50_000;

pub(crate) fn figures() -> Vec<Figure> {
    let same = among(
        "same shard",
        "ns",
        Some(1.1),
        || ours(1, SAME),
        vec![
            ("actix", Box::new(|| stock_same(SAME))),
            ("ractor", Box::new(|| ractor::ask(SAME))),
            ("kameo", Box::new(|| kameo::ask(SAME))),
            ("channel", Box::new(|| channel::ask(SAME))),
        ],
    );
    let across = among(
        "across shards",
        "ns",
        Some(1.1),
        || ours(2, ACROSS),
        vec![("actix", Box::new(|| stock_across(ACROSS)))],
    );
    same.into_iter().chain(across).collect()
}

struct Double(u64);

impl Message for Double {
    type Result = u64;
}

struct Ask(u64);

impl Message for Ask {
    type Result = ();
}

fn ours(shards: usize, questions: u64) -> f64 {
    struct Answerer;
    impl Actor for Answerer {
        type Context = Context<Self>;
    }
    impl Process for Answerer {
        const KIND: &'static str = "answerer";
        type Input = Ask;
    }
    impl Handler<Ask> for Answerer {
        type Result = ();
        fn handle(&mut self, _: Ask, _: &mut Context<Self>) {}
    }
    impl Handler<Double> for Answerer {
        type Result = actix::MessageResult<Double>;
        fn handle(&mut self, Double(number): Double, _: &mut Context<Self>) -> Self::Result {
            actix::MessageResult(number * 2)
        }
    }
    struct Asker(Pid<Answerer>, mpsc::Sender<()>);
    impl Actor for Asker {
        type Context = Context<Self>;
    }
    impl Process for Asker {
        const KIND: &'static str = "asker";
        type Input = Ask;
    }
    impl Handler<Ask> for Asker {
        type Result = ();
        fn handle(&mut self, Ask(questions): Ask, ctx: &mut Context<Self>) {
            if questions == 0 {
                return self.1.send(()).expect("the bench waits");
            }
            let answerer = self.0.clone();
            let asking = async move {
                for number in 0..questions {
                    let within = Duration::from_secs(5);
                    assert_eq!(answerer.ask(Double(number)).within(within).await, Ok(number * 2));
                }
            };
            ctx.task(asking, |()| Ask(0));
        }
    }

    let runtime = runtime(shards);
    let (done, all) = mpsc::channel();
    let answerer = runtime.spawn(Spawn::named("answerer").shard(Shard::At(0)), || Answerer).expect("spawns");
    let spawn = Spawn::named("asker").shard(Shard::At(1));
    let asker = runtime.spawn(spawn, || Asker(answerer, done)).expect("spawns");
    let cost = per_operation(questions, || {
        asker.tell(Ask(questions)).expect("there is room");
        all.recv().expect("it ends");
    });
    runtime.shutdown();
    cost
}

struct Stock;
impl Actor for Stock {
    type Context = actix::Context<Self>;
}
impl Handler<Double> for Stock {
    type Result = actix::MessageResult<Double>;
    fn handle(&mut self, Double(number): Double, _: &mut Self::Context) -> Self::Result {
        actix::MessageResult(number * 2)
    }
}

async fn asking(stock: Addr<Stock>, questions: u64) {
    for number in 0..questions {
        let within = Duration::from_secs(5);
        assert_eq!(stock.send(Double(number)).timeout(within).await, Ok(number * 2));
    }
}

fn stock_same(questions: u64) -> f64 {
    let (go, going) = mpsc::channel::<()>();
    let (done, all) = mpsc::channel();
    let start = move || {
        let stock = Stock.start();
        actix_rt::spawn(async move {
            going.recv().expect("the bench goes");
            asking(stock, questions).await;
            done.send(()).expect("the bench waits");
        });
    };
    with_arbiter(start, |()| {
        per_operation(questions, || {
            go.send(()).expect("the arbiter waits");
            all.recv().expect("it ends");
        })
    })
}

fn stock_across(questions: u64) -> f64 {
    with_arbiter(
        || Stock.start(),
        |stock| {
            let (done, all) = mpsc::channel();
            per_operation(questions, || {
                let asker = actix_rt::Arbiter::new();
                asker.spawn(async move {
                    asking(stock, questions).await;
                    done.send(()).expect("the bench waits");
                });
                all.recv().expect("it ends");
                asker.stop();
            })
        },
    )
}
