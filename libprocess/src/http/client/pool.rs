//! Connections between requests, and the way of one request through them.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use ::http::{Method, StatusCode};
use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio::runtime::Handle;

use super::ClientError;
use super::connection::{Answering, Connection};
use super::secure::{Socket, Trust};
use crate::http::body::{Body, Chunks};
use crate::http::head::{Framing, write_request};
use crate::http::request::Request;
use crate::http::response::Response;
use crate::{Authorities, Tls};

/// A server that takes no connection for so long is not there.
const CONNECT_TIME: Duration = Duration::from_secs(10);
/// Kept connections per host and reactor.
const KEPT: usize = 8;

/// Real sockets.
#[derive(Clone, Default)]
pub(super) struct Pool {
    idle: Arc<Mutex<Idle>>,
    trust: Arc<Trust>,
}

/// Shape: (reactor, server) → connections, the freshest last.
type Idle = BTreeMap<(String, Server), Vec<Connection>>;

/// Where requests go, and how.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Server {
    /// `host:port`.
    host: String,
    secure: bool,
}

impl Pool {
    /// With a node's own certificate and authorities.
    pub(super) fn new(tls: Option<Tls>, authorities: Option<Authorities>) -> Pool {
        Pool { idle: Arc::default(), trust: Arc::new(Trust::new(tls, authorities)) }
    }

    /// Whether its node speaks TLS with others.
    pub(super) fn is_secure(&self) -> bool {
        self.trust.is_secure()
    }

    /// Trusts whoever answers.
    pub(super) fn unverified() -> Pool {
        Pool { idle: Arc::default(), trust: Arc::new(Trust::anybody()) }
    }

    pub(super) fn renew(&self, tls: &Tls) {
        self.trust.renew(tls);
    }

    /// Sends a request, within its own deadline.
    pub(super) async fn send(&self, request: Request) -> Result<Response, ClientError> {
        let secure = request.is_secure();
        let Some(host) = request.host().map(|host| with_port(host, secure)) else {
            return Err(ClientError::Url(request.target().to_owned()));
        };
        let server = Server { host, secure };
        match request.deadline() {
            None => self.exchange(server, request).await,
            Some(limit) => match within(limit, self.exchange(server.clone(), request)).await {
                Some(done) => done,
                None => Err(ClientError::Timeout { host: server.host, limit }),
            },
        }
    }

    async fn exchange(&self, server: Server, request: Request) -> Result<Response, ClientError> {
        let Request { method, headers, body, .. } = &request;
        let mut head = BytesMut::new();
        let framing = match body.len() {
            Some(0) if *method == Method::GET || *method == Method::HEAD => None,
            Some(length) => Some(Framing::Length(length)),
            None => Some(Framing::Chunked),
        };
        write_request(&mut head, method, request.target(), &server.host, headers, framing);
        let head = head.freeze();
        let method = method.clone();
        // Only what may be done twice is tried twice: a kept connection may have just been closed.
        let again = method.is_idempotent() && framing.is_none();
        let mut body = Some(request.body);
        while let Some(kept) = self.take(&server) {
            let body = if again { Body::Empty } else { body.take().unwrap_or_default() };
            match kept.exchange(&method, head.clone(), body).await {
                Ok(answering) => return Ok(self.response(server, answering)),
                Err(_) if again => {}
                Err(why) => return Err(ClientError::Broken { host: server.host, why }),
            }
        }
        let fresh = self.connect(&server).await?;
        match fresh.exchange(&method, head, body.take().unwrap_or_default()).await {
            Ok(answering) => Ok(self.response(server, answering)),
            Err(why) => Err(ClientError::Broken { host: server.host, why }),
        }
    }

    async fn connect(&self, server: &Server) -> Result<Connection, ClientError> {
        let socket = self.socket(&server.host, server.secure).await;
        socket
            .map(Connection::new)
            .map_err(|source| ClientError::Connect { host: server.host.clone(), source })
    }

    /// A new connection to `host:port`.
    pub(super) async fn socket(&self, host: &str, secure: bool) -> io::Result<Socket> {
        let socket = async {
            let stream = TcpStream::connect(host).await?;
            let _ = stream.set_nodelay(true); // only a matter of speed
            if secure { self.trust.secure(stream, host).await } else { Ok(Socket::Plain(stream)) }
        };
        within(CONNECT_TIME, socket).await.unwrap_or(Err(io::ErrorKind::TimedOut.into()))
    }

    /// A body that is here needs its connection no longer; any other keeps it until read.
    fn response(&self, server: Server, mut answering: Answering) -> Response {
        let mut response = Response::new(StatusCode::OK);
        (response.status, response.headers) = answering.head();
        response.body = match answering.rest() {
            Some(whole) => {
                let whole: Bytes = whole;
                self.put_back(server, answering);
                whole.into()
            }
            None => {
                let pool = self.clone();
                Body::Stream(Chunks::new(answering.into_stream(move |done| pool.put_back(server, done))))
            }
        };
        response
    }

    fn take(&self, server: &Server) -> Option<Connection> {
        let key = (reactor(), server.clone());
        let mut idle = self.idle.lock();
        let kept = idle.get_mut(&key)?;
        while let Some(mut connection) = kept.pop() {
            if connection.is_fresh() {
                return Some(connection);
            }
        }
        idle.remove(&key);
        None
    }

    fn put_back(&self, server: Server, answering: Answering) {
        let Some(connection) = answering.into_idle() else {
            return;
        };
        let mut idle = self.idle.lock();
        let kept = idle.entry((reactor(), server)).or_default();
        if kept.len() < KEPT {
            kept.push(connection);
        }
    }
}

/// Names the reactor this runs on.
fn reactor() -> String {
    Handle::try_current().map_or_else(|_| String::new(), |handle| handle.id().to_string())
}

/// The port of a host without one is 80, or 443 where TLS is spoken.
fn with_port(host: &str, secure: bool) -> String {
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    if has_port { host.to_owned() } else { format!("{host}:{}", if secure { 443 } else { 80 }) }
}

#[expect(clippy::disallowed_methods, reason = "sockets exist under the real clock only")]
async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(limit, work).await.ok()
}
