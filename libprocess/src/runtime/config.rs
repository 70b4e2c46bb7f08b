//! How a runtime is started, and why it is not.

use std::net::SocketAddr;
use std::time::Duration;

use crate::identity::Security;
use crate::inspect::Rate;
use crate::tls::{Authorities, TlsError};
use crate::transport::Limits;
use crate::{force_wire, http};

/// How a runtime is started.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where links and HTTP are taken, on one port; port 0 takes any, `None` takes nothing.
    pub listen: Option<SocketAddr>,
    /// The address others are told, if it is not the one listened on.
    pub advertise: Option<SocketAddr>,
    /// Threads with processes on them.
    pub shards: usize,
    /// Threads that speak HTTP; with none, HTTP connections are closed.
    pub http_workers: usize,
    /// The most threads for jobs that block; made when needed, gone when idle.
    pub blocking_threads: usize,
    /// Bounds of HTTP connections.
    pub http: http::Limits,
    /// Bounds of links to other nodes.
    pub links: Limits,
    /// How this node proves itself to others, and whom it lets in.
    pub security: Security,
    /// Whom this node believes, if it has no certificate of its own and asks others over TLS all the same.
    pub authorities: Option<Authorities>,
    /// A handler that runs for so long is named in the log, and counted; none is, with `None`.
    pub stuck_after: Option<Duration>,
    /// How often `/metrics/snapshot` is answered; as often as asked for, with none.
    pub snapshot_rate: Option<Rate>,
    /// Whether `/profiler/start` looks at what the shards do; else it says how to allow that.
    pub profiler: bool,
    /// Encodes and decodes messages that stay on this node too, so that what cannot travel is found.
    ///
    /// With the feature `testing`, `HECTARE_FORCE_WIRE=1` in the environment makes this the default.
    pub force_wire: bool,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            listen: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
            advertise: None,
            shards: 1,
            http_workers: 1,
            blocking_threads: 16,
            http: http::Limits::default(),
            links: Limits::default(),
            security: Security::default(),
            authorities: None,
            stuck_after: Some(Duration::from_millis(100)),
            snapshot_rate: Some(Rate { permits: 2, within: Duration::from_secs(1) }),
            profiler: false,
            force_wire: force_wire::by_default(),
        }
    }
}

/// Why a runtime did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("failed to listen on {address}")]
    Listen { address: SocketAddr, source: std::io::Error },
    #[error("failed to start a thread")]
    Thread(#[source] std::io::Error),
    #[error("failed to set up TLS")]
    Tls(#[from] TlsError),
}
