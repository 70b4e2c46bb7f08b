//! The nodes this one speaks to.

use std::any::Any;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use libprocess_wire as wire;
use metrics::Counter;
use parking_lot::RwLock;

use super::closer::Closer;
use super::frame::Kind;
use super::greeting::Channel;
use super::limits::Limits;
use super::outgoing;
use super::peer::{OpenAsk, Peer, PeerLook, Then};
use super::refusals::{Refusal, Refusals};
use crate::identity::{Credential, Principal, Security};
use crate::link::Exit;
use crate::mailbox::AnyCell;
use crate::metrics::Metrics;
use crate::upid::Epoch;
use crate::{AskError, Runtime, SendError, Upid};

/// All other nodes, by address.
pub(crate) struct Peers {
    pub(super) address: SocketAddr,
    pub(super) epoch: Epoch,
    peers: RwLock<BTreeMap<(SocketAddr, Channel), Arc<Peer>>>,
    pub(super) security: Security,
    /// As whom this node is known to others.
    pub(super) principal: Option<Principal>,
    pub(super) limits: Limits,
    older: bool,
    /// Links that others dialled and that are open.
    pub(super) incoming: AtomicUsize,
    pub(super) counts: Counts,
    pub(super) refusals: Refusals,
}

/// How links are proved, and how many there may be.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ways {
    pub(crate) security: Security,
    pub(crate) limits: Limits,
    /// Of messages that have an older version, only that is said and read.
    pub(crate) older: bool,
}

/// What links count.
pub(super) struct Counts {
    pub(super) connected: Counter,
    pub(super) accepted: Counter,
    pub(super) broken: Counter,
    pub(super) frames_sent: Counter,
    pub(super) frames_lost: Counter,
    pub(super) frames_received: Counter,
    pub(super) bytes_sent: Counter,
    pub(super) bytes_received: Counter,
}

impl Counts {
    fn new(metrics: &Metrics) -> Counts {
        let counter = |name: &str| metrics.counter(format!("libprocess/links/{name}"));
        Counts {
            connected: counter("connected"),
            accepted: counter("accepted"),
            broken: counter("broken"),
            frames_sent: counter("frames_sent"),
            frames_lost: counter("frames_lost"),
            frames_received: counter("frames_received"),
            bytes_sent: counter("bytes_sent"),
            bytes_received: counter("bytes_received"),
        }
    }
}

/// Forgets a question to another node.
pub(crate) struct AskCancel {
    peer: Arc<Peer>,
    correlation: u64,
}

impl AskCancel {
    pub(crate) fn cancel(self) {
        drop(self.peer.forget_ask(self.correlation));
    }
}

/// What is said when a linked process ends.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Departure {
    pub(super) linker: Name,
    pub(super) linked: Name,
    pub(super) exit: Exit,
}

/// Id and epoch; the node is known from the connection.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    id: String,
    epoch: Option<u64>,
}

#[cfg(test)]
impl Departure {
    /// One whose bytes are known.
    pub(super) fn golden(exit: Exit) -> Departure {
        let name = |id: &str| Name { id: id.to_owned(), epoch: None };
        Departure { linker: name("a"), linked: name("b"), exit }
    }
}

impl Name {
    fn of(upid: &Upid) -> Name {
        Name { id: upid.id().to_owned(), epoch: upid.epoch().map(|epoch| epoch.0) }
    }

    pub(super) fn at(self, node: SocketAddr) -> Upid {
        match self.epoch {
            Some(epoch) => Upid::with_epoch(self.id, node, Epoch(epoch)),
            None => Upid::new(self.id, node),
        }
    }
}

impl Peers {
    pub(crate) fn new(address: SocketAddr, epoch: Epoch, ways: Ways, metrics: &Metrics) -> Peers {
        let Ways { security, limits, older } = ways;
        let by_certificate = security.tls.as_ref().and_then(|tls| tls.principal().ok());
        let by_credential = || security.credential.as_ref().map(|credential| credential.principal.clone());
        Peers {
            address,
            epoch,
            peers: RwLock::default(),
            principal: by_certificate.or_else(by_credential),
            security,
            limits,
            older,
            incoming: AtomicUsize::new(0),
            counts: Counts::new(metrics),
            refusals: Refusals::new(metrics),
        }
    }

    /// What this node proves itself with where it dials `node`; nothing where the connection does.
    pub(super) fn credential_for(&self, node: SocketAddr) -> Option<Credential> {
        if self.security.tls.is_some() {
            return None;
        }
        let theirs = || {
            let principal = self.peers.read().get(&(node, Channel::Control))?.proved()?;
            let secret = self.security.secrets.get(&principal)?.clone();
            Some(Credential { principal, secret })
        };
        let shared = self.security.by_their_secret.then(theirs).flatten();
        shared.or_else(|| self.security.credential.clone())
    }

    /// As whom this node is known to others.
    pub(crate) fn principal(&self) -> Option<&Principal> {
        self.principal.as_ref()
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Whether this node is of the version before.
    pub(super) fn is_older(&self) -> bool {
        self.older
    }

    pub(crate) fn security(&self) -> &Security {
        &self.security
    }

    /// Something was turned away: counts it, and says so now and then.
    pub(crate) fn refuse(&self, runtime: &Runtime, refusal: Refusal, what: impl FnOnce() -> String) {
        self.refusals.count(runtime.elapsed(), refusal, what);
    }

    /// Sends a message to another node; never waits. `peer` is that node's.
    pub(crate) fn tell<M: wire::Message>(
        &self,
        runtime: &Runtime,
        peer: &Arc<Peer>,
        from: &Upid,
        to: &Upid,
        message: &M,
    ) -> Result<(), SendError> {
        if peer.tell(|| runtime.elapsed(), from, to, message)? == Then::Dial {
            outgoing::dial(runtime.clone(), peer.clone());
        }
        Ok(())
    }

    /// Sends a message to another node in pieces, behind no other message of the control link.
    pub(crate) fn tell_large<M: wire::Message>(
        &self,
        runtime: &Runtime,
        from: &Upid,
        to: &Upid,
        message: &M,
    ) -> Result<(), SendError> {
        let peer = self.way(to.address(), Channel::Bulk);
        let then = peer.tell_large(|| runtime.elapsed(), from, to, message)?;
        self.then(runtime, peer, then);
        Ok(())
    }

    /// Sends a question to another node; `asker` gets the answer under `number`, exactly once.
    pub(crate) fn ask<Q: wire::Question>(
        &self,
        runtime: &Runtime,
        asker: Arc<dyn AnyCell>,
        number: u64,
        to: &Upid,
        question: &Q,
        within: Duration,
    ) -> Option<AskCancel> {
        let peer = self.peer(to.address());
        let decode = |bytes: &[u8], older: bool| {
            let version = Q::OLDER.filter(|_| older).map_or(Q::VERSION, |older| older.version);
            Ok(Box::new(Q::decode_reply(bytes, version)?) as Box<dyn Any + Send>)
        };
        let open = OpenAsk { asker: asker.clone(), number, decode, older: false };
        match peer.ask(|| runtime.elapsed(), open, to, question, within) {
            Ok((then, correlation)) => {
                self.then(runtime, peer.clone(), then);
                Some(AskCancel { peer, correlation })
            }
            Err(error) => {
                asker.answer(number, Err(error.into()));
                None
            }
        }
    }

    /// Asks to hear when a process of another node ends.
    pub(crate) fn link(&self, runtime: &Runtime, linker: Arc<dyn AnyCell>, linked: &Upid) {
        let peer = self.peer(linked.address());
        match peer.link(|| runtime.elapsed(), &linker, linked) {
            Ok(then) => self.then(runtime, peer, then),
            Err(_) => {
                // It may have been noted before there was no room for the frame.
                drop(peer.take_link(linker.upid(), linked));
                linker.exited(linked.clone(), Exit::LinkBroken);
            }
        }
    }

    pub(crate) fn unlink(&self, runtime: &Runtime, linker: &Upid, linked: &Upid) {
        let peer = self.peer(linked.address());
        let then = peer.unlink(linker, linked);
        self.then(runtime, peer, then);
    }

    /// Answers a question of another node. If that cannot be reached, what it dialled is closed, so that
    /// its askers hear of it.
    pub(super) fn reply(
        &self,
        runtime: &Runtime,
        peer: &Arc<Peer>,
        correlation: u64,
        answer: &Result<Vec<u8>, AskError>,
        flags: u8,
    ) {
        match peer.reply(|| runtime.elapsed(), correlation, answer, flags) {
            Ok(then) => self.then(runtime, peer.clone(), then),
            // An answer too large to travel is no answer.
            Err(SendError::Full) if answer.is_ok() => {
                self.reply(runtime, peer, correlation, &Err(AskError::Rejected), 0);
            }
            Err(_) => peer.close_incoming(),
        }
    }

    /// Tells a linker of another node that a process of ours has ended.
    pub(super) fn exited(&self, runtime: &Runtime, linker: &Upid, linked: &Upid, exit: Exit) {
        let peer = self.peer(linker.address());
        let departure = Departure { linker: Name::of(linker), linked: Name::of(linked), exit };
        match peer.plain(|| runtime.elapsed(), Kind::Exited, |body| wire::encode_into(&departure, body)) {
            Ok(then) => self.then(runtime, peer, then),
            Err(_) => peer.close_incoming(),
        }
    }

    /// A node dialled us. `None` if another principal speaks for it already.
    pub(super) fn incoming(&self, node: SocketAddr, principal: Option<Principal>) -> Option<Arc<Closer>> {
        self.peer(node).incoming(principal)
    }

    pub(crate) fn peer(&self, address: SocketAddr) -> Arc<Peer> {
        self.way(address, Channel::Control)
    }

    pub(super) fn way(&self, address: SocketAddr, channel: Channel) -> Arc<Peer> {
        if let Some(peer) = self.peers.read().get(&(address, channel)) {
            return peer.clone();
        }
        let mut peers = self.peers.write();
        // Sixteen bits less: there will be many questions, and each carries its number.
        let asked = self.epoch.0 >> 16;
        peers
            .entry((address, channel))
            .or_insert_with(|| Arc::new(Peer::new(address, channel, &self.limits, asked, self.older)))
            .clone()
    }

    /// Every way to another node, in order of addresses.
    pub(crate) fn look(&self, now: Duration) -> Vec<PeerLook> {
        self.peers.read().values().map(|peer| peer.look(now)).collect()
    }

    pub(crate) fn shutdown(&self) {
        for peer in std::mem::take(&mut *self.peers.write()).into_values() {
            peer.clear();
        }
    }

    fn then(&self, runtime: &Runtime, peer: Arc<Peer>, then: Then) {
        if then == Then::Dial {
            outgoing::dial(runtime.clone(), peer);
        }
    }
}
