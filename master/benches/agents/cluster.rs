//! Masters to come to: three with a log, or one with none.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use libprocess::{Config, Runtime, Spawn, Upid};
use master::registrar::Registry;
use master::{Published, Standing};
use replicated_log::Replica;

use crate::pretender::{Begin, Pretender};
use crate::{STUCK, Size};

/// Between two looks.
const POLL: Duration = Duration::from_millis(1);

fn node(shards: usize) -> Runtime {
    let config = Config { shards, stuck_after: Some(STUCK), ..Config::default() };
    Runtime::start(config).expect("loopback has a free port")
}

/// Waits until `check` holds, and says when it did.
fn when(runtime: &Runtime, mut check: impl FnMut() -> bool) -> Duration {
    runtime.block_on(async {
        while !check() {
            runtime.sleep(POLL).await;
        }
    });
    runtime.elapsed()
}

/// Agents in a program of their own, and masters in one each.
pub(crate) struct Cluster {
    masters: Vec<(Runtime, Published)>,
    agents: Runtime,
    known: Arc<AtomicUsize>,
    scratch: PathBuf,
}

impl Cluster {
    pub(crate) fn start(size: usize) -> Cluster {
        let scratch = std::env::temp_dir().join(format!("hectare-bench-{}", std::process::id()));
        let nodes: Vec<Runtime> = (0..size).map(|_| node(2)).collect();
        let addresses: Vec<_> = nodes.iter().map(Runtime::address).collect();
        let open = |(number, node): (usize, Runtime)| {
            let mut log = replicated_log::Config::new(scratch.join(number.to_string()));
            log.masters = addresses.clone();
            let replica: Replica<Registry> =
                node.block_on(Replica::open(&node, log)).expect("a new directory");
            let Standing { published, .. } =
                master::stand(&node, master::Config::default(), replica).expect("the name is free");
            (node, published)
        };
        let masters = nodes.into_iter().enumerate().map(open).collect();
        let cluster = Cluster { masters, agents: node(1), known: Arc::default(), scratch };
        cluster.leader();
        cluster
    }

    fn leader(&self) -> usize {
        let mut leader = None;
        when(&self.agents, || {
            leader = self.masters.iter().position(|(_, published)| published.load().leading);
            leader.is_some()
        });
        leader.expect("it was found")
    }

    /// How long it takes until all agents have an id.
    pub(crate) fn register(&self, size: Size) -> Duration {
        let masters: Vec<Upid> =
            self.masters.iter().map(|(node, _)| Upid::new("master", node.address())).collect();
        let agents: Vec<_> = (0..size.agents)
            .map(|number| {
                let (mut masters, known) = (masters.clone(), self.known.clone());
                let first = number % masters.len();
                masters.rotate_left(first);
                let make = move || Pretender::new(number, size.tasks, None, masters, known);
                self.agents.spawn(Spawn::named(format!("slave({number})")), make).expect("the name is free")
            })
            .collect();
        let began = self.agents.elapsed();
        for agent in agents {
            agent.tell(Begin.into()).expect("it runs");
        }
        when(&self.agents, || self.known.load(Ordering::Relaxed) == size.agents) - began
    }

    /// The leader goes. How long it takes from the next election until everybody is back, and how often a handler of the
    /// new leader's program held its thread too long.
    pub(crate) fn fail_over(&mut self, size: Size) -> (Duration, u64) {
        self.known.store(0, Ordering::Relaxed);
        let (gone, _) = self.masters.remove(self.leader());
        gone.shutdown();
        let next = self.leader();
        let began = self.agents.elapsed();
        let (node, published) = &self.masters[next];
        let stuck =
            || node.metrics().snapshot().get("libprocess/handlers_stuck").copied().unwrap_or_default();
        let before = stuck();
        when(&self.agents, || self.known.load(Ordering::Relaxed) >= size.agents);
        let took = self.agents.elapsed() - began;
        let snapshot = published.load();
        let tasks: usize = snapshot.frameworks.values().map(|framework| framework.tasks.len()).sum();
        assert_eq!((snapshot.agents.len(), tasks), (size.agents, size.agents * size.tasks));
        (took, (stuck() - before) as u64)
    }

    pub(crate) fn end(self) {
        self.agents.shutdown();
        self.masters.iter().for_each(|(node, _)| node.shutdown());
        let _ = std::fs::remove_dir_all(&self.scratch);
    }
}

/// A master without a log, in one program with its agents.
pub(crate) struct Alone {
    node: Runtime,
    master: Upid,
}

impl Alone {
    pub(crate) fn start() -> Alone {
        let node = node(2);
        let master = master::spawn(&node, master::Config::default()).expect("the name is free");
        node.block_on(master::ready(&node, &master)).expect("it comes to lead");
        Alone { master: master.upid().bare(), node }
    }

    /// All agents come with an id that another master gave them. By how much the program has grown for it, in bytes, and
    /// how long it took.
    pub(crate) fn register(self, size: Size) -> (f64, Duration) {
        let known: Arc<AtomicUsize> = Arc::default();
        let agents: Vec<_> = (0..size.agents)
            .map(|number| {
                let (masters, known) = (vec![self.master.clone()], known.clone());
                let id = format!("6f1c5e0a-1d7a-4c51-9d3c-2a0d5f7e8b11-S{number}");
                let make = move || Pretender::new(number, size.tasks, Some(id.into()), masters, known);
                self.node.spawn(Spawn::named(format!("slave({number})")), make).expect("the name is free")
            })
            .collect();
        let before = resident();
        let began = self.node.elapsed();
        for agent in agents {
            agent.tell(Begin.into()).expect("it runs");
        }
        let took = when(&self.node, || known.load(Ordering::Relaxed) == size.agents) - began;
        let grown = resident() - before;
        self.node.shutdown();
        (grown, took)
    }
}

/// What this program holds of memory, in bytes.
fn resident() -> f64 {
    const PAGE: f64 = 4096.0;
    let pages = std::fs::read_to_string("/proc/self/statm").ok();
    let resident = pages.and_then(|pages| pages.split(' ').nth(1)?.parse::<f64>().ok());
    resident.unwrap_or_default() * PAGE
}
