//! kameo, with unbounded mailboxes.

use std::convert::Infallible;

use kameo::actor::{Actor, ActorRef, Spawn};
use kameo::mailbox::unbounded;
use kameo::message::{Context, Message};
use tokio::sync::{mpsc, oneshot};

use super::{Back, answer, on_tokio};
use crate::measure::{cpu, resident};

#[derive(Default)]
struct Peer {
    sum: u64,
    next: Option<ActorRef<Peer>>,
    done: Option<Back>,
}

impl Actor for Peer {
    type Args = Peer;
    type Error = Infallible;

    async fn on_start(peer: Peer, _: ActorRef<Peer>) -> Result<Peer, Infallible> {
        Ok(peer)
    }
}

enum Input {
    Told(u64, Option<Back>),
    Next(ActorRef<Peer>),
    Token(u64),
    First(mpsc::UnboundedSender<()>),
}

struct Double(u64);

impl Message<Input> for Peer {
    type Reply = ();

    async fn handle(&mut self, input: Input, _: &mut Context<Peer, ()>) {
        match input {
            Input::Told(value, back) => {
                self.sum = self.sum.wrapping_add(value);
                answer(back);
            }
            Input::Next(next) => self.next = Some(next),
            Input::Token(0) => answer(self.done.take()),
            Input::Token(left) => cast(self.next.as_ref().expect("closed"), Input::Token(left - 1)),
            Input::First(done) => {
                let _ = done.send(());
            }
        }
    }
}

impl Message<Double> for Peer {
    type Reply = u64;

    async fn handle(&mut self, Double(number): Double, _: &mut Context<Peer, u64>) -> u64 {
        number * 2
    }
}

fn cast(to: &ActorRef<Peer>, input: Input) {
    assert!(to.tell(input).try_send().is_ok(), "it lives");
}

fn peer(done: Option<Back>) -> ActorRef<Peer> {
    Peer::spawn_with_mailbox(Peer { done, ..Peer::default() }, unbounded())
}

pub(crate) fn tell(messages: u64, batch: u64) -> f64 {
    on_tokio(async {
        let to = peer(None);
        let before = cpu();
        for _ in 0..messages / batch {
            let (back, done) = oneshot::channel();
            (1..batch).for_each(|value| cast(&to, Input::Told(value, None)));
            cast(&to, Input::Told(0, Some(back)));
            done.await.expect("the sink answers");
        }
        (cpu() - before) / messages as f64
    })
}

pub(crate) fn ring(members: usize, hops: u64) -> f64 {
    on_tokio(async {
        let (done, all) = oneshot::channel();
        let mut done = Some(done);
        let last = hops as usize % members;
        let ring: Vec<_> = (0..members).map(|at| peer(if at == last { done.take() } else { None })).collect();
        for (at, member) in ring.iter().enumerate() {
            cast(member, Input::Next(ring[(at + 1) % members].clone()));
        }
        let before = cpu();
        cast(&ring[0], Input::Token(hops));
        all.await.expect("it ends");
        (cpu() - before) / hops as f64
    })
}

pub(crate) fn ask(questions: u64) -> f64 {
    on_tokio(async {
        let to = peer(None);
        let before = cpu();
        for number in 0..questions {
            let answer = to.ask(Double(number)).reply_timeout(std::time::Duration::from_secs(5)).await;
            assert_eq!(answer.ok(), Some(number * 2));
        }
        (cpu() - before) / questions as f64
    })
}

pub(crate) fn spawn(actors: u64, idle: bool) -> f64 {
    on_tokio(async {
        let (done, mut all) = mpsc::unbounded_channel();
        let mut peers = Vec::with_capacity(actors as usize);
        let (before, memory) = (cpu(), resident());
        for _ in 0..actors {
            let to = peer(None);
            if !idle {
                cast(&to, Input::First(done.clone()));
            }
            peers.push(to);
        }
        if idle {
            tokio::task::yield_now().await;
            cast(peers.last().expect("there are some"), Input::First(done));
            all.recv().await;
            return (resident() - memory) / actors as f64;
        }
        for _ in 0..actors {
            all.recv().await;
        }
        (cpu() - before) / actors as f64
    })
}
