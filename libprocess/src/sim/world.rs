//! What happens at each event. This half holds futures and shards, and stays on its thread.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::core::{Core, Event, Ready};
use super::life::Life;
use super::network::{Line, Packet};
use super::pipe::End;
use super::tasks::Tasks;
use super::trace::Happening;
use crate::metrics::Metrics;

thread_local! {
    /// Whose events this thread handles just now.
    static CURRENT: RefCell<Option<Rc<World>>> = const { RefCell::new(None) };
    /// The node whose code runs just now.
    static HERE: RefCell<Option<Rc<Life>>> = const { RefCell::new(None) };
}

/// Whether this thread is handling an event of a simulation.
pub(crate) fn moves_here() -> bool {
    CURRENT.with_borrow(Option::is_some)
}

pub(super) struct World {
    pub(super) core: Arc<Core>,
    pub(super) tasks: Tasks,
    /// Shape: number of a life → the node, if it runs.
    lives: RefCell<Vec<Option<Rc<Life>>>>,
    /// Where bare nodes count.
    pub(super) bare: Metrics,
}

impl World {
    pub(super) fn new(core: Arc<Core>) -> Rc<World> {
        Rc::new(World { core, tasks: Tasks::default(), lives: RefCell::default(), bare: Metrics::new() })
    }

    /// The world whose event is being handled.
    pub(super) fn current() -> Rc<World> {
        CURRENT
            .with_borrow(Clone::clone)
            .expect("simulated nodes spawn tasks only while their `Sim` moves, and on its thread")
    }

    /// The world whose event is being handled, and the node whose code runs.
    pub(super) fn here() -> (Rc<World>, Rc<Life>) {
        World::try_here().expect("only while code of a simulated node runs: see `sim::here`")
    }

    pub(super) fn try_here() -> Option<(Rc<World>, Rc<Life>)> {
        Some((CURRENT.with_borrow(Clone::clone)?, HERE.with_borrow(Clone::clone)?))
    }

    /// Does something that may spawn tasks.
    pub(super) fn enter<T>(self: &Rc<Self>, work: impl FnOnce() -> T) -> T {
        let _inside = Inside(CURRENT.replace(Some(self.clone())));
        work()
    }

    /// Handles one event that happens by `until`; says whether there was one.
    pub(super) fn step(self: &Rc<Self>, until: Duration) -> bool {
        self.enter(|| {
            if let Some(ready) = self.core.choose() {
                self.go_on(ready);
                return true;
            }
            match self.core.pop(until) {
                Some(event) => {
                    self.happen(event);
                    true
                }
                None => false,
            }
        })
    }

    pub(super) fn life(&self, life: u32) -> Option<Rc<Life>> {
        self.lives.borrow().get(life as usize).cloned().flatten()
    }

    /// A node runs from now on.
    pub(super) fn begin(&self, life: Rc<Life>) {
        let mut lives = self.lives.borrow_mut();
        let at = life.number as usize;
        if lives.len() <= at {
            lives.resize(at + 1, None);
        }
        lives[at] = Some(life);
    }

    /// A node runs no longer; `None` if it did not.
    pub(super) fn forget(&self, life: u32) -> Option<Rc<Life>> {
        self.lives.borrow_mut().get_mut(life as usize)?.take()
    }

    fn go_on(&self, ready: Ready) {
        let whose = match ready {
            Ready::Shard { life, .. } | Ready::Down { life } => life,
            Ready::Task { life, task } if self.tasks.has(task) => life,
            Ready::Task { .. } => return,
        };
        let Some(node) = self.life(whose) else { return };
        if node.holds(|held| held.ready.push(ready)) {
            return;
        }
        let _at = At::node(&node);
        match ready {
            Ready::Shard { life, shard } => {
                if let Some([process, handled]) = node.turn(&self.core, shard) {
                    self.core.note(Happening::Turn, life, [process, handled]);
                }
            }
            Ready::Task { life, task } => {
                self.core.note(Happening::Poll, life, [task.number, 0]);
                self.tasks.poll(life, task);
            }
            Ready::Down { life } => {
                self.forget(life);
                node.finish();
                self.leave(&node, true);
            }
        }
    }

    fn happen(&self, event: Event) {
        match event {
            Event::Wake(alarm) => {
                self.core.note(Happening::Woke, 0, [0, 0]);
                alarm.ring();
            }
            Event::Timer { life, shard } => {
                if self.life(life).is_some_and(|node| node.alarm(&self.core, shard)) {
                    self.core.note(Happening::Timer, life, [shard as u64, 0]);
                }
            }
            Event::Packet { connection, side, packet } => self.arrive(connection, side, packet),
            Event::Job { life, job } => {
                let Some(node) = self.life(life) else { return };
                let mut job = Some(job);
                if !node.holds(|held| held.jobs.extend(job.take())) {
                    self.core.note(Happening::Job, life, [0, 0]);
                    let _at = At::node(&node);
                    job.into_iter().for_each(|job| job());
                }
            }
        }
    }

    /// A packet reaches its side, or the closed way before it.
    pub(super) fn arrive(&self, line: Line, side: usize, packet: Packet) {
        self.core.note(Happening::Packet, 0, [line.number << 1 | side as u64, packet.digest()]);
        let outcome = self.core.network.lock().arrive(line, side, packet);
        let Some((life, accept)) = self.core.settle(outcome) else { return };
        let end = End::accepted(self.core.clone(), line);
        if let Some(node) = self.life(life) {
            self.tasks.spawn(&self.core, life, accept(node.runtime.clone(), end));
        }
    }

    /// A node is no more: its connections break, its tasks end, its processes without a word.
    pub(super) fn leave(&self, node: &Rc<Life>, power: bool) {
        let _at = At::node(node);
        self.core.note(Happening::Node, node.number, [0, u64::from(power)]);
        let outcome = self.core.network.lock().stop(node.runtime.address(), node.number, power);
        self.core.settle(outcome);
        node.disk.crash(node.number);
        self.tasks.abort_all(node.number);
        node.end();
        // What the last acts of processes began.
        self.tasks.abort_all(node.number);
    }
}

/// While it lives, what runs is code of one node.
pub(super) struct At(Option<Rc<Life>>);

impl At {
    pub(super) fn node(node: &Rc<Life>) -> At {
        At(HERE.replace(Some(node.clone())))
    }
}

impl Drop for At {
    fn drop(&mut self) {
        HERE.set(self.0.take());
    }
}

struct Inside(Option<Rc<World>>);

impl Drop for Inside {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}
