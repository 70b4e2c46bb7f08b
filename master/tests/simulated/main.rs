//! A whole master in a simulated cluster: agents that pretend to run tasks, a scheduler that launches them, and a network
//! that fails. Weeks would fit; here it is minutes, under a few seeds.

mod agent;
mod scheduler;

use std::collections::BTreeMap;
use std::time::Duration;

use libprocess::http::Request;
use libprocess::sim::{Disk, Sim, seeds};
use libprocess::{Pid, Runtime, Spawn};
use rand::RngExt as _;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use agent::Pretender;
use scheduler::{Fate, Input, Loader, Seen};

const AGENTS: usize = 3;

/// A master, agents and a scheduler, each on a machine of its own.
struct Cluster<'a> {
    sim: &'a mut Sim,
    master: Runtime,
    agents: Vec<Runtime>,
    client: Runtime,
    loader: Pid<Loader>,
    seen: Seen,
}

impl<'a> Cluster<'a> {
    fn start(sim: &'a mut Sim) -> Self {
        let master = sim.node_with("10.0.0.1:5050", 3);
        let mut config = master::Config::default();
        config.settings.agent_reregister_timeout = Duration::from_secs(100);
        let pid = master::spawn(&master, config).expect("the name is free");
        sim.block_on(master::ready(&master, &pid)).expect("it comes to lead");
        let client = sim.node("10.0.0.9:1");
        let seen = Seen::default();
        let (address, shared, inside) = (master.address(), seen.clone(), client.clone());
        let make = move || Loader::new(address, shared, inside);
        let loader = client.spawn(Spawn::named("loader"), make).expect("the name is free");
        let mut cluster = Cluster { sim, master, agents: Vec::new(), client, loader, seen };
        for number in 0..AGENTS {
            let node = cluster.sim.node(&format!("10.0.1.{}:5051", number + 1));
            cluster.agents.push(node);
            cluster.begin_agent(number);
        }
        cluster
    }

    /// An agent without a memory begins on a machine.
    fn begin_agent(&mut self, number: usize) {
        let master = self.master.lookup("master").expect("it runs").bare();
        let node = &self.agents[number];
        let make = move || Pretender::new(master, number);
        node.spawn(Spawn::named("slave(1)"), make).expect("the name is free");
    }

    /// The machine of an agent is switched off and on again.
    fn restart_agent(&mut self, number: usize) {
        let node = self.agents[number].clone();
        self.agents[number] = self.sim.restart(&node, Disk::Kept);
        self.begin_agent(number);
    }

    /// Something goes wrong, and time passes.
    fn disturb(&mut self, chance: &mut ChaCha8Rng) {
        let agent = chance.random_range(0..AGENTS);
        let (master, other) = (self.master.clone(), self.agents[agent].clone());
        match chance.random_range(0..7) {
            0 => self.sim.partition(&master, &other),
            1 => self.sim.partition_one_way(&master, &other),
            2 => self.sim.cut(&master, &other),
            3 => self.restart_agent(agent),
            4 => self.sim.cut(&master, &self.client),
            5 => self.sim.partition(&master, &self.client),
            _ => self.sim.heal_all(),
        }
        self.sim.advance(Duration::from_secs(chance.random_range(1..60)));
    }

    fn state(&mut self) -> Value {
        let mut answer = self.sim.request(&self.master, Request::get("/state"));
        let body = self.sim.block_on(answer.bytes(16 << 20)).expect("a whole answer");
        serde_json::from_slice(&body).expect("JSON")
    }

    /// Everything heals and ends; what nobody uses any more is nobody's.
    fn finish(mut self) {
        self.sim.heal_all();
        self.loader.tell(Input::Stop).expect("the scheduler runs");
        self.sim.advance(Duration::from_secs(1500));
        let state = self.state();
        let slaves = state["slaves"].as_array().expect("a list");
        assert_eq!(slaves.len(), AGENTS, "every machine has one agent, whatever became of earlier ones");
        for slave in slaves {
            assert_eq!(slave["used_resources"]["cpus"], 0.0, "nothing is used: {slave}");
            assert_eq!(slave["resources"]["cpus"], 4.0);
        }
        let framework = &state["frameworks"][0];
        assert_eq!(framework["tasks"].as_array().map(Vec::len), Some(0), "{}", framework["tasks"]);
        let seen = self.seen.lock().expect("nobody panicked");
        let here: Vec<String> = slaves.iter().map(|slave| slave["id"].to_string()).collect();
        let open = |fate: &Fate| match fate {
            Fate::Open => true,
            Fate::Unreachable(agent) => here.contains(agent),
            Fate::Over => false,
        };
        let left: BTreeMap<_, _> = seen.tasks.iter().filter(|(_, fate)| open(fate)).collect();
        assert!(
            left.is_empty(),
            "the scheduler knows how each of {} tasks ended, but {left:?}",
            seen.tasks.len()
        );
        assert!(seen.tasks.len() > 5, "it launched only {}", seen.tasks.len());
    }
}

#[test]
fn tasks_run_to_their_end_when_nothing_fails() {
    seeds(0..3, |sim| {
        let cluster = Cluster::start(sim);
        cluster.sim.advance(Duration::from_secs(120));
        cluster.finish();
    });
}

#[test]
fn every_heartbeat_is_counted() {
    seeds(0..1, |sim| {
        let cluster = Cluster::start(sim);
        cluster.sim.advance(Duration::from_secs(50));
        let shown = cluster.master.metrics().snapshot();
        let beats =
            shown.iter().find(|(name, _)| name.ends_with("/events/heartbeat")).expect("it subscribed");
        assert_eq!(*beats.1, 4.0, "one with the answer, then every 15 seconds");
    });
}

#[test]
fn whatever_fails_every_task_is_accounted_for_and_nothing_stays_used() {
    seeds(0..6, |sim| {
        let mut chance = ChaCha8Rng::seed_from_u64(sim.seed());
        let mut cluster = Cluster::start(sim);
        cluster.sim.advance(Duration::from_secs(30));
        for _ in 0..12 {
            cluster.disturb(&mut chance);
        }
        cluster.finish();
    });
}

#[test]
fn one_seed_is_one_history() {
    let history = |seed| {
        let mut sim = Sim::new(seed);
        let mut chance = ChaCha8Rng::seed_from_u64(seed);
        let mut cluster = Cluster::start(&mut sim);
        for _ in 0..4 {
            cluster.disturb(&mut chance);
        }
        drop(cluster);
        sim.trace_hash()
    };
    assert_eq!(history(1), history(1));
    assert_ne!(history(1), history(2));
}
