//! What a runtime is put together from, by the driver that will turn it.

use std::net::SocketAddr;
use std::sync::Arc;
#[cfg(feature = "testing")]
use std::time::Duration;

use crate::environment::Environment;
use crate::http;
use crate::inspect::Rate;
use crate::metrics::Metrics;
use crate::shard::Shared;
#[cfg(feature = "testing")]
use crate::testing::{Hand, Work};
use crate::tls::{Tls, TlsError};
use crate::transport::Ways;

/// What turns the shards of a runtime.
pub(crate) trait Driver: Send + Sync {
    /// The processes have ended: stops the shards, the listener and the workers.
    fn shutdown(&self);
    /// Whether this driver waits for real threads.
    fn is_real(&self) -> bool;
    /// Takes other keys into use.
    fn renew(&self, _: &Tls) -> Result<(), TlsError> {
        Err(TlsError::Plain)
    }
    /// A hand on its clock, and how much time has truly passed; none if it has no clock of its own.
    #[cfg(feature = "testing")]
    fn hand(&self) -> Option<(&Arc<Hand>, Duration)> {
        None
    }
    /// What its threads have done and have to do.
    #[cfg(feature = "testing")]
    fn work(&self) -> Option<&Arc<Work>> {
        None
    }
}

/// What every runtime counts.
pub(crate) struct Counts {
    pub(crate) rejected: ::metrics::Counter,
    pub(crate) dropped: ::metrics::Counter,
    pub(super) spawned: ::metrics::Counter,
    pub(super) panicked: ::metrics::Counter,
    /// Handlers that held their shard for too long.
    pub(crate) stuck: ::metrics::Counter,
}

/// The pieces a driver puts a runtime together from.
pub(crate) struct Assembly {
    pub(crate) address: SocketAddr,
    pub(crate) environment: Environment,
    pub(crate) shards: Vec<Arc<Shared>>,
    pub(crate) router: http::Router,
    pub(crate) metrics: Metrics,
    pub(crate) client: http::Client,
    pub(crate) ways: Ways,
    pub(crate) force_wire: bool,
    pub(crate) driver: Box<dyn Driver>,
    pub(crate) snapshot_rate: Option<Rate>,
    pub(crate) profiler: bool,
    /// It shows nothing of itself over HTTP.
    pub(crate) bare: bool,
}
