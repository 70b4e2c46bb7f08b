//! The one port: accepts, looks at the first bytes, and hands the connection to who speaks it.
//!
//! ```text
//!  first byte of the link magic ── plain link ──► first shard
//!  0x16: TLS ─┬─ hectare/1 is offered ── handshake, then link ──► first shard
//!             └─ anything else ── handshake, then HTTP ──► an HTTP thread
//!  anything else ── plain HTTP ──► an HTTP thread
//! ```
//!
//! Nothing is consumed by looking, and nobody is waited for here: a connection that has still to say
//! what it is for is a task of its own, and a handshake runs where its connection will live.

use std::collections::VecDeque;
use std::future::Future;
use std::net::{SocketAddr, TcpListener as StdListener, TcpStream as StdStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::{Either, select};
use parking_lot::Mutex;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use super::tcp::{OneWay, prepare};
use super::tls::{For, Keyring, Keys, peek};
use crate::shard::Shared;
use crate::transport::{self, Arrival, Refusal};
use crate::{Runtime, http};

/// The first byte of every TLS connection.
const TLS: u8 = 0x16;
/// No TLS greeting is longer. Unit: bytes.
const TLS_HELLO_MAX: usize = 16 << 10;
/// How often a silent HTTP connection is asked whether its other end is there.
const ALIVE: Duration = Duration::from_secs(60);
/// How long until a TLS greeting that came in part is looked at again.
const AGAIN: Duration = Duration::from_millis(10);

/// An accepted connection on its way to an HTTP thread.
pub(super) struct Accepted {
    pub(super) stream: StdStream,
    pub(super) peer: SocketAddr,
    pub(super) tls: bool,
}

/// Where accepted connections go.
pub(super) struct Desk {
    pub(super) runtime: Runtime,
    pub(super) server: Arc<http::Server>,
    pub(super) keys: Arc<Keyring>,
    /// The other HTTP threads.
    pub(super) workers: Vec<UnboundedSender<Accepted>>,
    /// Whether this thread speaks HTTP itself.
    pub(super) here: bool,
    pub(super) turn: AtomicUsize,
    pub(super) silent: Silent,
}

/// Connections that have not said yet what they are for, the oldest first.
#[derive(Default)]
pub(super) struct Silent(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    last: u64,
    /// By number, which grows; each is told when it has to make room.
    all: VecDeque<(u64, oneshot::Sender<()>)>,
}

impl Silent {
    /// One more; completes when it has to make room. The oldest does when there are more than `most`.
    fn one(&self, most: usize) -> (u64, oneshot::Receiver<()>) {
        let (leave, left) = oneshot::channel();
        let mut waiting = self.0.lock();
        waiting.last += 1;
        let number = waiting.last;
        waiting.all.push_back((number, leave));
        if waiting.all.len() > most
            && let Some((_, oldest)) = waiting.all.pop_front()
        {
            let _ = oldest.send(());
        }
        (number, left)
    }

    fn spoke(&self, number: u64) {
        let waiting = &mut self.0.lock().all;
        if let Ok(at) = waiting.binary_search_by_key(&number, |(number, _)| *number) {
            waiting.remove(at);
        }
    }
}

/// Accepts for as long as the thread lives.
pub(super) async fn listen(listener: StdListener, desk: Desk) {
    let listener = TcpListener::from_std(listener).expect("the listener is of this machine");
    let desk = Arc::new(desk);
    let mut pace = Pace::new(desk.runtime.peers().limits().accepts, desk.runtime.elapsed());
    loop {
        if let Some(wait) = pace.wait(desk.runtime.elapsed()) {
            desk.runtime.sleep(wait).await;
            continue;
        }
        match listener.accept().await {
            Ok((stream, peer)) => {
                pace.one();
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

/// So many a second, all of a second's at once if need be.
struct Pace {
    a_second: f64,
    left: f64,
    last: Duration,
}

impl Pace {
    fn new(a_second: u32, now: Duration) -> Pace {
        let a_second = f64::from(a_second.max(1));
        Pace { a_second, left: a_second, last: now }
    }

    fn one(&mut self) {
        self.left -= 1.0;
    }

    /// How long until there may be one more; nothing if it may be now.
    fn wait(&mut self, now: Duration) -> Option<Duration> {
        let passed = now.saturating_sub(self.last).as_secs_f64();
        self.last = now;
        self.left = (self.left + passed * self.a_second).min(self.a_second);
        (self.left < 1.0).then(|| Duration::from_secs_f64((1.0 - self.left) / self.a_second))
    }
}

/// What a connection is for.
enum Sort {
    Link { tls: bool },
    Http { tls: bool },
}

/// Decides by the first bytes who serves a connection.
async fn sort(stream: TcpStream, peer: SocketAddr, desk: Arc<Desk>) {
    let limits = desk.runtime.peers().limits();
    let keys = desk.keys.get();
    let (number, full) = desk.silent.one(limits.silent);
    let late = desk.runtime.sleep(limits.greeting);
    let sorted = match select(Box::pin(look(&stream, keys.is_some())), select(full, late)).await {
        Either::Left((sorted, _)) => sorted,
        Either::Right(_) => Err(Some(Refusal::Silent)),
    };
    desk.silent.spoke(number);
    let only_tls = keys.as_ref().is_some_and(|keys| !keys.plain_too);
    let sorted = match sorted {
        Ok(Sort::Link { tls: false } | Sort::Http { tls: false }) if only_tls => Err(Some(Refusal::Plain)),
        sorted => sorted,
    };
    match sorted {
        Ok(_) if stream.set_nodelay(true).is_err() => {}
        Ok(Sort::Link { tls }) => take_link(stream, peer, tls, &desk),
        Ok(Sort::Http { tls }) => take_http(stream, peer, tls, desk).await,
        Err(Some(refusal)) => desk.runtime.peers().refuse(&desk.runtime, refusal, || format!("from {peer}")),
        Err(None) => {}
    }
}

/// Errors: when it is for nothing, and why; without a reason if it is gone.
async fn look(stream: &TcpStream, with_tls: bool) -> Result<Sort, Option<Refusal>> {
    let mut first = [0];
    if stream.peek(&mut first).await.ok() != Some(1) {
        return Err(None);
    }
    match first[0] {
        byte if byte == transport::MAGIC[0] => Ok(Sort::Link { tls: false }),
        TLS if with_tls => look_into_tls(stream).await,
        TLS => Err(Some(Refusal::Tls)),
        _ => Ok(Sort::Http { tls: false }),
    }
}

async fn look_into_tls(stream: &TcpStream) -> Result<Sort, Option<Refusal>> {
    let mut hello = vec![0; 2 << 10];
    let mut seen = 0;
    loop {
        let before = seen;
        seen = stream.peek(&mut hello).await.map_err(|_| None)?;
        if seen == 0 {
            return Err(None);
        }
        if seen > before {
            match peek(&hello[..seen]) {
                Ok(Some(For::Link)) => return Ok(Sort::Link { tls: true }),
                Ok(Some(For::Http)) => return Ok(Sort::Http { tls: true }),
                Ok(None) => {}
                Err(()) => return Err(Some(Refusal::Handshake)),
            }
        }
        if seen == hello.len() {
            if seen >= TLS_HELLO_MAX {
                return Err(Some(Refusal::Handshake));
            }
            hello.resize(TLS_HELLO_MAX, 0);
        } else {
            // Looking consumes nothing, so that waiting for more would return at once.
            nap().await;
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "sockets exist under the real clock only")]
async fn nap() {
    tokio::time::sleep(AGAIN).await;
}

/// Links live on the first shard.
fn take_link(stream: TcpStream, peer: SocketAddr, tls: bool, desk: &Desk) {
    let Ok(stream) = stream.into_std() else { return };
    let (runtime, keys) = (desk.runtime.clone(), desk.keys.get().filter(|_| tls));
    let shard: Arc<Shared> = runtime.shards()[0].clone();
    shard.command(Box::new(move |_| {
        if let Ok(stream) = TcpStream::from_std(stream) {
            let spawner = runtime.environment().spawner.clone();
            spawner.local(Box::pin(link(runtime, stream, peer, keys))).detach();
        }
    }));
}

async fn link(runtime: Runtime, stream: TcpStream, peer: SocketAddr, keys: Option<Arc<Keys>>) {
    if prepare(&stream).is_err() {
        return;
    }
    let stream = OneWay::new(stream);
    let same_ip = runtime.peers().security().require_peer_address;
    let arrival = match keys {
        None => Arrival {
            may_live_at: Box::new(move |node| !same_ip || node.ip() == peer.ip()),
            peer: Some(peer),
            ..Arrival::plain(Box::new(stream))
        },
        Some(keys) => {
            let Some((stream, principal)) = shake_hands(&runtime, peer, keys.accept_link(stream)).await
            else {
                return;
            };
            let names = keys.named_addresses(&stream);
            Arrival {
                stream: Box::new(stream),
                peer: Some(peer),
                principal: Some(principal),
                may_live_at: Box::new(move |node| names(node) && (!same_ip || node.ip() == peer.ip())),
            }
        }
    };
    transport::accept(runtime, arrival).await;
}

/// Completes a handshake, in time; if it fails, that is counted.
pub(super) async fn shake_hands<T>(
    runtime: &Runtime,
    peer: SocketAddr,
    handshake: impl Future<Output = std::io::Result<T>>,
) -> Option<T> {
    let late = runtime.sleep(runtime.peers().limits().greeting);
    let why = match select(Box::pin(handshake), late).await {
        Either::Left((Ok(done), _)) => return Some(done),
        Either::Left((Err(error), _)) => error.to_string(),
        Either::Right(_) => "late".to_owned(),
    };
    runtime.peers().refuse(runtime, Refusal::Handshake, || format!("from {peer}: {why}"));
    None
}

async fn take_http(stream: TcpStream, peer: SocketAddr, tls: bool, desk: Arc<Desk>) {
    // A link of an old driver may be silent for days; that its host has vanished must be noticed all the same.
    let _ =
        SockRef::from(&stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(ALIVE).with_interval(ALIVE));
    let turn =
        desk.turn.fetch_add(1, Ordering::Relaxed) % (desk.workers.len() + usize::from(desk.here)).max(1);
    match desk.workers.get(turn) {
        Some(worker) => {
            let Ok(stream) = stream.into_std() else { return };
            drop(worker.send(Accepted { stream, peer, tls }));
        }
        None if desk.here => {
            let keys = desk.keys.get().filter(|_| tls);
            answer(desk.server.clone(), &desk.runtime, keys, stream, peer).await;
        }
        None => {}
    }
}

/// Serves one HTTP connection on this thread.
pub(super) async fn answer(
    server: Arc<http::Server>,
    runtime: &Runtime,
    keys: Option<Arc<Keys>>,
    stream: TcpStream,
    peer: SocketAddr,
) {
    match keys {
        None => server.serve(stream, Some(peer)).await,
        Some(keys) => {
            if let Some((stream, who)) = shake_hands(runtime, peer, keys.accept_http(stream)).await {
                let certified = who.map(|who| http::Principal::named(who.as_str()));
                server.serve_certified(stream, Some(peer), certified).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_what_is_more_waits() {
        let at = |ms| Duration::from_millis(ms);
        let mut pace = Pace::new(10, at(0));
        for _ in 0..10 {
            assert_eq!(pace.wait(at(0)), None);
            pace.one();
        }
        assert_eq!(pace.wait(at(0)), Some(at(100)));
        assert_eq!(pace.wait(at(100)), None);
        pace.one();
        assert!(pace.wait(at(150)).is_some_and(|wait| wait < at(60)));
    }

    #[test]
    fn the_oldest_silent_one_makes_room_and_who_spoke_is_not_among_them() {
        let silent = Silent::default();
        let (first, mut oldest) = silent.one(2);
        let (second, mut spoke) = silent.one(2);
        silent.spoke(second);
        let (_third, mut third) = silent.one(2);
        assert!(oldest.try_recv().is_err() && first == 1);
        let (_fourth, _left) = silent.one(2);
        assert_eq!((oldest.try_recv(), third.try_recv().is_ok()), (Ok(()), false));
        assert!(spoke.try_recv().is_err());
    }
}
