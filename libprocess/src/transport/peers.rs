//! The nodes this one speaks to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use libprocess_wire as wire;

use crate::link::Exit;
use crate::mailbox::AnyCell;
use crate::metrics::Metrics;
use crate::upid::Epoch;
use crate::{AskError, Runtime, SendError, Upid};

pub(crate) struct Peers {}

/// Forgets a question to another node.
pub(crate) struct AskCancel {}

impl AskCancel {
    pub(crate) fn cancel(self) {}
}

impl Peers {
    pub(crate) fn new(_: SocketAddr, _: Epoch, _: &Metrics) -> Peers {
        Peers {}
    }

    pub(crate) fn tell<M: wire::Message>(
        &self,
        _: &Runtime,
        _: &Upid,
        _: &Upid,
        _: &M,
    ) -> Result<(), SendError> {
        Err(SendError::LinkDown)
    }

    pub(crate) fn ask<Q: wire::Question>(
        &self,
        _: &Runtime,
        asker: Arc<dyn AnyCell>,
        number: u64,
        _: &Upid,
        _: &Q,
        _: Duration,
    ) -> Option<AskCancel> {
        asker.answer(number, Err(AskError::LinkBroken));
        None
    }

    pub(crate) fn link(&self, _: &Runtime, linker: Arc<dyn AnyCell>, peer: &Upid) {
        linker.exited(peer.clone(), Exit::LinkBroken);
    }

    pub(crate) fn unlink(&self, _: &Runtime, _: &Upid, _: &Upid) {}

    pub(crate) fn shutdown(&self) {}
}
