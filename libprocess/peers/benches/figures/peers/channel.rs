//! Tasks and channels of tokio, with nothing around them.

use tokio::sync::{mpsc, oneshot};

use super::{Back, answer, on_tokio};
use crate::measure::{cpu, resident};

pub(crate) fn tell(messages: u64, batch: u64) -> f64 {
    on_tokio(async {
        let (to, mut from) = mpsc::unbounded_channel::<(u64, Option<Back>)>();
        tokio::task::spawn_local(async move {
            let mut sum = 0u64;
            while let Some((value, back)) = from.recv().await {
                sum = sum.wrapping_add(value);
                answer(back);
            }
            std::hint::black_box(sum);
        });
        let before = cpu();
        for _ in 0..messages / batch {
            let (back, done) = oneshot::channel();
            (1..batch).for_each(|value| to.send((value, None)).expect("the sink lives"));
            to.send((0, Some(back))).expect("the sink lives");
            done.await.expect("the sink answers");
        }
        (cpu() - before) / messages as f64
    })
}

pub(crate) fn ring(members: usize, hops: u64) -> f64 {
    on_tokio(async {
        let (done, all) = oneshot::channel();
        let mut done = Some(done);
        let ends: Vec<_> = (0..members).map(|_| mpsc::unbounded_channel::<u64>()).collect();
        let senders: Vec<_> = ends.iter().map(|(sender, _)| sender.clone()).collect();
        for (at, (_, mut from)) in ends.into_iter().enumerate() {
            let next = senders[(at + 1) % members].clone();
            let done = if hops as usize % members == at { done.take() } else { None };
            tokio::task::spawn_local(async move {
                while let Some(left) = from.recv().await {
                    if left == 0 {
                        break;
                    }
                    next.send(left - 1).expect("the ring is closed");
                }
                answer(done);
                std::future::pending::<()>().await;
            });
        }
        let before = cpu();
        senders[0].send(hops).expect("the ring is closed");
        all.await.expect("it ends");
        (cpu() - before) / hops as f64
    })
}

pub(crate) fn ask(questions: u64) -> f64 {
    on_tokio(async {
        let (to, mut from) = mpsc::unbounded_channel::<(u64, oneshot::Sender<u64>)>();
        tokio::task::spawn_local(async move {
            while let Some((number, back)) = from.recv().await {
                let _ = back.send(number * 2);
            }
        });
        let before = cpu();
        for number in 0..questions {
            let (back, answer) = oneshot::channel();
            to.send((number, back)).expect("it lives");
            assert_eq!(answer.await, Ok(number * 2));
        }
        (cpu() - before) / questions as f64
    })
}

/// Spawns tasks with a channel each; measures time with a first message, or else memory without.
pub(crate) fn spawn(tasks: u64, idle: bool) -> f64 {
    on_tokio(async {
        let (done, mut all) = mpsc::unbounded_channel();
        let mut senders = Vec::with_capacity(tasks as usize);
        let (before, memory) = (cpu(), resident());
        for _ in 0..tasks {
            let (to, mut from) = mpsc::unbounded_channel::<mpsc::UnboundedSender<()>>();
            tokio::task::spawn_local(async move {
                while let Some(done) = from.recv().await {
                    let _ = done.send(());
                }
            });
            if !idle {
                to.send(done.clone()).expect("it lives");
            }
            senders.push(to);
        }
        if idle {
            tokio::task::yield_now().await;
            senders.last().expect("there are some").send(done).expect("it lives");
            all.recv().await;
            return (resident() - memory) / tasks as f64;
        }
        for _ in 0..tasks {
            all.recv().await;
        }
        (cpu() - before) / tasks as f64
    })
}
