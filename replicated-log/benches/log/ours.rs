//! Three replicas of ours, each on a node of its own.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::join_all;
use libprocess::Runtime;
use replicated_log::{Config, LeaderState, Machine, Replica, View};

use crate::{Rate, rate};

/// Keeps nothing but a count: the log is what is measured.
#[derive(Default)]
pub(crate) struct Count(u64);

impl Machine for Count {
    const VERSION: u32 = 1;
    type Delta = Vec<u8>;
    type Output = u64;
    type Error = std::convert::Infallible;

    fn apply(&mut self, _: u64, _: Vec<u8>) -> Result<u64, Self::Error> {
        self.0 += 1;
        Ok(self.0)
    }

    fn snapshot(&self) -> View {
        let count = self.0;
        View::new(move |to| to.write_all(&count.to_le_bytes()))
    }

    fn restore(from: &mut dyn std::io::Read) -> std::io::Result<Count> {
        let mut bytes = [0; 8];
        from.read_exact(&mut bytes)?;
        Ok(Count(u64::from_le_bytes(bytes)))
    }
}

pub(crate) struct Cluster(RefCell<Vec<Member>>);

#[derive(Clone)]
struct Member {
    node: Runtime,
    replica: Replica<Count>,
    config: Config,
}

impl Cluster {
    pub(crate) fn start(dir: &Path) -> Cluster {
        let nodes: Vec<Runtime> =
            (0..3).map(|_| Runtime::start(libprocess::Config::default()).unwrap()).collect();
        let masters: Vec<_> = nodes.iter().map(Runtime::address).collect();
        let members = nodes.into_iter().enumerate().map(|(number, node)| {
            let config = Config { masters: masters.clone(), ..Config::new(dir.join(number.to_string())) };
            Member::open(node, config)
        });
        Cluster(RefCell::new(members.collect()))
    }

    fn leader(&self) -> (usize, Member) {
        loop {
            let members = self.0.borrow();
            let leads = |member: &Member| match member.replica.leadership().get() {
                LeaderState::Leading(epoch) => member.replica.holds(epoch),
                _ => false,
            };
            if let Some(number) = members.iter().position(leads) {
                return (number, members[number].clone());
            }
            drop(members);
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Clients on the leader's node, each proposing one after the other.
    pub(crate) fn writes(&self, clients: usize, slice: Duration) -> Rate {
        self.load(clients, slice, |replica| async move { replica.propose(vec![7; 256]).await.is_ok() })
    }

    /// The same, reading what was answered before.
    pub(crate) fn reads(&self, clients: usize, slice: Duration) -> Rate {
        self.load(clients, slice, |replica| async move {
            let read = replica.linearizable().await.is_ok();
            read && replica.read(|count| count.0) > 0
        })
    }

    fn load<F: Future<Output = bool>>(
        &self,
        clients: usize,
        slice: Duration,
        act: impl Fn(Replica<Count>) -> F,
    ) -> Rate {
        let (_, leader) = self.leader();
        let (node, until) = (leader.node.clone(), leader.node.elapsed() + slice);
        let act = Rc::new(act);
        let client = || {
            let (act, node, replica) = (act.clone(), node.clone(), leader.replica.clone());
            async move {
                let mut took = Vec::new();
                while node.elapsed() < until {
                    let began = node.elapsed();
                    if act(replica.clone()).await {
                        took.push(node.elapsed() - began);
                    }
                }
                took
            }
        };
        let took = leader.node.block_on(join_all((0..clients).map(|_| client())));
        rate(took, slice)
    }

    /// Stops the leader's node, again and again; how long until the next write is answered.
    pub(crate) fn losses(&self, times: usize) -> Vec<Duration> {
        (0..times).map(|_| self.loss()).collect()
    }

    fn loss(&self) -> Duration {
        let (number, leader) = self.leader();
        let _ = leader.node.block_on(leader.replica.propose(vec![1]));
        let watch = self.0.borrow()[(number + 1) % 3].node.clone();
        let lost = self.0.borrow_mut().remove(number);
        let address = lost.node.address();
        let began = watch.elapsed();
        lost.node.shutdown();
        loop {
            let (_, next) = self.leader();
            if next.node.block_on(next.replica.propose(vec![1])).is_ok() {
                break;
            }
        }
        let missed = watch.elapsed() - began;
        let node = loop {
            let settings = libprocess::Config { listen: Some(address), ..libprocess::Config::default() };
            match Runtime::start(settings) {
                Ok(node) => break node,
                Err(_) => std::thread::sleep(Duration::from_millis(10)),
            }
        };
        self.0.borrow_mut().push(Member::open(node, lost.config));
        // Until it is one of three again.
        std::thread::sleep(Duration::from_secs(1));
        missed
    }
}

impl Member {
    fn open(node: Runtime, config: Config) -> Member {
        let replica = node.block_on(Replica::open(&node, config.clone())).unwrap();
        Member { node, replica, config }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.0.borrow_mut().drain(..).for_each(|member| member.node.shutdown());
    }
}
