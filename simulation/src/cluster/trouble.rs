//! What can go wrong in a cluster, one thing at a time, each with its end.

use std::fmt;
use std::time::Duration;

use libprocess::sim::Disk;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Cluster, Part};

/// Something that goes wrong, and is put right again.
#[derive(Clone, Debug, PartialEq)]
pub struct Trouble {
    /// Since the beginning.
    pub from: Duration,
    pub until: Duration,
    pub what: What,
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// Its process is killed, and starts again with what its disk kept.
    Kill(Part, Disk),
    /// A machine loses its power; its agent and all its tasks with it.
    Reboot(usize),
    /// Nothing reaches it, and nothing of it reaches others.
    Isolate(Part),
    /// What the first sends does not reach the second.
    OneWay(Part, Part),
    /// All connections between two break, once.
    Cut(Part, Part),
    /// What it sends and is sent takes so long.
    Slow(Part, Duration),
    /// It does nothing for a while, as a machine that swaps.
    Pause(Part),
    /// Each of its writes takes so much longer.
    SlowDisk(Part, Duration),
    /// Its disk takes no more.
    FullDisk(Part),
    /// Its wall clock is wrong by so many seconds.
    Skew(Part, i64),
}

/// Draws what goes wrong in a cluster of this size, one to `most` things at a time.
pub(crate) fn draw(
    seed: u64,
    (masters, agents, frameworks): (usize, usize, usize),
    (from, until): (Duration, Duration),
    every: Duration,
) -> Vec<Trouble> {
    let mut chance = ChaCha8Rng::seed_from_u64(seed ^ 0x7472_6f75_626c_6573);
    let (mut troubles, mut at) = (Vec::new(), from);
    loop {
        at += every.mul_f64(chance.random_range(0.2..1.8));
        if at >= until {
            return troubles;
        }
        let lasts = Duration::from_secs_f64(20.0 * chance.random::<f64>().powi(2) + 0.1);
        let end = (at + lasts).min(until);
        let what = one(&mut chance, masters, agents, frameworks);
        // A majority of masters is down at times, but not one part by two causes: each would end the other.
        let clear = |trouble: &Trouble| trouble.until <= at || !trouble.what.meets(&what);
        if what.is_possible() && troubles.iter().all(clear) {
            troubles.push(Trouble { from: at, until: end, what });
        }
    }
}

fn one(chance: &mut ChaCha8Rng, masters: usize, agents: usize, frameworks: usize) -> What {
    let part = |chance: &mut ChaCha8Rng| match chance.random_range(0..10) {
        0..4 => Part::Master(chance.random_range(0..masters)),
        4..8 if agents > 0 => Part::Agent(chance.random_range(0..agents)),
        _ if frameworks > 0 => Part::Framework(chance.random_range(0..frameworks)),
        _ => Part::Master(chance.random_range(0..masters)),
    };
    let server = |chance: &mut ChaCha8Rng| match agents > 0 && chance.random_bool(0.5) {
        true => Part::Agent(chance.random_range(0..agents)),
        false => Part::Master(chance.random_range(0..masters)),
    };
    let millis = |chance: &mut ChaCha8Rng, most| Duration::from_millis(chance.random_range(1..most));
    match chance.random_range(0..12) {
        0..3 => {
            let disk = *[Disk::Kept, Disk::Torn, Disk::Synced].choose(chance).expect("three");
            What::Kill(server(chance), disk)
        }
        3 if agents > 0 => What::Reboot(chance.random_range(0..agents)),
        4 => What::OneWay(part(chance), part(chance)),
        5 => What::Cut(part(chance), part(chance)),
        6 => What::Slow(part(chance), millis(chance, 2000)),
        7 => What::Pause(part(chance)),
        8 => What::SlowDisk(server(chance), millis(chance, 500)),
        9 => What::FullDisk(server(chance)),
        10 => What::Skew(part(chance), chance.random_range(-3600..3600)),
        _ => What::Isolate(part(chance)),
    }
}

impl What {
    /// Whom it befalls.
    fn parts(&self) -> Vec<Part> {
        match *self {
            What::Reboot(agent) => vec![Part::Agent(agent)],
            What::OneWay(one, other) | What::Cut(one, other) => vec![one, other],
            What::Kill(part, _)
            | What::Isolate(part)
            | What::Slow(part, _)
            | What::Pause(part)
            | What::SlowDisk(part, _)
            | What::FullDisk(part)
            | What::Skew(part, _) => vec![part],
        }
    }

    /// Whether it befalls two where it takes two.
    fn is_possible(&self) -> bool {
        !matches!(self, What::OneWay(one, other) | What::Cut(one, other) if one == other)
    }

    fn meets(&self, other: &What) -> bool {
        let theirs = other.parts();
        self.parts().iter().any(|part| theirs.contains(part))
    }
}

impl Cluster {
    /// It goes wrong; gives what is to be mended, with the leader by its number.
    pub fn strike(&mut self, what: &What) -> What {
        let what = self.named(what);
        match what {
            What::Kill(part, _) => self.kill(part),
            What::Reboot(agent) => {
                let agent = &self.agents[agent];
                let (node, below) = (agent.node.clone(), agent.below.clone());
                self.sim.power_off(&node);
                self.sim.power_off(&below);
            }
            What::Isolate(part) => self.isolate(part),
            What::OneWay(from, to) => {
                let (from, to) = (self.node_of(from), self.node_of(to));
                self.sim.partition_one_way(&from, &to);
            }
            What::Cut(one, other) => {
                let (one, other) = (self.node_of(one), self.node_of(other));
                self.sim.cut(&one, &other);
            }
            What::Slow(part, latency) => self.slow(part, Some(latency)),
            What::Pause(part) => {
                let node = self.node_of(part);
                self.sim.pause(&node);
            }
            What::SlowDisk(part, slow) => {
                let node = self.node_of(part);
                self.sim.slow_disk(&node, slow);
            }
            What::FullDisk(part) => {
                let node = self.node_of(part);
                self.sim.fill_disk(&node, true);
            }
            What::Skew(part, ahead) => {
                let node = self.node_of(part);
                self.sim.skew(&node, ahead as f64);
            }
        }
        what
    }

    fn named(&self, what: &What) -> What {
        let mut what = what.clone();
        match &mut what {
            What::Reboot(_) => {}
            What::OneWay(one, other) | What::Cut(one, other) => {
                (*one, *other) = (self.resolved(*one), self.resolved(*other));
            }
            What::Kill(part, _)
            | What::Isolate(part)
            | What::Slow(part, _)
            | What::Pause(part)
            | What::SlowDisk(part, _)
            | What::FullDisk(part)
            | What::Skew(part, _) => *part = self.resolved(*part),
        }
        what
    }

    /// It is put right again.
    pub fn mend(&mut self, what: &What) {
        match *what {
            What::Kill(part, disk) => self.restart(part, disk),
            What::Reboot(agent) => self.reboot(agent),
            What::Isolate(part) => {
                let node = self.node_of(part);
                for other in self.others(&node) {
                    self.sim.heal(&node, &other);
                }
            }
            What::OneWay(one, other) => {
                let (one, other) = (self.node_of(one), self.node_of(other));
                self.sim.heal(&one, &other);
            }
            What::Cut(..) => {}
            What::Slow(part, _) => self.slow(part, None),
            What::Pause(part) => {
                let node = self.node_of(part);
                self.sim.resume(&node);
            }
            What::SlowDisk(part, _) => {
                let node = self.node_of(part);
                self.sim.slow_disk(&node, Duration::ZERO);
            }
            What::FullDisk(part) => {
                let node = self.node_of(part);
                self.sim.fill_disk(&node, false);
                // A program that cannot write ends; whoever keeps it running starts it again.
                self.restart(part, Disk::Kept);
            }
            What::Skew(part, _) => {
                let node = self.node_of(part);
                self.sim.skew(&node, 0.0);
            }
        }
    }

    fn slow(&mut self, part: Part, latency: Option<Duration>) {
        let node = self.node_of(part);
        for other in self.others(&node) {
            match latency {
                Some(latency) => self.sim.latency(&node, &other, latency / 2..=latency),
                None => self.sim.usual_latency(&node, &other),
            }
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Part::Leader => f.write_str("the leader"),
            Part::Master(number) => write!(f, "master {number}"),
            Part::Agent(number) => write!(f, "agent {number}"),
            Part::Framework(number) => write!(f, "framework {number}"),
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            What::Kill(part, disk) => write!(f, "{part} is killed, its disk {disk:?}"),
            What::Reboot(agent) => write!(f, "machine {agent} reboots"),
            What::Isolate(part) => write!(f, "{part} is isolated"),
            What::OneWay(one, other) => write!(f, "nothing from {one} reaches {other}"),
            What::Cut(one, other) => write!(f, "connections between {one} and {other} break"),
            What::Slow(part, latency) => write!(f, "packets of {part} take {latency:?}"),
            What::Pause(part) => write!(f, "{part} stands still"),
            What::SlowDisk(part, slow) => write!(f, "the disk of {part} takes {slow:?} longer"),
            What::FullDisk(part) => write!(f, "the disk of {part} is full"),
            What::Skew(part, ahead) => write!(f, "the clock of {part} is {ahead} s ahead"),
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Trouble { from, until, what } = self;
        write!(f, "{:.3} to {:.3} s: {what}", from.as_secs_f64(), until.as_secs_f64())
    }
}
