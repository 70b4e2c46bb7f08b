//! Who has to be looked at again.
//!
//! After a run, every agent with something free has been asked about with everybody who could take it, and nobody could.
//! That stays so until one of the things below happens; each names the least that must be asked again.

use std::collections::{BTreeMap, BTreeSet};

use super::numbers::Numbers;
use crate::allocator::sorter::Client;

/// What changed since the last run.
#[derive(Debug, Default)]
pub(super) struct Dirty {
    /// Something of these agents came free, or they may be offered now: everybody is asked.
    pub(super) agents: Numbers,
    /// These clients can take what they could not (new, back, revived, changed): they are asked about every agent with something free.
    pub(super) clients: BTreeSet<Client>,
    /// A filter between these ended. Shape: agent → clients.
    pub(super) pairs: BTreeMap<u32, BTreeSet<Client>>,
}

impl Dirty {
    pub(super) fn is_empty(&self) -> bool {
        self.agents.is_empty() && self.clients.is_empty() && self.pairs.is_empty()
    }
}
