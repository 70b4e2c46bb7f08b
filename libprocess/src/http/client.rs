//! The other end: sends requests, reads answers as they arrive.
//!
//! Connections are kept per host and per reactor: a socket works only where its reactor runs. An
//! answer that is still being read has its connection to itself.

mod connection;
mod pool;
mod secure;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};

use super::request::Request;
use super::response::Response;
use crate::{Authorities, Tls};
use pool::Pool;

/// Sends requests. Cheap to clone, usable on any shard, in `ctx.task` and in `block_on`.
#[derive(Clone)]
pub struct Client {
    way: Way,
}

#[derive(Clone)]
enum Way {
    Sockets(Pool),
    /// Straight to a router: a simulated network.
    Direct(Arc<Direct>),
}

type Direct = dyn Fn(Request) -> LocalBoxFuture<'static, Result<Response, ClientError>> + Send + Sync;

/// Why there is no answer. What a server answers, be it an error, is a [`Response`].
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The request names no host, or one that is none.
    #[error("url without a usable host: {0:?}")]
    Url(String),
    /// Nobody took the connection. The request was not seen by anyone.
    #[error("failed to connect to {host}")]
    Connect {
        /// `host:port`.
        host: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The deadline passed. The request may have been seen.
    #[error("no answer from {host} within {limit:?}")]
    Timeout {
        /// `host:port`.
        host: String,
        /// The deadline.
        limit: Duration,
    },
    /// The connection broke before there was an answer. The request may have been seen.
    #[error("connection to {host} broke: {why}")]
    Broken {
        /// `host:port`.
        host: String,
        /// What was seen of it.
        why: String,
    },
}

impl ClientError {
    /// Whether the request certainly reached nobody, so that sending it again is harmless.
    pub fn was_not_seen(&self) -> bool {
        matches!(self, ClientError::Connect { .. } | ClientError::Url(_))
    }
}

impl Client {
    /// A client with real sockets.
    pub fn new() -> Client {
        Client { way: Way::Sockets(Pool::default()) }
    }

    /// A client that takes whatever certificate a server shows: it learns whether somebody answers, not who.
    pub fn unverified() -> Client {
        Client { way: Way::Sockets(Pool::unverified()) }
    }

    /// A client that trusts a node's authorities too, and shows its certificate, if it has one, where one is asked for.
    pub(crate) fn with(tls: Option<Tls>, authorities: Option<Authorities>) -> Client {
        Client { way: Way::Sockets(Pool::new(tls, authorities)) }
    }

    /// A client that sends by other means.
    pub fn direct(way: Arc<Direct>) -> Client {
        Client { way: Way::Direct(way) }
    }

    /// Where a path is at `site`, which is `host:port`, or says itself how it is spoken to, as in `https://host:port`. If it does
    /// not, that is over TLS where this client's node has a certificate, or was told whom to believe.
    pub fn url(&self, site: &str, path: &str) -> String {
        match (site.contains("://"), self.is_secure()) {
            (true, _) => format!("{site}{path}"),
            (false, true) => format!("https://{site}{path}"),
            (false, false) => format!("http://{site}{path}"),
        }
    }

    /// Whether its node speaks TLS with others if nothing else is said.
    pub fn is_secure(&self) -> bool {
        matches!(&self.way, Way::Sockets(pool) if pool.is_secure())
    }

    /// Sends a request and completes with the head of the answer; the body is read from it.
    ///
    /// Errors: when nobody answers. Redirects are answers, not followed.
    pub async fn send(&self, request: Request) -> Result<Response, ClientError> {
        match &self.way {
            // On the heap: whoever waits for an answer need not have room for all that getting one may take.
            Way::Sockets(pool) => Box::pin(pool.send(request)).await,
            Way::Direct(way) => way(request).await,
        }
    }
}

impl Client {
    /// A connection of its own to `host:port`, over TLS where this client's node speaks it.
    ///
    /// Errors: when nobody takes it; in a simulation, which has no sockets, nobody does.
    pub(crate) async fn connect(
        &self,
        host: &str,
    ) -> io::Result<impl AsyncRead + AsyncWrite + Unpin + use<>> {
        match &self.way {
            Way::Sockets(pool) => pool.socket(host, pool.is_secure()).await,
            Way::Direct(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Takes a node's renewed certificate and authorities into use.
    pub(crate) fn renew(&self, tls: &Tls) {
        if let Way::Sockets(pool) = &self.way {
            pool.renew(tls);
        }
    }
}

impl Default for Client {
    fn default() -> Client {
        Client::new()
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Client")
    }
}
