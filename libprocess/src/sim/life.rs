//! One life of a node: from its start to its shutdown or its death.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rand_chacha::ChaCha8Rng;

use super::clock::{NodeClock, NodeRng};
use super::core::{Core, Event, Ready, Waiter};
use super::disk::NodeDisk;
use super::pipe::Dialler;
use super::run::Machine;
use super::spawner::{NodeDriver, NodeSpawner};
use super::trace::Happening;
use super::web;
use super::world::World;
use crate::environment::{Environment, Rng};
use crate::metrics::Metrics;
use crate::runtime::Assembly;
use crate::shard::{Shard, Shared};
use crate::transport::{Limits, Ways};
use crate::{Config, Runtime, http};

/// How many links may be open to a node.
const LINKS: usize = 1 << 20;

pub(super) struct Life {
    pub(super) number: u32,
    pub(super) runtime: Runtime,
    pub(super) clock: Arc<NodeClock>,
    pub(super) spawner: Arc<NodeSpawner>,
    pub(super) disk: Arc<NodeDisk>,
    /// What [`here::rng`](super::here::rng) draws from.
    pub(super) chance: Arc<Mutex<ChaCha8Rng>>,
    shards: Vec<RefCell<Turning>>,
    /// What waits for the end of a pause; nothing while there is none.
    held: RefCell<Option<Held>>,
}

/// What a paused node would have done.
#[derive(Default)]
pub(super) struct Held {
    pub(super) ready: Vec<Ready>,
    pub(super) jobs: Vec<Box<dyn FnOnce() + Send>>,
}

/// A shard, and what brings it its turns.
struct Turning {
    shard: Shard,
    shared: Arc<Shared>,
    waiter: Arc<Waiter>,
    /// When the agenda has a timer event for it.
    alarm: Option<Duration>,
}

impl Life {
    /// Starts a node in a world.
    pub(super) fn start(world: &World, number: u32, address: SocketAddr, machine: &Machine) -> Rc<Life> {
        let (shards, disk) = (machine.shards, machine.disk.clone());
        let core = world.core.clone();
        let clock = Arc::new(NodeClock::new(core.clone()));
        let spawner = Arc::new(NodeSpawner::new(core.clone(), number));
        let rng = Arc::new(NodeRng { seed: core.seed, node: format!("{address} {number}") });
        let dialler = Dialler { core: core.clone(), address, life: number };
        let shared: Vec<_> = (0..shards.max(1)).map(|_| Shared::new(crate::real::shard_number())).collect();
        let metrics = if machine.bare { world.bare.clone() } else { Metrics::new() };
        // The largest cluster is larger than what one machine would be asked to carry.
        let limits = Limits { links: LINKS, ..Limits::default() };
        let runtime = Runtime::assemble(Assembly {
            address,
            environment: Environment {
                clock: clock.clone(),
                rng: rng.clone(),
                spawner: spawner.clone(),
                transport: Arc::new(dialler.clone()),
                storage: disk.clone().storage(number),
            },
            shards: shared.clone(),
            router: http::Router::new(metrics.clone()),
            metrics,
            client: web::client(dialler),
            ways: Ways { limits, older: machine.older, ..Ways::default() },
            force_wire: Config::default().force_wire,
            driver: Box::new(NodeDriver { core: core.clone(), life: number }),
            snapshot_rate: Config::default().snapshot_rate,
            profiler: false,
            bare: machine.bare,
        });
        let shards = shared.into_iter().enumerate().map(|(at, shared)| {
            let chance = rng.stream(&format!("shard {at}"));
            let waiter = Waiter::new(core.clone(), Ready::Shard { life: number, shard: at });
            shared.inbox.register(&waiter.waker());
            let shard = Shard::new(runtime.clone(), shared.clone(), Some(chance));
            RefCell::new(Turning { shard, shared, waiter, alarm: None })
        });
        let shards = shards.collect();
        let chance = Arc::new(Mutex::new(rng.stream("here")));
        core.note(Happening::Node, number, [1, 0]);
        core.network.lock().start(address, number);
        let life =
            Rc::new(Life { number, runtime, clock, spawner, disk, chance, shards, held: RefCell::default() });
        world.begin(life.clone());
        life
    }

    /// Nothing of this node goes on from here.
    pub(super) fn pause(&self) {
        self.held.borrow_mut().get_or_insert_default();
    }

    /// Everything that was held goes on; time has passed meanwhile.
    pub(super) fn resume(&self, core: &Core) {
        let Some(held) = self.held.take() else { return };
        held.ready.into_iter().for_each(|ready| core.ready(ready));
        held.jobs.into_iter().for_each(|job| core.job(self.number, Duration::ZERO, Duration::ZERO, job));
    }

    /// Lets something wait if the node is paused; says whether it is.
    pub(super) fn holds(&self, hold: impl FnOnce(&mut Held)) -> bool {
        let mut held = self.held.borrow_mut();
        held.as_mut().map(hold).is_some()
    }

    /// One process of a shard has its turn: which, and how many messages it handled.
    pub(super) fn turn(&self, core: &Core, shard: usize) -> Option<[u64; 2]> {
        let mut turning = self.shards[shard].borrow_mut();
        let turning = &mut *turning;
        turning.waiter.begin();
        turning.shared.inbox.register(&turning.waiter.waker());
        let ran = turning.shard.step(core.now() - self.clock.started);
        if turning.shard.is_busy() {
            turning.waiter.waker().wake();
        }
        if let Some(due) = turning.shard.next_timer() {
            let at = self.clock.started + due;
            if turning.alarm.is_none_or(|alarm| at < alarm) {
                turning.alarm = Some(at);
                core.push(at, Event::Timer { life: self.number, shard });
            }
        }
        ran.map(|(key, handled)| [u64::from(key.slot) << 32 | u64::from(key.tenant), handled as u64])
    }

    /// The time of a timer event has come: whether it is one that is still waited for.
    pub(super) fn alarm(&self, core: &Core, shard: usize) -> bool {
        let mut turning = self.shards[shard].borrow_mut();
        let due = turning.alarm == Some(core.now());
        if due {
            turning.alarm = None;
            turning.waiter.waker().wake();
        }
        due
    }

    /// Lets processes that were told to end do so, with their hooks.
    pub(super) fn finish(&self) {
        for turning in &self.shards {
            let mut turning = turning.borrow_mut();
            let elapsed = self.runtime.elapsed();
            while turning.shard.turn(elapsed) > 0 {}
        }
    }

    /// Ends whatever is left, and lets go of it.
    pub(super) fn end(&self) {
        for turning in &self.shards {
            turning.borrow_mut().shard.kill_all();
        }
        self.runtime.shutdown();
        for turning in &self.shards {
            turning.borrow().shared.forget();
        }
    }
}
