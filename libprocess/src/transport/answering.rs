//! The ways back: an answer to who asked from another node, and the word of an end to who linked.

use std::sync::Arc;

use super::frame;
use super::peer::Peer;
use crate::link::{Exit, RemoteWatch};
use crate::mailbox::AnyCell;
use crate::{AskError, Runtime, Upid};

/// The way back to an asker.
pub(super) struct Way {
    pub(super) runtime: Runtime,
    /// The node the question came from.
    pub(super) peer: Arc<Peer>,
    pub(super) correlation: u64,
    pub(super) asked: Option<Arc<dyn AnyCell>>,
    /// The version the asker would rather have had read.
    pub(super) newest: u32,
}

/// Answers once; a question that is dropped on the way is answered too.
pub(super) struct Answering(pub(super) Option<Way>);

impl Answering {
    /// `version` is that in which the question was read.
    pub(super) fn answer(&mut self, answer: Result<Vec<u8>, AskError>, version: u32) {
        let Some(way) = self.0.take() else { return };
        let answer = answer.map_err(|why| {
            let alive = way.asked.as_ref().is_none_or(|asked| asked.is_alive());
            if alive { why } else { AskError::Terminated }
        });
        let flags = if version == way.newest { 0 } else { frame::OLDER };
        way.runtime.peers().reply(&way.runtime, &way.peer, way.correlation, &answer, flags);
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.answer(Err(AskError::Rejected), 0);
    }
}

/// Brings the word of an end to another node.
pub(super) struct Telling(pub(super) Runtime);

impl RemoteWatch for Telling {
    fn ended(&self, linker: &Upid, linked: &Upid, exit: &Exit) {
        self.0.peers().exited(&self.0, linker, linked, exit.clone());
    }
}
