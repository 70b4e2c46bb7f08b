//! The one port: accepts, looks at the first byte, and hands the connection to who speaks it.
//!
//! The link magic begins with a byte that no HTTP method has; nothing is consumed by looking.

use std::net::{SocketAddr, TcpListener as StdListener, TcpStream as StdStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::UnboundedSender;

use crate::shard::Shared;
use crate::transport;
use crate::{Runtime, http};

/// How long a connection may say nothing at all.
const SILENCE: Duration = Duration::from_secs(10);
/// How many connections may be silent at a time; more are closed at once.
const SILENT: usize = 4_096;

/// An accepted connection on its way to an HTTP thread.
pub(super) type Accepted = (StdStream, SocketAddr);

/// Where accepted connections go.
pub(super) struct Desk {
    pub(super) runtime: Runtime,
    pub(super) server: Arc<http::Server>,
    /// The other HTTP threads.
    pub(super) workers: Vec<UnboundedSender<Accepted>>,
    /// Whether this thread speaks HTTP itself.
    pub(super) here: bool,
    pub(super) turn: AtomicUsize,
    pub(super) silent: AtomicUsize,
}

/// Accepts for as long as the thread lives.
pub(super) async fn listen(listener: StdListener, desk: Desk) {
    let listener = TcpListener::from_std(listener).expect("the listener is of this machine");
    let desk = Arc::new(desk);
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                if desk.silent.load(Ordering::Relaxed) >= SILENT {
                    tracing::warn!(%peer, "too many silent connections, closed one");
                    continue;
                }
                desk.silent.fetch_add(1, Ordering::Relaxed);
                tokio::task::spawn_local(sort(stream, peer, desk.clone()));
            }
            Err(error) => {
                // Mostly: no descriptors left. Others may free some.
                tracing::warn!(%error, "failed to accept a connection");
                desk.runtime.sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

/// Decides by the first byte who serves a connection.
async fn sort(stream: TcpStream, peer: SocketAddr, desk: Arc<Desk>) {
    let mut first = [0];
    let late = desk.runtime.sleep(SILENCE);
    let seen = match select(Box::pin(stream.peek(&mut first)), late).await {
        Either::Left((seen, _)) => seen.ok(),
        Either::Right(_) => None,
    };
    desk.silent.fetch_sub(1, Ordering::Relaxed);
    if seen != Some(1) || stream.set_nodelay(true).is_err() {
        return;
    }
    if first[0] == transport::MAGIC[0] {
        let Ok(stream) = stream.into_std() else { return };
        take_link(stream, desk.runtime.clone());
        return;
    }
    let turn =
        desk.turn.fetch_add(1, Ordering::Relaxed) % (desk.workers.len() + usize::from(desk.here)).max(1);
    match desk.workers.get(turn) {
        Some(worker) => {
            let Ok(stream) = stream.into_std() else { return };
            drop(worker.send((stream, peer)));
        }
        None if desk.here => desk.server.clone().serve(stream, Some(peer)).await,
        None => {}
    }
}

/// Links live on the first shard.
fn take_link(stream: StdStream, runtime: Runtime) {
    let shard: Arc<Shared> = runtime.shards()[0].clone();
    shard.command(Box::new(move |_| {
        if let Ok(stream) = TcpStream::from_std(stream) {
            let spawner = runtime.environment().spawner.clone();
            spawner.local(Box::pin(transport::accept(runtime, Box::new(stream)))).detach();
        }
    }));
}
