//! A simulated cluster of replicas, and what must be true of it at every moment.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use libprocess::Runtime;
use libprocess::sim::{Disk, Sim};
use replicated_log::{Config, Epoch, LeaderState, Replica};

use crate::registers::Registers;

pub(crate) struct World<'a> {
    pub(crate) sim: &'a mut Sim,
    pub(crate) members: Vec<Member>,
    masters: Vec<SocketAddr>,
    /// The highest epoch anybody has led in.
    epoch: Epoch,
    /// Shape: index → what the machine is once that is applied.
    states: BTreeMap<u64, Registers>,
    /// Whose disk fails.
    broken: Option<usize>,
}

pub(crate) struct Member {
    pub(crate) node: Runtime,
    pub(crate) replica: Replica<Registers>,
}

impl<'a> World<'a> {
    /// Replicas that were told of each other.
    pub(crate) fn of(sim: &'a mut Sim, size: u16) -> World<'a> {
        let nodes: Vec<Runtime> =
            (1..=size).map(|number| sim.node(&format!("10.0.0.{number}:5050"))).collect();
        let masters: Vec<SocketAddr> = nodes.iter().map(Runtime::address).collect();
        let members = Vec::new();
        let mut world =
            World { sim, members, masters, epoch: Epoch(0), states: BTreeMap::new(), broken: None };
        for node in nodes {
            let replica = world.open(&node);
            world.members.push(Member { node, replica });
        }
        world
    }

    fn open(&mut self, node: &Runtime) -> Replica<Registers> {
        let config = Config { masters: self.masters.clone(), ..Config::new("/log") };
        self.sim.block_on(Replica::open(node, config)).unwrap()
    }

    /// Kills a member and starts it again on what is left of its disk.
    pub(crate) fn restart(&mut self, number: usize, disk: Disk) {
        if self.broken == Some(number) {
            self.repair();
        }
        let node = self.sim.restart(&self.members[number].node, disk);
        let replica = self.open(&node);
        self.members[number] = Member { node, replica };
    }

    /// Lets a member's disk fail, if all others' work.
    pub(crate) fn break_disk(&mut self, number: usize, fail: impl FnOnce(&mut Sim, &Runtime)) {
        if self.broken.is_none() {
            fail(self.sim, &self.members[number].node);
            self.broken = Some(number);
        }
    }

    /// All disks work again; says whose did not.
    pub(crate) fn repair(&mut self) -> Option<usize> {
        let broken = self.broken.take()?;
        let node = &self.members[broken].node;
        self.sim.fill_disk(node, false);
        self.sim.fail_syncs(node, false);
        Some(broken)
    }

    /// Has a member do something, whatever comes of it.
    pub(crate) fn operate<F>(&mut self, number: usize, what: impl FnOnce(Replica<Registers>) -> F)
    where
        F: Future<Output = ()> + 'static,
    {
        let Member { node, replica } = &self.members[number];
        let job = Box::pin(what(replica.clone()));
        self.sim.on(node, || node.environment().spawner.local(job).detach());
    }

    /// Lets time pass in small steps, and looks after each.
    pub(crate) fn pass(&mut self, time: Duration) {
        let until = self.sim.now() + time;
        while self.sim.now() < until {
            self.sim.advance(Duration::from_millis(5));
            self.check();
        }
    }

    /// Lets time pass until somebody leads; says who.
    pub(crate) fn leader(&mut self, within: Duration) -> usize {
        let until = self.sim.now() + within;
        loop {
            if let Some(leader) = self.leads() {
                return leader;
            }
            assert!(self.sim.now() < until, "nobody leads after {within:?}: {:?}", self.standing());
            self.pass(Duration::from_millis(10));
        }
    }

    pub(crate) fn leads(&self) -> Option<usize> {
        self.members.iter().position(|member| member.leads().is_some())
    }

    fn standing(&self) -> Vec<LeaderState> {
        self.members.iter().map(|member| member.replica.leadership().get()).collect()
    }

    /// At most one leads; epochs rise; what is applied is the same everywhere.
    fn check(&mut self) {
        let leading: Vec<Epoch> = self.members.iter().filter_map(Member::leads).collect();
        assert!(leading.len() <= 1, "{leading:?} lead at one time");
        for epoch in leading {
            assert!(epoch >= self.epoch, "epoch {epoch} after {}", self.epoch);
            self.epoch = epoch;
        }
        for member in &self.members {
            let index = member.replica.applied().get();
            member.replica.read(|state| match self.states.get(&index) {
                Some(first) => assert_eq!(first, state, "two states at {index}"),
                None => drop(self.states.insert(index, state.clone())),
            });
        }
        while self.states.len() > 4096 {
            self.states.pop_first();
        }
    }
}

impl Member {
    /// The epoch in which this replica may act as the leader, right now.
    fn leads(&self) -> Option<Epoch> {
        match self.replica.leadership().get() {
            LeaderState::Leading(epoch) if self.replica.holds(epoch) => Some(epoch),
            _ => None,
        }
    }
}
