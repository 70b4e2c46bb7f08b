//! Takes a connection the listener has accepted, and answers what is asked on it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use tokio::io::{AsyncRead, AsyncWrite};

use super::auth::Principal;
use super::connection::{Caller, Connection};
use super::router::Router;

/// What one server allows its clients.
#[derive(Clone, Debug)]
pub struct Limits {
    /// More is answered 431. Unit: bytes of request line and headers. The parser itself stops at 128
    /// KiB, or 96 headers.
    pub head: usize,
    /// More is answered 414. Unit: bytes of path and query.
    pub target: usize,
    /// More is answered 413. Unit: bytes of a request's body, also of what a gzipped one holds.
    pub body: u64,
    /// Open connections; more are turned away with 503.
    pub connections: usize,
    /// From the first byte of a request to the last of its head; later is answered 408.
    pub head_time: Duration,
    /// From a request's head to the end of its body, unless its route [streams](super::Route::streams).
    pub body_time: Duration,
    /// Without a single byte, while a body is read or an answer is written.
    pub stall_time: Duration,
    /// Between requests on a kept connection.
    pub idle_time: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            head: 64 * 1024,
            target: 16 * 1024,
            body: 32 * 1024 * 1024,
            connections: 16_384,
            head_time: Duration::from_secs(10),
            body_time: Duration::from_secs(120),
            stall_time: Duration::from_secs(30),
            idle_time: Duration::from_secs(300),
        }
    }
}

/// Where the time of `Date` comes from.
pub type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// The HTTP half of a runtime's one port, shared by all its HTTP arbiters. The listener is not its
/// matter.
pub struct Server {
    router: Router,
    limits: Limits,
    clock: Clock,
    open: AtomicUsize,
}

impl Server {
    /// A server that answers by `router`.
    pub fn new(router: Router, limits: Limits, clock: Clock) -> Server {
        Server { router, limits, clock, open: AtomicUsize::new(0) }
    }

    /// Serves one connection until either side ends it. Runs on an HTTP arbiter; the caller has set
    /// `TCP_NODELAY` and consumed nothing.
    pub async fn serve<Io>(self: Arc<Self>, io: Io, peer: Option<SocketAddr>)
    where
        Io: AsyncRead + AsyncWrite + Unpin,
    {
        self.serve_certified(io, peer, None).await;
    }

    /// The same for a connection that has proved by its certificate who is at its other end.
    pub async fn serve_certified<Io>(
        self: Arc<Self>,
        io: Io,
        peer: Option<SocketAddr>,
        certified: Option<Principal>,
    ) where
        Io: AsyncRead + AsyncWrite + Unpin,
    {
        let count = Count::of(&self.open);
        let caller = Caller { peer, certified };
        let connection = Connection::new(io, caller, &self.limits, &self.clock, self.router.counts());
        if count.before >= self.limits.connections {
            connection.turn_away().await;
        } else if let Err(error) = connection.run(&self.router).await {
            tracing::debug!(?peer, %error, "http connection ended");
        }
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }
}

/// One open connection, counted while it lives.
struct Count<'a> {
    open: &'a AtomicUsize,
    before: usize,
}

impl Count<'_> {
    fn of(open: &AtomicUsize) -> Count<'_> {
        Count { open, before: open.fetch_add(1, Ordering::Relaxed) }
    }
}

impl Drop for Count<'_> {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}
