//! A runtime: the value that holds processes, names, routes and the world they run in.
//!
//! Nothing is global: several runtimes live in one OS process, each a node with an address.

mod assembly;
mod config;
#[cfg(feature = "testing")]
mod mocks;
mod send;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use libprocess_wire as wire;
use parking_lot::{Mutex, RwLock};
use rand::Rng as _;
use tokio::sync::watch;

use crate::ask::SendError;
use crate::environment::{Environment, Sleep, Storage};
use crate::http;
use crate::identity::Principal;
use crate::inspect::{self, Logging};
use crate::link::Reason;
use crate::mailbox::{AnyCell, Cell};
use crate::metrics::Metrics;
use crate::names::{Named, Names};
use crate::real;
use crate::shard::Shared;
use crate::spawn::{Name, place, settle};
use crate::testing::Filters;
use crate::tls::{Tls, TlsError};
use crate::transport::Peers;
use crate::upid::Epoch;
use crate::{Failure, OnPanic, Pid, Process, Spawn, SpawnError, Upid, panics};

pub(crate) use assembly::{Assembly, Counts, Driver};
pub use config::{Config, StartError};
#[cfg(feature = "testing")]
pub(crate) use mocks::Displaced;

/// A node: its processes, their names, and the world around them. Cheap to clone.
///
/// It runs until [`Runtime::shutdown`], whoever lets go of it.
#[derive(Clone)]
pub struct Runtime(Arc<Inner>);

/// A runtime that is not kept alive by being known.
pub(crate) struct Weak(std::sync::Weak<Inner>);

impl Weak {
    pub(crate) fn upgrade(&self) -> Option<Runtime> {
        self.0.upgrade().map(Runtime)
    }
}

struct Inner {
    address: SocketAddr,
    environment: Environment,
    shards: Vec<Arc<Shared>>,
    names: RwLock<Names>,
    /// Shape: prefix → how many names it has given.
    prefixes: Mutex<BTreeMap<String, u64>>,
    epochs: AtomicU64,
    traces: AtomicU64,
    born: AtomicU64,
    /// How many processes have asked for a shard of their own.
    own: AtomicU64,
    down: AtomicBool,
    router: http::Router,
    metrics: Metrics,
    counts: Counts,
    client: http::Client,
    peers: Peers,
    failure: watch::Sender<Option<Failure>>,
    logging: Logging,
    filters: Filters,
    force_wire: bool,
    driver: Box<dyn Driver>,
}

impl Runtime {
    /// Starts a node on this machine: its threads, and the listener if there is to be one.
    ///
    /// Errors: when the address cannot be listened on, or no thread be started.
    pub fn start(config: Config) -> Result<Runtime, StartError> {
        real::start(config)
    }

    /// Spawns a process. `make` runs on the shard the process will live on; messages sent before
    /// it is made wait for it.
    ///
    /// Errors: when the name is taken by a process that lives, or the runtime is shut down.
    pub fn spawn<A: Process>(
        &self,
        spawn: Spawn,
        make: impl FnOnce() -> A + Send + 'static,
    ) -> Result<Pid<A>, SpawnError> {
        self.spawn_as(spawn, self.new_epoch(), make)
    }

    pub(crate) fn spawn_as<A: Process>(
        &self,
        spawn: Spawn,
        epoch: Epoch,
        make: impl FnOnce() -> A + Send + 'static,
    ) -> Result<Pid<A>, SpawnError> {
        let inner = &*self.0;
        let name: Arc<str> = match spawn.name {
            Name::Exactly(name) => name.into(),
            Name::Prefix(prefix) => self.numbered(prefix).into(),
        };
        let born = inner.born.fetch_add(1, Ordering::Relaxed);
        let upid = Upid::with_epoch(name.clone(), inner.address, epoch);
        let turn = || inner.own.fetch_add(1, Ordering::Relaxed);
        let shard = place(spawn.shard, &name, turn, &inner.shards).clone();
        let cell = Cell::<A>::new(upid, self.clone(), shard.clone(), spawn.bound, spawn.on_panic);
        {
            let mut names = inner.names.write();
            if self.is_down() {
                return Err(SpawnError::ShutDown);
            }
            if !names.add(Named { cell: cell.clone(), born }) {
                return Err(SpawnError::NameTaken(name.to_string()));
            }
        }
        inner.counts.spawned.increment(1);
        let pid = Pid { cell };
        let settled = pid.clone();
        shard.command(Box::new(move |shard| settle(shard, settled, make)));
        Ok(pid)
    }

    /// Makes HTTP paths that name no process those of `id`: `/state` is `/master/state`.
    pub fn delegate(&self, id: &str) {
        self.0.router.delegate(id);
    }

    /// The address others reach this node by.
    pub fn address(&self) -> SocketAddr {
        self.0.address
    }

    /// Wall time; never goes backwards.
    pub fn now(&self) -> SystemTime {
        self.0.environment.clock.now()
    }

    /// Time since this runtime started.
    pub fn elapsed(&self) -> Duration {
        self.0.environment.clock.elapsed()
    }

    /// A pause that handlers at the edge and tasks can await.
    pub fn sleep(&self, duration: Duration) -> Sleep {
        self.0.environment.clock.sleep(duration)
    }

    /// As whom other nodes know this one: by its certificate, or its credential.
    pub fn principal(&self) -> Option<&Principal> {
        self.0.peers.principal()
    }

    /// Whether others reach this node over TLS alone.
    pub fn speaks_tls_alone(&self) -> bool {
        self.0.peers.security().tls.as_ref().is_some_and(|tls| !tls.plain_too)
    }

    /// Takes another certificate, key and authorities into use for links and HTTP connections that
    /// begin from here on; those that are open go on. How strictly others are looked at is as `tls` says.
    ///
    /// Errors: when they do not fit each other, name another principal than this node is known by, or
    /// the node speaks no TLS. Then all stays as it was.
    pub fn renew(&self, tls: &Tls) -> Result<(), TlsError> {
        let principal = tls.principal()?;
        if self.0.peers.security().tls.is_none() {
            return Err(TlsError::Plain);
        }
        if self.principal() != Some(&principal) {
            return Err(TlsError::OtherPrincipal(principal));
        }
        self.0.driver.renew(tls)?;
        self.0.client.renew(tls);
        self.0.metrics.counter("libprocess/certificates_renewed").increment(1);
        Ok(())
    }

    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// What is answered over HTTP, and to whom: routes, realms, guards.
    pub fn router(&self) -> &http::Router {
        &self.0.router
    }

    /// How much is logged, for whoever can change it.
    pub fn logging(&self) -> &Logging {
        &self.0.logging
    }

    /// For HTTP requests to elsewhere.
    pub fn client(&self) -> http::Client {
        self.0.client.clone()
    }

    pub fn storage(&self) -> &Arc<dyn Storage> {
        &self.0.environment.storage
    }

    /// The world this runtime runs in.
    pub fn environment(&self) -> &Environment {
        &self.0.environment
    }

    /// The address of a process that lives here, by name.
    pub fn lookup(&self, id: &str) -> Option<Upid> {
        self.0.names.read().get(id).map(|named| named.cell.upid().clone())
    }

    /// The process of that name, if one lives here and is an `A`.
    pub fn pid<A: Process>(&self, id: &str) -> Option<Pid<A>> {
        let cell = self.find(id, None)?.typed().downcast().ok()?;
        Some(Pid { cell })
    }

    /// Waits until a process that was spawned with [`OnPanic::Escalate`] panics. The node then ends
    /// by itself, as if by [`Runtime::shutdown`]; whoever runs it ends too, and says why.
    pub fn failed(&self) -> impl Future<Output = Failure> + Send + use<> {
        let mut failure = self.0.failure.subscribe();
        async move {
            match failure.wait_for(Option::is_some).await.ok().and_then(|failure| failure.clone()) {
                Some(failure) => failure,
                None => std::future::pending().await,
            }
        }
    }

    /// Sends a message to whoever has a door for it, from nobody in particular.
    pub fn send<M: wire::Message>(&self, to: &Upid, message: M) -> Result<(), SendError> {
        self.post(&self.nobody(), to, message)
    }

    /// Whether threads turn this runtime; a node of a [`Sim`](crate::sim::Sim) has none, nor may anything in it.
    pub fn is_real(&self) -> bool {
        self.0.driver.is_real()
    }

    /// Waits for a future on this thread. Not for shards or HTTP arbiters, nor in a simulation.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        assert!(self.0.driver.is_real(), "a simulated runtime moves when its `Sim` does");
        real::block_on(future)
    }

    /// Ends the processes, the youngest first, then the listener and the threads; waits for it. Blocking jobs that wait
    /// for their turn are dropped, those that run are given 5 s.
    ///
    /// Not to be called from a process or a request handler: it would wait for itself.
    pub fn shutdown(&self) {
        {
            let _names = self.0.names.write();
            if self.0.down.swap(true, Ordering::SeqCst) {
                return;
            }
        }
        let mut named: Vec<_> =
            self.0.names.read().values().map(|named| (named.born, named.cell.clone())).collect();
        named.sort_by_key(|(born, _)| std::cmp::Reverse(*born));
        let alive: Vec<String> = named.iter().map(|(_, cell)| cell.upid().id().to_owned()).collect();
        for (_, cell) in &named {
            cell.end(Reason::NodeDown);
            if self.0.driver.is_real() {
                real::wait_until(Duration::from_secs(5), || cell.ended().is_some());
            }
        }
        self.0.peers.shutdown();
        self.0.driver.shutdown();
        self.0.names.write().clear();
        self.0.filters.ended(&alive);
    }

    pub(crate) fn assemble(parts: Assembly) -> Runtime {
        panics::note();
        let Assembly {
            address,
            environment,
            shards,
            router,
            metrics,
            client,
            ways,
            force_wire,
            driver,
            snapshot_rate,
            profiler,
            bare,
        } = parts;
        router.filters().keep_time(&environment.clock);
        let mut seed = environment.rng.stream("epochs");
        let counts = Counts {
            rejected: metrics.counter("libprocess/messages_rejected"),
            dropped: metrics.counter("libprocess/messages_dropped"),
            spawned: metrics.counter("libprocess/processes_spawned"),
            panicked: metrics.counter("libprocess/processes_panicked"),
            stuck: metrics.counter("libprocess/handlers_stuck"),
        };
        let runtime = Runtime(Arc::new(Inner {
            address,
            peers: Peers::new(address, Epoch(seed.next_u64()), ways, &metrics),
            epochs: AtomicU64::new(seed.next_u64()),
            traces: AtomicU64::new(environment.rng.stream("traces").next_u64()),
            environment,
            shards,
            names: RwLock::default(),
            prefixes: Mutex::default(),
            born: AtomicU64::new(0),
            own: AtomicU64::new(0),
            down: AtomicBool::new(false),
            filters: router.filters().clone(),
            force_wire,
            router,
            metrics,
            counts,
            client,
            failure: watch::Sender::new(None),
            logging: Logging::default(),
            driver,
        }));
        if !bare {
            inspect::mount(&runtime, snapshot_rate, profiler);
        }
        runtime
    }

    pub(crate) fn downgrade(&self) -> Weak {
        Weak(Arc::downgrade(&self.0))
    }

    pub(crate) fn is_down(&self) -> bool {
        self.0.down.load(Ordering::SeqCst)
    }

    pub(crate) fn filters(&self) -> &Filters {
        &self.0.filters
    }

    /// Whether messages that stay here are encoded all the same.
    fn encodes(&self) -> bool {
        self.0.force_wire || self.0.filters.is_active()
    }

    pub(crate) fn counts(&self) -> &Counts {
        &self.0.counts
    }

    pub(crate) fn shards(&self) -> &[Arc<Shared>] {
        &self.0.shards
    }

    pub(crate) fn peers(&self) -> &Peers {
        &self.0.peers
    }

    /// The cell of a process that lives here, and is of the life that is meant.
    pub(crate) fn find(&self, id: &str, epoch: Option<Epoch>) -> Option<Arc<dyn AnyCell>> {
        let names = self.0.names.read();
        let cell = &names.get(id)?.cell;
        (epoch.is_none() || epoch == cell.upid().epoch()).then(|| cell.clone())
    }

    /// Everybody who lives here, in order of names.
    pub(crate) fn cells(&self) -> Vec<Arc<dyn AnyCell>> {
        let mut cells: Vec<_> = self.0.names.read().values().map(|named| named.cell.clone()).collect();
        cells.sort_by(|one, other| one.upid().id().cmp(other.upid().id()));
        cells
    }

    /// A process ends: its name and its routes are free again.
    pub(crate) fn leave(&self, cell: &dyn AnyCell, reason: &Reason) {
        let upid = cell.upid();
        if let Reason::Panicked { message, input, .. } = reason {
            self.0.counts.panicked.increment(1);
            tracing::error!(%upid, kind = cell.kind(), input, message, "process panicked");
        }
        let mut names = self.0.names.write();
        // Another may bear the name: a mock, or whoever it stood in for.
        if names.get(upid.id()).is_some_and(|named| std::ptr::addr_eq(&raw const *named.cell, cell)) {
            self.0.router.unmount(upid.id());
            let gone = names.remove(upid.id());
            drop(names);
            drop(gone);
        }
        if cell.on_panic() == OnPanic::Escalate && matches!(reason, Reason::Panicked { .. }) {
            self.fail(Failure { upid: upid.clone(), kind: cell.kind(), reason: reason.clone() });
        }
    }

    /// Ends the node, for the first failure that is reported.
    fn fail(&self, failure: Failure) {
        let first = self.0.failure.send_if_modified(|known| {
            let first = known.is_none();
            known.get_or_insert_with(|| failure.clone());
            first
        });
        if !first {
            return;
        }
        tracing::error!(%failure, "the node ends");
        if !self.0.driver.is_real() {
            return self.shutdown();
        }
        // Not on this thread: it waits for the shards, and this is one of them.
        let runtime = self.clone();
        let ending = std::thread::Builder::new().name("failure".to_owned()).spawn(move || runtime.shutdown());
        if let Err(error) = ending {
            tracing::error!(%error, "no thread to end the node with");
        }
    }

    /// The sender of what no process sent.
    fn nobody(&self) -> Upid {
        Upid::new("", self.0.address)
    }

    fn numbered(&self, prefix: String) -> String {
        let mut prefixes = self.0.prefixes.lock();
        let count = match prefixes.get_mut(&prefix) {
            Some(count) => count,
            None => prefixes.entry(prefix.clone()).or_insert(0),
        };
        *count += 1;
        let count = *count;
        drop(prefixes);
        let mut name = prefix;
        write!(name, "({count})").expect("a string takes what is written");
        name
    }

    fn new_epoch(&self) -> Epoch {
        // 0 is nobody's.
        Epoch(draw(&self.0.epochs).max(1))
    }

    /// A name for what begins here, drawn from a stream of its own: that somebody looks changes no run.
    pub(crate) fn new_trace(&self) -> u64 {
        draw(&self.0.traces)
    }
}

/// Draws by counting from a random start through a mixing bijection (splitmix64): never the same twice in
/// one life of a runtime, and not to be guessed from the last.
fn draw(from: &AtomicU64) -> u64 {
    let mut z = from.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl std::fmt::Debug for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Runtime({})", self.0.address)
    }
}
