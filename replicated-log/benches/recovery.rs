//! How long a replica with the registry of 50,000 agents takes from its start until it writes again.
//!
//! `cargo bench -p replicated-log --bench recovery`. `HECTARE_BENCH_DIR` says on which disk.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use libprocess::Runtime;
use libprocess_wire as wire;
use replicated_log::{Config, Machine, Replica, View};

/// What a registry holds of one agent. Unit: bytes.
const AGENT: usize = 400;
const AGENTS: u64 = 50_000;
const ROUNDS: usize = 5;

/// Shape: agent → what is known of it.
#[derive(Default)]
struct Agents(Arc<BTreeMap<u64, Vec<u8>>>);

/// Takes in so many agents.
#[wire::part]
struct Admit(u64);

impl Machine for Agents {
    const VERSION: u32 = 1;
    type Delta = Admit;
    type Output = ();
    type Error = std::convert::Infallible;

    fn apply(&mut self, _: u64, Admit(many): Admit) -> Result<(), Self::Error> {
        let agents = Arc::make_mut(&mut self.0);
        let known = agents.len() as u64;
        agents.extend((known..known + many).map(|agent| (agent, vec![agent as u8; AGENT])));
        Ok(())
    }

    fn snapshot(&self) -> View {
        let agents = self.0.clone();
        View::new(move |to| agents.iter().try_for_each(|(_, agent)| to.write_all(agent)))
    }

    fn restore(from: &mut dyn Read) -> io::Result<Agents> {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes)?;
        Ok(Agents(Arc::new((0..).zip(bytes.chunks(AGENT).map(<[u8]>::to_vec)).collect())))
    }
}

fn main() {
    let base = std::env::var_os("HECTARE_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    let dir = base.join(format!("recovery-bench-{}", std::process::id()));
    let mut took = Vec::new();
    // One node at one address, which starts again and again.
    let mut address = None;
    for round in 0..=ROUNDS {
        let listen = libprocess::Config { http_workers: 1, ..Default::default() };
        let listen = libprocess::Config { listen: address.or(listen.listen), ..listen };
        let node = Runtime::start(listen).expect("a node");
        address = Some(node.address());
        let began = node.elapsed();
        let replica: Replica<Agents> =
            node.block_on(Replica::open(&node, Config::new(&dir))).expect("a replica");
        let opened = node.elapsed() - began;
        while node.block_on(replica.propose(Admit(0))).is_err() {
            std::thread::sleep(Duration::from_millis(1));
        }
        let writes = node.elapsed() - began;
        if round == 0 {
            node.block_on(replica.propose(Admit(AGENTS))).expect("agents");
            node.block_on(replica.snapshot()).expect("a snapshot");
            while replica.status().get().snapshot == 0 {
                std::thread::sleep(Duration::from_millis(1));
            }
        } else {
            assert_eq!(replica.read(|agents| agents.0.len() as u64), AGENTS);
            took.push((opened, writes));
        }
        node.block_on(replica.close());
        node.shutdown();
    }
    took.sort();
    let (opened, writes) = took[took.len() / 2];
    println!(
        "{AGENTS} agents of {AGENT} B: open after {} ms, writes after {} ms",
        opened.as_millis(),
        writes.as_millis()
    );
    std::fs::remove_dir_all(&dir).expect("the directory of this bench");
}
