//! In order for each pair of processes, wherever they live and whoever else is speaking.

use std::collections::BTreeMap;
use std::sync::mpsc;

use libprocess::{
    Actor, Bound, Config, Context, Doors, Handler, Message, Pid, Process, Received, Shard, Spawn, Upid,
};
use libprocess_wire as wire;
use proptest::prelude::*;

use crate::probe::{LONG, Node};

#[wire::message(name = "test.numbered", version = 1)]
struct Numbered {
    number: u64,
}

enum Input {
    Numbered(Received<Numbered>),
    /// Sends the next numbers to so many, by address or by type.
    Burst(usize, Vec<Pid<Member>>, bool),
}

impl From<Received<Numbered>> for Input {
    fn from(numbered: Received<Numbered>) -> Input {
        Input::Numbered(numbered)
    }
}

impl Message for Input {
    type Result = ();
}

struct Member {
    sent: BTreeMap<Upid, u64>,
    heard: mpsc::Sender<(Upid, Upid, u64)>,
}

impl Actor for Member {
    type Context = Context<Self>;
}

impl Process for Member {
    const KIND: &'static str = "member";
    type Input = Input;

    fn doors(&self, doors: &mut Doors<Self>) {
        doors.message::<Numbered>();
    }
}

impl Handler<Input> for Member {
    type Result = ();

    fn handle(&mut self, input: Input, ctx: &mut Context<Self>) {
        match input {
            Input::Numbered(Received { from, body, .. }) => {
                let _ = self.heard.send((from, ctx.upid().clone(), body.number));
            }
            Input::Burst(messages, others, by_type) => {
                for _ in 0..messages {
                    for to in &others {
                        let sent = self.sent.entry(to.upid().clone()).or_default();
                        *sent += 1;
                        let body = Numbered { number: *sent };
                        let from = ctx.upid().clone();
                        let told = match by_type && from.address() == to.upid().address() {
                            true => ctx.tell(to, Input::Numbered(Received { from, principal: None, body })),
                            false => ctx.send(to.upid(), body),
                        };
                        told.expect("there is room");
                    }
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn every_pair_hears_in_order_and_all(
        bursts in proptest::collection::vec((0usize..6, 1usize..60, any::<bool>()), 1..30),
    ) {
        let start = || Node::with(Config { shards: 2, http_workers: 0, ..Config::default() });
        let nodes = [start(), start()];
        let (heard, all) = mpsc::channel();
        let members: Vec<Pid<Member>> = (0..6)
            .map(|at| {
                let heard = heard.clone();
                let spawn = Spawn::prefixed("member").shard(Shard::At(at)).mailbox(Bound::messages(1 << 20));
                let make = move || Member { sent: BTreeMap::new(), heard };
                nodes[at % 2].runtime.spawn(spawn, make).unwrap()
            })
            .collect();
        let mut expected = 0;
        for (who, messages, by_type) in bursts {
            expected += messages * members.len();
            members[who].tell(Input::Burst(messages, members.clone(), by_type)).unwrap();
        }
        let mut last: BTreeMap<(Upid, Upid), u64> = BTreeMap::new();
        for _ in 0..expected {
            let (from, to, number) = all.recv_timeout(LONG).expect("all arrive");
            let before = last.insert((from, to), number).unwrap_or(0);
            prop_assert_eq!(number, before + 1);
        }
    }
}
