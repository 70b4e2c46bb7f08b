//! What a broken connection leaves behind, and who has to hear of it.

use std::sync::Arc;

use super::closer::Closer;
use super::peer::OpenAsk;
use crate::link::Exit;
use crate::mailbox::AnyCell;
use crate::{AskError, Upid};

/// What a broken connection leaves behind, to be told without a lock held.
pub(super) struct Remains {
    pub(super) asks: Vec<OpenAsk>,
    pub(super) links: Vec<(Upid, Arc<dyn AnyCell>)>,
    pub(super) incoming: Vec<Arc<Closer>>,
    /// How many frames were not written.
    pub(super) unsent: u64,
}

impl Remains {
    /// Every asker and linker hears of it, each once.
    pub(super) fn tell(self) {
        for ask in self.asks {
            ask.asker.answer(ask.number, Err(AskError::LinkBroken));
        }
        for (peer, linker) in self.links {
            linker.exited(peer, Exit::LinkBroken);
        }
        self.incoming.iter().for_each(|closer| closer.close());
    }
}
