//! By address: what is sent, asked and linked goes to a process of this runtime, or to another node.

use std::any::{Any, TypeId};
use std::sync::Arc;
use std::time::Duration;

use libprocess_wire as wire;

use super::Runtime;
use crate::ask::{AskError, Reply, SendError};
use crate::context::link_local;
use crate::doors::{Asked, Letter, Received};
use crate::mailbox::AnyCell;
use crate::transport::AskCancel;
use crate::{Upid, force_wire};

impl Runtime {
    /// Sends a message by address.
    pub(crate) fn post<M: wire::Message>(&self, from: &Upid, to: &Upid, message: M) -> Result<(), SendError> {
        if to.address() != self.0.address {
            return self.0.peers.tell(self, &self.0.peers.peer(to.address()), from, to, &message);
        }
        let cell = self.find(to.id(), to.epoch()).ok_or(SendError::Gone)?;
        if self.encodes() {
            return cell.letter(force_wire::told(from, self.principal(), &message));
        }
        cell.letter(Letter::Moved {
            message: Box::new(Received {
                from: from.clone(),
                principal: self.principal().cloned(),
                body: message,
            }),
            kind: TypeId::of::<Received<M>>(),
            deadline: None,
        })
    }

    /// Sends a message by address, in pieces if it goes to another node.
    pub(crate) fn post_large<M: wire::Message>(
        &self,
        from: &Upid,
        to: &Upid,
        message: M,
    ) -> Result<(), SendError> {
        if to.address() == self.0.address {
            return self.post(from, to, message);
        }
        self.0.peers.tell_large(self, from, to, &message)
    }

    /// Asks by address; `asker` gets the answer under `number`, exactly once.
    pub(crate) fn question<Q: wire::Question>(
        &self,
        asker: Arc<dyn AnyCell>,
        number: u64,
        to: &Upid,
        question: Q,
        within: Duration,
    ) -> Option<AskCancel> {
        if to.address() != self.0.address {
            return self.0.peers.ask(self, asker, number, to, &question, within);
        }
        let Some(cell) = self.find(to.id(), to.epoch()) else {
            asker.answer(number, Err(AskError::NoSuchProcess));
            return None;
        };
        let deadline = self.elapsed().saturating_add(within);
        if self.encodes() {
            // A letter that is refused drops the way back, which tells the asker.
            let asked = cell.clone();
            let _ =
                cell.letter(force_wire::asked(asker, number, asked, self.principal(), &question, deadline));
            return None;
        }
        let (from, asked) = (asker.upid().clone(), cell.clone());
        let reply = Reply::by(move |answer: Result<Q::Reply, AskError>| {
            let answer = answer.map_err(|error| if asked.is_alive() { error } else { AskError::Terminated });
            asker.answer(number, answer.map(|answer| Box::new(answer) as Box<dyn Any + Send>));
        });
        // A letter that is refused drops the reply, which tells the asker.
        let _ = cell.letter(Letter::Moved {
            message: Box::new(Asked { from, principal: self.principal().cloned(), body: question, reply }),
            kind: TypeId::of::<Asked<Q>>(),
            deadline: Some(deadline),
        });
        None
    }

    pub(crate) fn link(&self, linker: Arc<dyn AnyCell>, peer: &Upid) {
        if peer.address() == self.0.address {
            link_local(linker, peer, self.find(peer.id(), peer.epoch()));
        } else {
            self.0.peers.link(self, linker, peer);
        }
    }

    pub(crate) fn unlink(&self, linker: &Upid, peer: &Upid) {
        if peer.address() != self.0.address {
            self.0.peers.unlink(self, linker, peer);
        } else if let Some(cell) = self.find(peer.id(), peer.epoch()) {
            cell.unwatch(linker, peer);
        }
    }
}
