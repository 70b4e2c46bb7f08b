//! One token goes round a ring of processes on one shard.

use std::sync::mpsc;

use libprocess::actix::{self, Addr};
use libprocess::{Actor, Context, Handler, Message, Pid, Process, Spawn};

use crate::measure::{Figure, among, per_operation, runtime, with_arbiter};
use crate::peers::{channel, kameo, ractor};

const MEMBERS: usize = 64;
const HOPS: u64 = 1_000_000;

pub(crate) fn figures() -> Vec<Figure> {
    among(
        "hop in a ring of 64",
        "ns",
        Some(0.8),
        ours,
        vec![
            ("actix", Box::new(stock)),
            ("ractor", Box::new(|| ractor::ring(MEMBERS, HOPS))),
            ("kameo", Box::new(|| kameo::ring(MEMBERS, HOPS))),
            ("channel", Box::new(|| channel::ring(MEMBERS, HOPS))),
        ],
    )
}

enum Pass<Next> {
    Next(Next),
    Token(u64),
}

impl<Next> Message for Pass<Next> {
    type Result = ();
}

struct Member<Next> {
    next: Option<Next>,
    done: mpsc::Sender<()>,
}

fn ours() -> f64 {
    struct Next(Pid<Ours>);
    struct Ours(Member<Next>);
    impl Actor for Ours {
        type Context = Context<Self>;
    }
    impl Process for Ours {
        const KIND: &'static str = "member";
        type Input = Pass<Next>;
    }
    impl Handler<Pass<Next>> for Ours {
        type Result = ();
        fn handle(&mut self, pass: Pass<Next>, ctx: &mut Context<Self>) {
            match (pass, &self.0.next) {
                (Pass::Next(next), _) => self.0.next = Some(next),
                (Pass::Token(0), _) => self.0.done.send(()).expect("the bench waits"),
                (Pass::Token(left), Some(next)) => {
                    ctx.tell(&next.0, Pass::Token(left - 1)).expect("there is room");
                }
                (Pass::Token(_), None) => unreachable!("the ring is closed"),
            }
        }
    }

    let runtime = runtime(1);
    let (done, all) = mpsc::channel();
    let members: Vec<Pid<Ours>> = (0..MEMBERS)
        .map(|_| {
            let done = done.clone();
            runtime.spawn(Spawn::prefixed("m"), || Ours(Member { next: None, done })).expect("spawns")
        })
        .collect();
    for (at, member) in members.iter().enumerate() {
        member.tell(Pass::Next(Next(members[(at + 1) % MEMBERS].clone()))).expect("there is room");
    }
    let cost = per_operation(HOPS, || {
        members[0].tell(Pass::Token(HOPS)).expect("there is room");
        all.recv().expect("it ends");
    });
    runtime.shutdown();
    cost
}

fn stock() -> f64 {
    struct Stock(Member<Next>);
    struct Next(Addr<Stock>);
    impl Actor for Stock {
        type Context = actix::Context<Self>;
    }
    impl Handler<Pass<Next>> for Stock {
        type Result = ();
        fn handle(&mut self, pass: Pass<Next>, _: &mut Self::Context) {
            match (pass, &self.0.next) {
                (Pass::Next(next), _) => self.0.next = Some(next),
                (Pass::Token(0), _) => self.0.done.send(()).expect("the bench waits"),
                (Pass::Token(left), Some(next)) => next.0.do_send(Pass::Token(left - 1)),
                (Pass::Token(_), None) => unreachable!("the ring is closed"),
            }
        }
    }

    let (done, all) = mpsc::channel();
    let start = move || {
        let member = |_| Stock(Member { next: None, done: done.clone() }).start();
        let members: Vec<Addr<Stock>> = (0..MEMBERS).map(member).collect();
        for (at, member) in members.iter().enumerate() {
            member.do_send(Pass::Next(Next(members[(at + 1) % MEMBERS].clone())));
        }
        members
    };
    with_arbiter(start, |members| {
        per_operation(HOPS, || {
            members[0].do_send(Pass::Token(HOPS));
            all.recv().expect("it ends");
        })
    })
}
