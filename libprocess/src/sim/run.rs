//! A simulation: its time, its nodes, and what is asked of them from outside.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, SystemTime};

use tokio::sync::oneshot;

use super::clock::BEGIN;
use super::core::{Core, stream};
use super::disk::{Disk, NodeDisk};
use super::here;
use super::life::Life;
use super::world::{At, World};
use crate::Runtime;
use crate::http::{Request, Response};

/// How much simulated time one question from outside may take.
const PATIENCE: Duration = Duration::from_secs(600);
/// How many steps may be taken at one moment before it is called a standstill.
const MOMENT: u64 = 5_000_000;

/// A cluster in one thread. Nothing moves but by the methods of this value.
///
/// ```
/// # use std::time::Duration;
/// let mut sim = libprocess::sim::Sim::new(7);
/// let node = sim.node("10.0.0.1:5050");
/// let before = node.now();
/// sim.advance(Duration::from_secs(3600));
/// assert_eq!(node.now(), before + Duration::from_secs(3600));
/// ```
pub struct Sim {
    pub(super) world: Rc<World>,
    pub(super) machines: BTreeMap<SocketAddr, Machine>,
    lives: u32,
    /// Nodes of machines that were never seen before begin in the version before.
    older: bool,
    /// When the clock last moved, and how many steps were taken since.
    moved: (Duration, u64),
}

/// What stays when a node dies.
pub(super) struct Machine {
    pub(super) disk: Arc<NodeDisk>,
    /// The latest node there.
    pub(super) life: u32,
    pub(super) shards: usize,
    ahead: i64,
    /// Its nodes begin in the version before.
    pub(super) older: bool,
    /// Its nodes show nothing of themselves.
    pub(super) bare: bool,
}

impl Sim {
    /// A cluster without nodes. Everything that chance decides in it follows from `seed`.
    pub fn new(seed: u64) -> Sim {
        let core = Core::new(seed);
        let (world, moved) = (World::new(core), (Duration::ZERO, 0));
        Sim { world, machines: BTreeMap::new(), lives: 0, older: false, moved }
    }

    pub fn seed(&self) -> u64 {
        self.core().seed
    }

    /// Starts a node with one shard on a machine that was never seen before.
    ///
    /// Panics: when the address is none, or has had a node.
    pub fn node(&mut self, address: &str) -> Runtime {
        self.node_with(address, 1)
    }

    /// Starts a node with several shards.
    pub fn node_with(&mut self, address: &str, shards: usize) -> Runtime {
        self.add(address, shards, false)
    }

    /// Starts a node that shows nothing of itself over HTTP and counts together with all others of its kind: for those
    /// of which there are very many.
    pub fn bare_node(&mut self, address: &str) -> Runtime {
        self.add(address, 1, true)
    }

    fn add(&mut self, address: &str, shards: usize, bare: bool) -> Runtime {
        let address: SocketAddr = address.parse().expect("a node's address is `ip:port`");
        assert!(!self.machines.contains_key(&address), "{address} has a node; `restart` gives it another");
        let disk = NodeDisk::new(stream(self.core().seed, &["disk", &address.to_string()]));
        self.machines.insert(address, Machine { disk, life: 0, shards, ahead: 0, older: self.older, bare });
        self.begin(address)
    }

    /// Whether nodes that are added from now on are of the version before: of messages that have an older
    /// version they say and read only that, as a program that does not know the newer one.
    pub fn add_older(&mut self, older: bool) {
        self.older = older;
    }

    /// The node's next life is of the newest version.
    pub fn upgrade(&mut self, node: &Runtime) {
        self.machines.get_mut(&node.address()).expect("a node of this simulation").older = false;
    }

    /// Kills a node as one kills a process: its connections are closed by the machine, its processes
    /// and tasks are gone, its disk waits for [`Sim::restart`].
    pub fn kill(&mut self, node: &Runtime) {
        self.end(node.address(), true);
    }

    /// Takes a node's power: the same, but its peers hear nothing at all.
    pub fn power_off(&mut self, node: &Runtime) {
        self.end(node.address(), false);
    }

    /// Starts a node again where one was killed, or still runs and is killed now; it finds what is left
    /// of the disk.
    pub fn restart(&mut self, node: &Runtime, disk: Disk) -> Runtime {
        self.restart_at(node.address(), disk)
    }

    pub(super) fn restart_at(&mut self, address: SocketAddr, disk: Disk) -> Runtime {
        self.end(address, true);
        self.machine(address).disk.recover(disk);
        self.begin(address)
    }

    /// Sets a node's wall clock before or behind the true time. It never goes back: set behind, it
    /// stands still for a while.
    ///
    /// Unit: seconds; negative is behind.
    pub fn skew(&mut self, node: &Runtime, ahead: f64) {
        self.skew_at(node.address(), ahead);
    }

    pub(super) fn skew_at(&mut self, address: SocketAddr, ahead: f64) {
        let nanos = (ahead * 1e9) as i64;
        self.machines.get_mut(&address).expect("a node of this simulation").ahead = nanos;
        if let Some(life) = self.life(address) {
            life.clock.set_ahead(nanos);
        }
    }

    /// Time since the simulation began.
    pub fn now(&self) -> Duration {
        self.core().now()
    }

    /// The true wall clock, whatever clocks of nodes say.
    pub fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + BEGIN + self.now()
    }

    /// A hash of every event handled so far: what, when, on which node, to which process. The same
    /// for the same seed and the same calls.
    pub fn trace_hash(&self) -> u64 {
        self.core().trace().hash()
    }

    /// How many events were handled so far.
    pub fn events(&self) -> u64 {
        self.core().trace().events
    }

    /// Handles one event, moving time to it; says whether there was one.
    pub fn step(&mut self) -> bool {
        self.step_until(Duration::MAX)
    }

    /// Lets this much time pass, and all that happens within it.
    pub fn advance(&mut self, time: Duration) {
        let until = self.now() + time;
        while self.step_until(until) {}
        self.core().set_now(until);
    }

    /// Lets everybody go on until nobody has anything to do, nothing is on its way and no job is
    /// outstanding. Time moves as far as that takes; later timers stay for later.
    pub fn settle(&mut self) {
        while self.core().is_moving() && self.step() {}
    }

    /// Lets time pass until something is so, but no more than `limit`; says whether it became so.
    pub fn run_until(&mut self, mut so: impl FnMut() -> bool, limit: Duration) -> bool {
        let until = self.now() + limit;
        loop {
            if so() {
                return true;
            }
            if !self.step_until(until) {
                self.core().set_now(until);
                return so();
            }
        }
    }

    /// Lets time pass until a future completes.
    ///
    /// Panics: when it has not after ten minutes of simulated time.
    pub fn block_on<F: Future>(&mut self, future: F) -> F::Output {
        let until = self.now() + PATIENCE;
        let output = self.block_on_for(future, PATIENCE);
        output.unwrap_or_else(|| {
            panic!("nothing that happens by {until:?} completes the future (seed {})", self.seed())
        })
    }

    /// Lets time pass until a future completes, but no more than `limit`; `None` if it has not.
    pub fn block_on_for<F: Future>(&mut self, future: F, limit: Duration) -> Option<F::Output> {
        let woken = Arc::new(Woken(AtomicBool::new(true)));
        let waker = Waker::from(woken.clone());
        let mut future = pin!(future);
        let until = self.now() + limit;
        loop {
            if woken.0.swap(false, Ordering::Relaxed) {
                let mut poller = Context::from_waker(&waker);
                let polled = self.world.enter(|| future.as_mut().poll(&mut poller));
                if let Poll::Ready(output) = polled {
                    return Some(output);
                }
            }
            if !woken.0.load(Ordering::Relaxed) && !self.step_until(until) {
                self.core().set_now(until);
                return None;
            }
        }
    }

    /// Does something as code of a node: [`here`](super::here) is that node.
    ///
    /// Panics: when the node is down.
    pub fn on<T>(&mut self, node: &Runtime, work: impl FnOnce() -> T) -> T {
        let life = self.life(node.address()).expect("a node that runs");
        let _at = At::node(&life);
        self.world.enter(work)
    }

    /// Runs a future as a task of a node, and lets time pass until it completes.
    ///
    /// Panics: when the task does, when the node goes down, or after ten minutes of simulated time.
    pub fn run_on<F>(&mut self, node: &Runtime, future: F) -> F::Output
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let join = self.on(node, || here::spawn(future));
        self.block_on(join).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Asks a node over HTTP, without a network between; its streams can be read while time passes.
    ///
    /// Panics: when the node is down, or has not answered after ten minutes of simulated time.
    pub fn request(&mut self, node: &Runtime, request: Request) -> Response {
        let asked = self.ask(node, request).expect("a node that runs");
        self.block_on(asked).expect("the node answers before it goes down")
    }

    /// The same of a node that may be down or stand still: `None` unless it answers within `limit`.
    pub fn request_within(&mut self, node: &Runtime, request: Request, limit: Duration) -> Option<Response> {
        let asked = self.ask(node, request)?;
        self.block_on_for(asked, limit)?.ok()
    }

    fn ask(&mut self, node: &Runtime, request: Request) -> Option<oneshot::Receiver<Response>> {
        let life = self.life(node.address())?;
        let (sender, answer) = oneshot::channel();
        let handled = node.router().handle(request);
        let task = Box::pin(async move { drop(sender.send(handled.await)) });
        self.world.tasks.spawn(self.core(), life.number, task);
        Some(answer)
    }

    pub(super) fn core(&self) -> &Arc<Core> {
        &self.world.core
    }

    pub(super) fn life(&self, address: SocketAddr) -> Option<Rc<Life>> {
        self.world.life(self.machines.get(&address)?.life)
    }

    fn machine(&self, address: SocketAddr) -> &Machine {
        self.machines.get(&address).expect("a node of this simulation")
    }

    fn begin(&mut self, address: SocketAddr) -> Runtime {
        self.lives += 1;
        let machine = self.machines.get_mut(&address).expect("put there by `node`");
        machine.life = self.lives;
        let life = Life::start(&self.world, self.lives, address, machine);
        life.clock.set_ahead(machine.ahead);
        life.runtime.clone()
    }

    pub(super) fn end(&mut self, address: SocketAddr, power: bool) {
        let number = self.machine(address).life;
        let life = self.world.forget(number);
        if let Some(life) = life {
            self.world.enter(|| self.world.leave(&life, power));
        }
    }

    fn step_until(&mut self, until: Duration) -> bool {
        let stepped = self.world.step(until);
        let now = self.now();
        if now != self.moved.0 {
            self.moved = (now, 0);
        }
        self.moved.1 += 1;
        let standstill = self.moved.1 > MOMENT;
        assert!(!standstill, "at {now:?} there is no end of things to do (seed {})", self.seed());
        stepped
    }
}

impl Drop for Sim {
    /// Nodes hold each other and themselves; a simulation that ends takes them apart.
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        // First what lies between them: nobody is to be told of anybody's end any more.
        self.world.enter(|| self.core().clear());
        let addresses: Vec<_> = self.machines.keys().copied().collect();
        addresses.into_iter().for_each(|address| self.end(address, true));
        self.world.enter(|| self.core().clear());
    }
}

impl std::fmt::Debug for Sim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sim").field("seed", &self.seed()).field("now", &self.now()).finish_non_exhaustive()
    }
}

/// Notes that a future awaited from outside may go on.
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Weak;

    use super::*;
    use crate::sim::pipe::Dialler;

    #[test]
    fn nothing_is_left_of_a_simulation_that_ended() {
        let core: Weak<Core> = {
            let mut sim = Sim::new(1);
            let (one, two) = (sim.node("10.0.0.1:1"), sim.node("10.0.0.2:1"));
            let (client, sleeper) = (one.client(), two.clone());
            let dialler = Dialler { core: sim.core().clone(), address: two.address(), life: 2 };
            let waiting = async move {
                let knocked =
                    dialler.knock("10.0.0.1:1".parse().unwrap(), Box::new(|_, _| Box::pin(async {})));
                sleeper.sleep(Duration::from_secs(60)).await;
                drop(knocked);
            };
            sim.world.tasks.spawn(sim.core(), 2, Box::pin(waiting));
            one.environment().spawner.blocking(Box::new(move || drop(two)));
            sim.step();
            sim.block_on(client.send(Request::get("http://10.0.0.2:1/help"))).unwrap();
            Arc::downgrade(sim.core())
        };
        assert_eq!(core.strong_count(), 0);
    }
}
