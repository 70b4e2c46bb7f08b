//! ractor, whose actors are tasks with four channels.

use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use tokio::sync::{mpsc, oneshot};

use super::{Back, answer, on_tokio};
use crate::measure::{cpu, resident};

enum Input {
    Told(u64, Option<Back>),
    Next(ActorRef<Input>),
    Token(u64),
    Double(u64, RpcReplyPort<u64>),
    First(mpsc::UnboundedSender<()>),
}

struct Peer;

#[derive(Default)]
struct State {
    sum: u64,
    next: Option<ActorRef<Input>>,
    done: Option<Back>,
}

impl Actor for Peer {
    type Msg = Input;
    type State = State;
    type Arguments = Option<Back>;

    async fn pre_start(&self, _: ActorRef<Input>, done: Option<Back>) -> Result<State, ActorProcessingErr> {
        Ok(State { done, ..State::default() })
    }

    async fn handle(
        &self,
        _: ActorRef<Input>,
        input: Input,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match input {
            Input::Told(value, back) => {
                state.sum = state.sum.wrapping_add(value);
                answer(back);
            }
            Input::Next(next) => state.next = Some(next),
            Input::Token(0) => answer(state.done.take()),
            Input::Token(left) => state.next.as_ref().expect("closed").cast(Input::Token(left - 1))?,
            Input::Double(number, back) => back.send(number * 2)?,
            Input::First(done) => {
                let _ = done.send(());
            }
        }
        Ok(())
    }
}

async fn peer(done: Option<Back>) -> ActorRef<Input> {
    Actor::spawn(None, Peer, done).await.expect("it starts").0
}

pub(crate) fn tell(messages: u64, batch: u64) -> f64 {
    on_tokio(async {
        let to = peer(None).await;
        let before = cpu();
        for _ in 0..messages / batch {
            let (back, done) = oneshot::channel();
            (1..batch).for_each(|value| to.cast(Input::Told(value, None)).expect("the sink lives"));
            to.cast(Input::Told(0, Some(back))).expect("the sink lives");
            done.await.expect("the sink answers");
        }
        (cpu() - before) / messages as f64
    })
}

pub(crate) fn ring(members: usize, hops: u64) -> f64 {
    on_tokio(async {
        let (done, all) = oneshot::channel();
        let mut done = Some(done);
        let mut ring = Vec::new();
        for at in 0..members {
            ring.push(peer(if hops as usize % members == at { done.take() } else { None }).await);
        }
        for (at, member) in ring.iter().enumerate() {
            member.cast(Input::Next(ring[(at + 1) % members].clone())).expect("it lives");
        }
        let before = cpu();
        ring[0].cast(Input::Token(hops)).expect("it lives");
        all.await.expect("it ends");
        (cpu() - before) / hops as f64
    })
}

pub(crate) fn ask(questions: u64) -> f64 {
    on_tokio(async {
        let to = peer(None).await;
        let before = cpu();
        for number in 0..questions {
            let within = Some(std::time::Duration::from_secs(5));
            let answer = to.call(|back| Input::Double(number, back), within).await.expect("it lives");
            assert_eq!(answer.expect("an answer"), number * 2);
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
            let to = peer(None).await;
            if !idle {
                to.cast(Input::First(done.clone())).expect("it lives");
            }
            peers.push(to);
        }
        if idle {
            peers.last().expect("there are some").cast(Input::First(done)).expect("it lives");
            all.recv().await;
            return (resident() - memory) / actors as f64;
        }
        for _ in 0..actors {
            all.recv().await;
        }
        (cpu() - before) / actors as f64
    })
}
