//! The threads of a runtime: how they start, what they share, how they end.

use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use parking_lot::Mutex;
use socket2::{Domain, Socket, Type};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::LocalSet;

use super::clock::{RealClock, RealRng};
use super::files::Files;
use super::listener::{Accepted, Desk, Silent, answer, listen};
use super::renewal;
use super::shard_loop;
use super::tcp::Tcp;
use super::tls::Keyring;
use super::watchdog;
use crate::environment::{Clock as _, Environment, Spawner, Task};
use crate::metrics::Metrics;
use crate::runtime::{Assembly, Config, Driver, StartError};
use crate::shard::Shared;
#[cfg(feature = "testing")]
use crate::testing::{Hand, Work};
use crate::tls::{Tls, TlsError};
use crate::transport::Ways;
use crate::{Runtime, http};

/// How many connections may wait to be accepted, if the system allows it: a storm of those who come
/// back at once does not lose its first packets.
const BACKLOG: i32 = 4_096;

/// Numbers shards, so that a thread knows its own. Never 0.
static SHARDS: AtomicU64 = AtomicU64::new(1);

/// A number no other shard of this OS process has.
pub(crate) fn shard_number() -> u64 {
    SHARDS.fetch_add(1, Ordering::Relaxed)
}

pub(crate) fn start(config: Config) -> Result<Runtime, StartError> {
    let listener = config.listen.map(bind).transpose()?;
    let listening = listener.as_ref().and_then(|listener| listener.local_addr().ok());
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let address = advertised(config.advertise, listening.unwrap_or(nowhere));

    let keys = Arc::new(Keyring::new(config.security.tls.as_ref())?);
    let clock = Arc::new(RealClock::new());
    #[cfg(feature = "testing")]
    let work = Arc::<Work>::default();
    let pool = Arc::new(Pool {
        reactor: OnceLock::new(),
        #[cfg(feature = "testing")]
        work: work.clone(),
    });
    let machinery = Arc::new(Machinery {
        stop: Arc::new(AtomicBool::new(false)),
        shards: (0..config.shards.max(1)).map(|_| Shared::new(shard_number())).collect(),
        threads: Mutex::default(),
        workers: Mutex::default(),
        keys: keys.clone(),
        #[cfg(feature = "testing")]
        clock: clock.clone(),
        #[cfg(feature = "testing")]
        work,
    });
    let metrics = Metrics::new();
    crate::metrics::system::provide(&metrics);
    let router = http::Router::new(metrics.clone());
    if config.security.require_peer_address {
        router.require_peer_address();
    }
    let runtime = Runtime::assemble(Assembly {
        address,
        environment: Environment {
            clock: clock.clone(),
            rng: Arc::new(RealRng),
            spawner: pool.clone(),
            transport: Arc::new(Tcp { keys: keys.clone() }),
            storage: Arc::new(Files),
        },
        shards: machinery.shards.clone(),
        router: router.clone(),
        metrics,
        client: http::Client::with(config.security.tls.clone(), config.authorities.clone()),
        ways: Ways { security: config.security.clone(), limits: config.links.clone(), older: false },
        force_wire: config.force_wire,
        driver: Box::new(machinery.clone()),
        snapshot_rate: config.snapshot_rate,
        profiler: config.profiler,
        bare: false,
    });
    let server = Arc::new(http::Server::new(router, config.http.clone(), Arc::new(move || clock.now())));
    match machinery.start(&runtime, &pool, &config, listener, server, keys) {
        Ok(()) => Ok(runtime),
        Err(error) => {
            machinery.shutdown();
            Err(StartError::Thread(error))
        }
    }
}

fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    let listen = || {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        socket.set_nonblocking(true)?;
        Ok(socket.into())
    };
    listen().map_err(|source| StartError::Listen { address, source })
}

/// What others are told: the advertised address, with the port listened on if it names none; and
/// loopback where any address is listened on and none is advertised.
fn advertised(advertise: Option<SocketAddr>, listening: SocketAddr) -> SocketAddr {
    let mut address = advertise.unwrap_or(listening);
    if address.port() == 0 {
        address.set_port(listening.port());
    }
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

/// Waits for a future on the calling thread, with a reactor of its own.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let reactor = reactor(1).expect("a reactor for the calling thread");
    let output = LocalSet::new().block_on(&reactor, future);
    reactor.shutdown_background();
    output
}

fn reactor(blocking_threads: usize) -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(blocking_threads.max(1))
        .thread_name("blocking")
        .build()
}

/// How long the end of a runtime waits for blocking jobs that run already.
const JOBS_MOST: Duration = Duration::from_secs(5);

/// The threads, and how they are told to end.
struct Machinery {
    stop: Arc<AtomicBool>,
    shards: Vec<Arc<Shared>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Dropped to end the HTTP threads.
    workers: Mutex<Vec<oneshot::Sender<()>>>,
    keys: Arc<Keyring>,
    #[cfg(feature = "testing")]
    clock: Arc<RealClock>,
    #[cfg(feature = "testing")]
    work: Arc<Work>,
}

impl Machinery {
    fn start(
        &self,
        runtime: &Runtime,
        pool: &Arc<Pool>,
        config: &Config,
        listener: Option<TcpListener>,
        server: Arc<http::Server>,
        keys: Arc<Keyring>,
    ) -> std::io::Result<()> {
        let mut others = Vec::new();
        for worker in 1..config.http_workers {
            let (sender, receiver) = mpsc::unbounded_channel();
            others.push(sender);
            let (server, runtime, keys) = (server.clone(), runtime.clone(), keys.clone());
            self.worker(format!("http-{worker}"), move || Box::pin(serve(receiver, server, runtime, keys)))?;
        }
        let desk = listener.map(|listener| {
            let here = config.http_workers > 0;
            let desk = Desk {
                runtime: runtime.clone(),
                server,
                keys,
                workers: others,
                here,
                turn: AtomicUsize::new(0),
                silent: Silent::default(),
            };
            (listener, desk, here)
        });
        let mut on_shard = None;
        if let Some((listener, desk, here)) = desk {
            if here {
                self.worker("http-0".to_owned(), move || Box::pin(listen(listener, desk)))?;
            } else {
                on_shard = Some((listener, desk));
            }
        }
        for (number, shared) in self.shards.iter().enumerate() {
            let (runtime, shared, stop) = (runtime.clone(), shared.clone(), self.stop.clone());
            let pool = pool.clone();
            let blocking_threads = config.blocking_threads;
            let desk = on_shard.take();
            self.thread(format!("shard-{number}"), move || {
                let reactor = reactor(blocking_threads).expect("a reactor for a shard");
                if number == 0 {
                    drop(pool.reactor.set(reactor.handle().clone()));
                }
                let tasks = LocalSet::new();
                if let Some((listener, desk)) = desk {
                    tasks.spawn_local(listen(listener, desk));
                }
                // A task among the others: waking a task of one's own thread costs no system call,
                // waking what the thread blocks on does.
                let shard = tasks.spawn_local(shard_loop::run(runtime, shared, stop));
                let _ = tasks.block_on(&reactor, shard);
                drop(tasks);
                // What a job began is not to go on behind the back of whoever starts the next node.
                reactor.shutdown_timeout(JOBS_MOST);
            })?;
        }
        if let Some(tls) = config.security.tls.clone().filter(|tls| tls.source.is_some()) {
            let runtime = runtime.clone();
            self.shards[0].command(Box::new(move |_| {
                let spawner = runtime.environment().spawner.clone();
                spawner.local(Box::pin(renewal::keep(runtime, tls))).detach();
            }));
        }
        if let Some(limit) = config.stuck_after {
            let clock = runtime.environment().clock.clone();
            let (runtime, shards, stop) = (runtime.downgrade(), self.shards.clone(), self.stop.clone());
            self.thread("watchdog".to_owned(), move || {
                watchdog::run(&runtime, &shards, limit, &*clock, &stop)
            })?;
        }
        Ok(())
    }

    /// A thread with a reactor that runs `main` until the runtime shuts down.
    fn worker(
        &self,
        name: String,
        main: impl FnOnce() -> LocalBoxFuture<'static, ()> + Send + 'static,
    ) -> std::io::Result<()> {
        let (sender, end) = oneshot::channel();
        self.workers.lock().push(sender);
        self.thread(name, move || {
            let reactor = reactor(1).expect("a reactor for an http thread");
            let tasks = LocalSet::new();
            tasks.spawn_local(main());
            let _ = tasks.block_on(&reactor, end);
            drop(tasks);
            reactor.shutdown_background();
        })
    }

    fn thread(&self, name: String, main: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
        let thread = std::thread::Builder::new().name(name).spawn(main)?;
        self.threads.lock().push(thread);
        Ok(())
    }
}

/// Serves what the listener hands over.
async fn serve(
    mut accepted: mpsc::UnboundedReceiver<Accepted>,
    server: Arc<http::Server>,
    runtime: Runtime,
    keys: Arc<Keyring>,
) {
    while let Some(Accepted { stream, peer, tls }) = accepted.recv().await {
        if let Ok(stream) = TcpStream::from_std(stream) {
            let (server, runtime, keys) = (server.clone(), runtime.clone(), keys.get().filter(|_| tls));
            tokio::task::spawn_local(async move { answer(server, &runtime, keys, stream, peer).await });
        }
    }
    std::future::pending().await
}

impl Driver for Arc<Machinery> {
    fn shutdown(&self) {
        self.workers.lock().clear();
        self.stop.store(true, Ordering::Release);
        for shard in &self.shards {
            shard.command(Box::new(|_| {}));
        }
        let here = std::thread::current().id();
        for thread in std::mem::take(&mut *self.threads.lock()) {
            if thread.thread().id() != here {
                thread.thread().unpark();
                drop(thread.join());
            }
        }
    }

    fn is_real(&self) -> bool {
        true
    }

    fn renew(&self, tls: &Tls) -> Result<(), TlsError> {
        self.keys.renew(tls)
    }

    #[cfg(feature = "testing")]
    fn hand(&self) -> Option<(&Arc<Hand>, Duration)> {
        Some((&self.clock.hand, self.clock.passed()))
    }

    #[cfg(feature = "testing")]
    fn work(&self) -> Option<&Arc<Work>> {
        Some(&self.work)
    }
}

/// Tasks go to the reactor of the calling thread, jobs to the first shard's pool of threads.
struct Pool {
    reactor: OnceLock<tokio::runtime::Handle>,
    #[cfg(feature = "testing")]
    work: Arc<Work>,
}

impl Spawner for Pool {
    fn local(&self, future: LocalBoxFuture<'static, ()>) -> Task {
        let task = Rc::new(tokio::task::spawn_local(future));
        Task::new(move || task.abort())
    }

    fn blocking(&self, job: Box<dyn FnOnce() + Send>) {
        #[cfg(feature = "testing")]
        let job = self.work.job(job);
        match self.reactor.get() {
            Some(reactor) => drop(reactor.spawn_blocking(job)),
            // The first shard has not begun yet: its jobs cannot be many.
            None => drop(std::thread::Builder::new().name("blocking".to_owned()).spawn(job)),
        }
    }

    fn has_threads(&self) -> bool {
        true
    }
}
