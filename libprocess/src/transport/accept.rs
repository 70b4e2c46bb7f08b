//! Somebody dialled us: greets, lets in or turns away, and stays until the connection breaks.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::{Either, select};
use rand::Rng as _;

use super::greeting::{self, Unwelcome};
use super::incoming::Incoming;
use super::outgoing::SILENT_PINGS;
use super::rarely::rarely;
use super::refusals::Refusal;
use crate::environment::Stream;
use crate::{Principal, Runtime};

/// Nobody is waited for longer between two pings.
const PING_MAX: Duration = Duration::from_secs(60);

/// A connection as the listener hands it over.
pub(crate) struct Arrival {
    pub(crate) stream: Box<dyn Stream>,
    /// Where it comes from, for the log.
    pub(crate) peer: Option<SocketAddr>,
    /// Whom the connection shows to be at its other end.
    pub(crate) principal: Option<Principal>,
    /// Whether whoever is there may say that its node lives at an address.
    pub(crate) may_live_at: Box<dyn Fn(SocketAddr) -> bool>,
}

impl Arrival {
    /// From a network that shows no more than bytes.
    pub(crate) fn plain(stream: Box<dyn Stream>) -> Arrival {
        Arrival { stream, peer: None, principal: None, may_live_at: Box::new(|_| true) }
    }
}

/// Speaks with a node that dialled us, until the connection breaks.
pub(crate) async fn accept(runtime: Runtime, arrival: Arrival) {
    let peers = runtime.peers();
    let Arrival { mut stream, peer, principal, may_live_at } = arrival;
    let from = || peer.map_or_else(String::new, |peer| format!(" from {peer}"));
    let _open = Open::one(&peers.incoming);
    if peers.incoming.load(Ordering::Relaxed) > peers.limits.links {
        return peers.refuse(&runtime, Refusal::TooManyLinks, || format!("a link{}", from()));
    }
    let mut nonce = [0; 32];
    runtime.environment().rng.stream("nonce").fill_bytes(&mut nonce);
    let greeting = greeting::welcome(&mut *stream, peers.epoch.0, nonce, principal, &peers.security);
    let (hello, principal) = match select(Box::pin(greeting), runtime.sleep(peers.limits.greeting)).await {
        Either::Left((Ok(greeted), _)) => greeted,
        Either::Left((Err(Unwelcome(why, what)), _)) => {
            return peers.refuse(&runtime, why, || format!("a link{}: {what}", from()));
        }
        Either::Right(_) => {
            return peers.refuse(&runtime, Refusal::Greeting, || format!("a link{}: late", from()));
        }
    };
    if !may_live_at(hello.node) {
        return peers.refuse(&runtime, Refusal::PeerAddress, || format!("node {}{}", hello.node, from()));
    }
    let Some(closer) = peers.incoming(hello.node, principal.clone()) else {
        return peers.refuse(&runtime, Refusal::PeerAddress, || {
            format!("node {}{}: another principal speaks for it", hello.node, from())
        });
    };
    peers.counts.accepted.increment(1);
    let mut incoming = Incoming::new(&runtime, &hello, principal);
    let heard = Cell::new(runtime.elapsed());
    let reading = Box::pin(incoming.read(stream, &heard));
    let node = peers.peer(hello.node);
    let silence = Box::pin(silence(&runtime, &heard, hello.ping, || node.answered()));
    let ending = rarely(select(Box::pin(closer.wait()), silence));
    let ended = match select(reading, ending).await {
        Either::Left((ended, _)) => ended,
        Either::Right((Either::Left(_), _)) => Ok(()),
        Either::Right((Either::Right(_), _)) => Err(io::ErrorKind::TimedOut.into()),
    };
    match ended {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            peers.refuse(&runtime, Refusal::Frame, || format!("node {}{}: {error}", hello.node, from()));
        }
        Err(error) if error.kind() == io::ErrorKind::TimedOut => {
            peers.refuse(&runtime, Refusal::Silent, || format!("node {}{}", hello.node, from()));
        }
        Err(error) => tracing::debug!(node = %hello.node, %error, "connection broken"),
    }
    incoming.leave();
}

/// One open link, counted while it lives.
struct Open<'a>(&'a AtomicUsize);

impl Open<'_> {
    fn one(open: &AtomicUsize) -> Open<'_> {
        open.fetch_add(1, Ordering::Relaxed);
        Open(open)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Returns when nothing came for too long; twice as long is waited for a node that answers ours meanwhile, and spares its
/// own pings. It sleeps until that may be so; a timer for each read would cost more than the read.
async fn silence(
    runtime: &Runtime,
    heard: &Cell<Duration>,
    ping: u32,
    answered: impl Fn() -> Option<Duration>,
) {
    let ping = Duration::from_millis(ping.into()).clamp(Duration::from_millis(100), PING_MAX);
    let patience = ping * SILENT_PINGS;
    loop {
        let last = answered().unwrap_or_default().clamp(heard.get(), heard.get() + patience);
        let patience = (last + patience).saturating_sub(runtime.elapsed());
        if patience.is_zero() {
            return;
        }
        runtime.sleep(patience).await;
    }
}
