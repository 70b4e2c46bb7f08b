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
use crate::http::body::{Body, Chunks};
use crate::http::head::{Framing, write_request};
use crate::http::request::Request;
use crate::http::response::Response;

/// A server that takes no connection for so long is not there.
const CONNECT_TIME: Duration = Duration::from_secs(10);
/// Kept connections per host and reactor.
const KEPT: usize = 8;

/// Real sockets.
#[derive(Clone, Default)]
pub(super) struct Pool {
    idle: Arc<Mutex<Idle>>,
}

/// Shape: (reactor, host) → connections, the freshest last.
type Idle = BTreeMap<(String, String), Vec<Connection>>;

impl Pool {
    /// Sends a request, within its own deadline.
    pub(super) async fn send(&self, request: Request) -> Result<Response, ClientError> {
        let Some(host) = request.host().map(with_port) else {
            return Err(ClientError::Url(request.target().to_owned()));
        };
        match request.deadline() {
            None => self.exchange(host, request).await,
            Some(limit) => match within(limit, self.exchange(host.clone(), request)).await {
                Some(done) => done,
                None => Err(ClientError::Timeout { host, limit }),
            },
        }
    }

    async fn exchange(&self, host: String, request: Request) -> Result<Response, ClientError> {
        let Request { method, headers, body, .. } = &request;
        let mut head = BytesMut::new();
        let framing = match body.len() {
            Some(0) if *method == Method::GET || *method == Method::HEAD => None,
            Some(length) => Some(Framing::Length(length)),
            None => Some(Framing::Chunked),
        };
        write_request(&mut head, method, request.target(), &host, headers, framing);
        let head = head.freeze();
        let method = method.clone();
        // Only what may be done twice is tried twice: a kept connection may have just been closed.
        let again = method.is_idempotent() && framing.is_none();
        let mut body = Some(request.body);
        while let Some(kept) = self.take(&host) {
            let body = if again { Body::Empty } else { body.take().unwrap_or_default() };
            match kept.exchange(&method, head.clone(), body).await {
                Ok(answering) => return Ok(self.response(host, answering)),
                Err(_) if again => {}
                Err(why) => return Err(ClientError::Broken { host, why }),
            }
        }
        let fresh = connect(&host).await?;
        match fresh.exchange(&method, head, body.take().unwrap_or_default()).await {
            Ok(answering) => Ok(self.response(host, answering)),
            Err(why) => Err(ClientError::Broken { host, why }),
        }
    }

    /// A body that is here needs its connection no longer; any other keeps it until read.
    fn response(&self, host: String, mut answering: Answering) -> Response {
        let mut response = Response::new(StatusCode::OK);
        (response.status, response.headers) = answering.head();
        response.body = match answering.rest() {
            Some(whole) => {
                let whole: Bytes = whole;
                self.put_back(host, answering);
                whole.into()
            }
            None => {
                let pool = self.clone();
                Body::Stream(Chunks::new(answering.into_stream(move |done| pool.put_back(host, done))))
            }
        };
        response
    }

    fn take(&self, host: &str) -> Option<Connection> {
        let key = (reactor(), host.to_owned());
        let mut idle = self.idle.lock();
        let kept = idle.get_mut(&key)?;
        while let Some(connection) = kept.pop() {
            if connection.is_fresh() {
                return Some(connection);
            }
        }
        idle.remove(&key);
        None
    }

    fn put_back(&self, host: String, answering: Answering) {
        let Some(connection) = answering.into_idle() else {
            return;
        };
        let mut idle = self.idle.lock();
        let kept = idle.entry((reactor(), host)).or_default();
        if kept.len() < KEPT {
            kept.push(connection);
        }
    }
}

/// Names the reactor this runs on.
fn reactor() -> String {
    Handle::try_current().map_or_else(|_| String::new(), |handle| handle.id().to_string())
}

/// The port of a host without one is 80.
fn with_port(host: &str) -> String {
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    if has_port { host.to_owned() } else { format!("{host}:80") }
}

async fn connect(host: &str) -> Result<Connection, ClientError> {
    let failed = |source| ClientError::Connect { host: host.to_owned(), source };
    match within(CONNECT_TIME, TcpStream::connect(host)).await {
        Some(Ok(stream)) => {
            let _ = stream.set_nodelay(true); // only a matter of speed
            Ok(Connection::new(stream))
        }
        Some(Err(source)) => Err(failed(source)),
        None => Err(failed(io::ErrorKind::TimedOut.into())),
    }
}

#[expect(clippy::disallowed_methods, reason = "sockets exist under the real clock only")]
async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(limit, work).await.ok()
}
