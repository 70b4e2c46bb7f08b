//! What is done in a history: members of three nodes speak, link and end, and the ways between them break.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use libprocess::{Lane, Pid, Reason, Runtime, Upid};
use proptest::prelude::*;

use crate::member::{Input, Member, Notes, spawn};

pub(crate) const NODES: usize = 3;
const NAMES: [&str; 2] = ["a", "b"];

/// Which member: node and name. `Life` says which life of it is spoken to.
pub(crate) type Place = (usize, usize);

#[derive(Clone, Copy, Debug)]
pub(crate) enum Life {
    Now,
    Before,
    Any,
}

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Say(Place, Place, Life, u8),
    Ask(Place, Place, Life),
    Link(Place, Place, Life),
    Unlink(Place, Place),
    End(Place, How),
    /// Under the same name.
    Spawn(Place),
    /// What happens to nodes and ways, if the driver can do that.
    Trouble(Trouble, usize, usize),
    /// Time passes. Unit: milliseconds.
    Wait(u16),
    /// Everything goes on until nothing is left to do.
    Settle,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    Stops,
    Panics,
    Terminated,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Trouble {
    Cut,
    Partition,
    OneWay,
    Pause,
    Heal,
    /// Killed, and started again with the same names.
    Kill,
    PowerOff,
}

/// How many histories are tried, if `PROPTEST_CASES` does not say it.
pub(crate) fn cases(usual: u32) -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(usual)
}

fn place() -> impl Strategy<Value = Place> {
    (0..NODES, 0..NAMES.len())
}

fn life() -> impl Strategy<Value = Life> {
    prop_oneof![4 => Just(Life::Now), 1 => Just(Life::Before), 1 => Just(Life::Any)]
}

pub(crate) fn steps(many: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Step>> {
    let how = prop_oneof![Just(How::Stops), Just(How::Panics), Just(How::Terminated)];
    let trouble = prop_oneof![
        3 => Just(Trouble::Cut),
        2 => Just(Trouble::Partition),
        2 => Just(Trouble::OneWay),
        1 => Just(Trouble::Pause),
        3 => Just(Trouble::Heal),
        1 => Just(Trouble::Kill),
        1 => Just(Trouble::PowerOff),
    ];
    let step = prop_oneof![
        8 => (place(), place(), life(), 1..6u8).prop_map(|(from, to, life, many)| Step::Say(from, to, life, many)),
        4 => (place(), place(), life()).prop_map(|(from, to, life)| Step::Ask(from, to, life)),
        4 => (place(), place(), life()).prop_map(|(from, to, life)| Step::Link(from, to, life)),
        1 => (place(), place()).prop_map(|(from, to)| Step::Unlink(from, to)),
        2 => (place(), how).prop_map(|(place, how)| Step::End(place, how)),
        2 => place().prop_map(Step::Spawn),
        3 => (trouble, 0..NODES, 1..NODES).prop_map(|(trouble, node, more)| {
            Step::Trouble(trouble, node, (node + more) % NODES)
        }),
        3 => (0..3_000u16).prop_map(Step::Wait),
        2 => Just(Step::Settle),
    ];
    prop::collection::vec(step, many)
}

/// What was done so far: who lives, who was to end and how, and between whom something broke.
pub(crate) struct Story {
    pub(crate) notes: Notes,
    nodes: Vec<Runtime>,
    living: BTreeMap<Place, Pid<Member>>,
    /// Latest last.
    lives: BTreeMap<Place, Vec<Upid>>,
    /// Every life that was to end; with the reason, if its node outlived it.
    pub(crate) ended: BTreeMap<Upid, Option<Reason>>,
    /// Pairs of nodes between which a link may have broken, or a message been lost.
    pub(crate) troubled: BTreeSet<[SocketAddr; 2]>,
    number: u64,
}

impl Story {
    pub(crate) fn begin(nodes: Vec<Runtime>) -> Story {
        let mut story = Story {
            notes: Notes::default(),
            nodes,
            living: BTreeMap::new(),
            lives: BTreeMap::new(),
            ended: BTreeMap::new(),
            troubled: BTreeSet::new(),
            number: 0,
        };
        (0..NODES).for_each(|node| story.populate(node));
        story
    }

    /// All there ever were.
    pub(crate) fn lives(&self) -> impl Iterator<Item = &Upid> {
        self.lives.values().flatten()
    }

    pub(crate) fn node(&self, node: usize) -> &Runtime {
        &self.nodes[node]
    }

    /// Does what a step asks of members; the driver does the rest.
    pub(crate) fn take(&mut self, step: &Step) {
        match *step {
            Step::Say(from, to, life, many) => {
                for _ in 0..many {
                    self.number += 1;
                    self.tell(from, Input::Say(self.number, self.upid(to, life)));
                }
            }
            Step::Ask(from, to, life) => {
                self.number += 1;
                self.tell(from, Input::Ask(self.number, self.upid(to, life)));
            }
            Step::Link(from, to, life) => self.tell(from, Input::Link(self.upid(to, life))),
            Step::Unlink(from, to) => self.tell(from, Input::Unlink(self.upid(to, Life::Now))),
            Step::End(place, how) => self.end(place, how),
            Step::Spawn(place) => self.spawn(place),
            Step::Trouble(..) | Step::Wait(_) | Step::Settle => {}
        }
    }

    pub(crate) fn end(&mut self, place: Place, how: How) {
        let Some(pid) = self.living.remove(&place) else { return };
        let reason = match how {
            How::Stops => Reason::Stopped,
            How::Terminated => Reason::Terminated,
            How::Panics => Reason::Panicked {
                message: "as told".to_owned(),
                input: String::new(),
                backtrace: String::new(),
            },
        };
        self.ended.insert(pid.upid().clone(), Some(reason));
        // Each behind what it was told to do before.
        match how {
            How::Stops => drop(pid.tell(Input::Stop)),
            How::Panics => drop(pid.tell(Input::Panic)),
            How::Terminated => pid.terminate(Lane::User),
        }
    }

    /// A node was killed, and is this one now.
    pub(crate) fn reborn(&mut self, node: usize, runtime: Runtime) {
        let died = self.living.iter().filter(|(place, _)| place.0 == node);
        self.ended.extend(died.map(|(_, pid)| (pid.upid().clone(), None)));
        self.living.retain(|place, _| place.0 != node);
        // A life that was to end may not have come to it.
        let address = runtime.address();
        self.ended.iter_mut().filter(|(upid, _)| upid.address() == address).for_each(|(_, why)| *why = None);
        (0..NODES).filter(|other| *other != node).for_each(|other| self.troubled(node, other));
        self.troubled(node, node);
        self.nodes[node] = runtime;
        self.populate(node);
    }

    pub(crate) fn troubled(&mut self, one: usize, other: usize) {
        let mut pair = [self.nodes[one].address(), self.nodes[other].address()];
        pair.sort();
        self.troubled.insert(pair);
    }

    /// All ends: everybody who is linked has to hear of it.
    pub(crate) fn everybody(&self) -> Vec<Place> {
        self.living.keys().copied().collect()
    }

    fn populate(&mut self, node: usize) {
        (0..NAMES.len()).for_each(|name| self.spawn((node, name)));
    }

    fn spawn(&mut self, place: Place) {
        let node = &self.nodes[place.0];
        // One that was told to end may not have come to it.
        if self.living.contains_key(&place) || node.lookup(NAMES[place.1]).is_some() {
            return;
        }
        let pid = spawn(node, NAMES[place.1], &self.notes);
        self.lives.entry(place).or_default().push(pid.upid().clone());
        self.living.insert(place, pid);
    }

    fn tell(&self, place: Place, input: Input) {
        if let Some(pid) = self.living.get(&place) {
            let _ = pid.tell(input);
        }
    }

    fn upid(&self, place: Place, life: Life) -> Upid {
        let lives = &self.lives[&place];
        match life {
            Life::Now => lives[lives.len() - 1].clone(),
            Life::Before => lives[lives.len().saturating_sub(2)].clone(),
            Life::Any => lives[0].bare(),
        }
    }
}
