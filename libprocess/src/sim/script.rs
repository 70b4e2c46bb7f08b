//! Trouble by seed: what goes wrong, how often, and for how long.

use std::fmt;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use rand::RngExt;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

use super::core::stream;
use super::{Disk, Sim};
use crate::Runtime;

/// One way in which things go wrong.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// The way between two nodes is closed.
    Partition,
    /// The way from one node to another is closed, not that back.
    OneWay,
    /// All connections between two nodes break.
    Cut,
    /// Packets between two nodes take so long.
    Slow(RangeInclusive<Duration>),
    /// The ways between two nodes carry so little that whoever writes has to wait. Unit: bytes a second.
    Narrow(u64),
    /// A node does nothing, as one that swaps.
    Pause,
    /// A node is killed, and starts again with what its disk kept.
    Kill(Disk),
    /// A node loses its power without a word to anybody, and starts again.
    PowerOff(Disk),
    /// A node's blocking jobs take so much longer.
    SlowDisk(Duration),
    /// A node's disk takes no more.
    FullDisk,
    /// A node's flushes fail.
    FailingSync,
    /// A node's wall clock jumps by at most so much, either way, and back. Unit: seconds.
    Skew(f64),
}

/// What may go wrong in a simulation, drawn from its seed: [`Sim::trouble`].
///
/// ```
/// # use std::time::Duration;
/// use libprocess::sim::{Disk, Fault, Faults, Sim};
///
/// let mut sim = Sim::new(7);
/// let nodes = ["10.0.0.1:5050", "10.0.0.2:5050", "10.0.0.3:5050"].map(|address| sim.node(address));
/// let faults = Faults::of([Fault::Partition, Fault::Kill(Disk::Torn), Fault::Skew(30.0)])
///     .every(Duration::from_secs(1)..=Duration::from_secs(5))
///     .lasting(Duration::from_millis(100)..=Duration::from_secs(10));
/// let troubles = sim.trouble(&faults, Duration::from_secs(120), |_sim, node| {
///     // Its processes are to be spawned again.
///     assert!(nodes.iter().any(|known| known.address() == node.address()));
/// });
/// assert!(troubles.len() > 5);
/// ```
#[derive(Clone, Debug)]
pub struct Faults {
    kinds: Vec<Fault>,
    every: RangeInclusive<Duration>,
    lasting: RangeInclusive<Duration>,
    most: usize,
}

impl Faults {
    /// One of these at a time, every one to ten seconds, for a tenth of a second to ten seconds.
    pub fn of(kinds: impl IntoIterator<Item = Fault>) -> Faults {
        Faults {
            kinds: kinds.into_iter().collect(),
            every: Duration::from_secs(1)..=Duration::from_secs(10),
            lasting: Duration::from_millis(100)..=Duration::from_secs(10),
            most: 1,
        }
    }

    /// How much time lies between the beginnings of two.
    pub fn every(self, every: RangeInclusive<Duration>) -> Faults {
        Faults { every, ..self }
    }

    /// How long each lasts.
    pub fn lasting(self, lasting: RangeInclusive<Duration>) -> Faults {
        Faults { lasting, ..self }
    }

    /// How many there may be at once.
    pub fn at_most(self, most: usize) -> Faults {
        Faults { most, ..self }
    }
}

/// Something that went wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Trouble {
    pub fault: Fault,
    /// One node, or two.
    pub nodes: Vec<SocketAddr>,
    /// Since the simulation began.
    pub from: Duration,
    pub until: Duration,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Trouble { fault, nodes, from, until } = self;
        write!(f, "{from:?} to {until:?}: {fault:?} of {nodes:?}")
    }
}

impl Sim {
    /// Lets time pass with trouble in it; at its end all is well again. `restarted` is called for each
    /// node that started again, to spawn its processes. Returns what went wrong, for the report of a
    /// failure and for tests that count whether everything did.
    pub fn trouble(
        &mut self,
        faults: &Faults,
        time: Duration,
        mut restarted: impl FnMut(&mut Sim, &Runtime),
    ) -> Vec<Trouble> {
        let (begun, end) = (self.now(), self.now() + time);
        let mut chance = stream(self.seed(), &["faults", &begun.as_nanos().to_string()]);
        let (mut active, mut past): (Vec<Trouble>, Vec<Trouble>) = (Vec::new(), Vec::new());
        let mut next = begun + between(&mut chance, &faults.every);
        loop {
            let then = active.iter().map(|trouble| trouble.until).chain([next, end]).min().unwrap_or(end);
            self.advance(then.saturating_sub(self.now()));
            let now = self.now();
            for trouble in active.extract_if(.., |trouble| trouble.until <= now || now >= end) {
                self.mend(&trouble, &mut restarted);
                past.push(Trouble { until: now, ..trouble });
            }
            if now >= end {
                return past;
            }
            if now >= next {
                next = now + between(&mut chance, &faults.every);
                if active.len() < faults.most {
                    let until = now + between(&mut chance, &faults.lasting);
                    active.extend(self.strike(&mut chance, faults, &active, until));
                }
            }
        }
    }

    /// Something goes wrong, if there is somebody left whom it can befall.
    fn strike(
        &mut self,
        chance: &mut ChaCha8Rng,
        faults: &Faults,
        active: &[Trouble],
        until: Duration,
    ) -> Option<Trouble> {
        let fault = faults.kinds.choose(chance)?.clone();
        let spared = |address: &SocketAddr| !active.iter().any(|trouble| trouble.nodes.contains(address));
        let runs = |address: &SocketAddr| self.life(*address).is_some();
        let healthy: Vec<SocketAddr> = self.machines.keys().copied().filter(spared).filter(runs).collect();
        let nodes: Vec<SocketAddr> = healthy.sample(chance, fault.befalls()).copied().collect();
        if nodes.len() < fault.befalls() {
            return None;
        }
        let (one, other) = (nodes[0], nodes[nodes.len() - 1]);
        match &fault {
            Fault::Partition => {
                self.core().network.lock().close((one, other));
                self.core().network.lock().close((other, one));
            }
            Fault::OneWay => self.core().network.lock().close((one, other)),
            Fault::Cut => self.cut_between(one, other),
            Fault::Slow(latency) => self.usual(one, other, Some(latency.clone())),
            Fault::Narrow(rate) => self.narrow_between(one, other, Some(*rate)),
            Fault::Pause => self.life(one).iter().for_each(|life| life.pause()),
            Fault::Kill(_) => self.end(one, true),
            Fault::PowerOff(_) => self.end(one, false),
            Fault::SlowDisk(slow) => self.life(one).iter().for_each(|life| life.spawner.set_slow(*slow)),
            Fault::FullDisk => self.machines[&one].disk.set_full(true),
            Fault::FailingSync => self.machines[&one].disk.set_failing(true),
            Fault::Skew(most) => self.skew_at(one, chance.random_range(-most..=*most)),
        }
        Some(Trouble { fault, nodes, from: self.now(), until })
    }

    fn mend(&mut self, trouble: &Trouble, restarted: &mut impl FnMut(&mut Sim, &Runtime)) {
        let (one, other) = (trouble.nodes[0], trouble.nodes[trouble.nodes.len() - 1]);
        match &trouble.fault {
            Fault::Partition | Fault::OneWay => {
                self.open((one, other));
                self.open((other, one));
            }
            Fault::Cut => {}
            Fault::Slow(_) => self.usual(one, other, None),
            Fault::Narrow(_) => self.narrow_between(one, other, None),
            Fault::Pause => {
                let core = self.core().clone();
                self.life(one).iter().for_each(|life| life.resume(&core));
            }
            Fault::Kill(disk) | Fault::PowerOff(disk) => {
                let node = self.restart_at(one, *disk);
                restarted(self, &node);
            }
            Fault::SlowDisk(_) => {
                self.life(one).iter().for_each(|life| life.spawner.set_slow(Duration::ZERO));
            }
            Fault::FullDisk => self.machines[&one].disk.set_full(false),
            Fault::FailingSync => self.machines[&one].disk.set_failing(false),
            Fault::Skew(_) => self.skew_at(one, 0.0),
        }
    }
}

impl Fault {
    /// How many nodes it takes.
    fn befalls(&self) -> usize {
        match self {
            Fault::Partition | Fault::OneWay | Fault::Cut | Fault::Slow(_) | Fault::Narrow(_) => 2,
            _ => 1,
        }
    }
}

fn between(chance: &mut ChaCha8Rng, range: &RangeInclusive<Duration>) -> Duration {
    *range.start() + range.end().saturating_sub(*range.start()).mul_f64(chance.random())
}
