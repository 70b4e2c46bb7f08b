//! The state that is applied, as others see it: they read it as it is, or wait until it has come so far.

use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::state::State;
use crate::watch::{Sender, Watch, watch};

/// The state of a replica, and how far it has come. Written by the state machine alone.
pub(crate) struct Applied<M> {
    state: RwLock<State<M>>,
    /// The index of the last entry that was applied; 0 before the first.
    index: Sender<u64>,
}

impl<M: Default> Default for Applied<M> {
    fn default() -> Applied<M> {
        Applied { state: RwLock::default(), index: watch(0).0 }
    }
}

impl<M> Applied<M> {
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, State<M>> {
        self.state.read()
    }

    /// For whoever applies: a batch, then [`Applied::reached`].
    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, State<M>> {
        self.state.write()
    }

    /// All up to this index has been applied, or came with a snapshot.
    pub(crate) fn reached(&self, index: u64) {
        self.index.change(|now| {
            let further = index > *now;
            *now = index.max(*now);
            further
        });
    }

    pub(crate) fn index(&self) -> u64 {
        *self.index.get()
    }

    pub(crate) fn watch(&self) -> Watch<u64> {
        self.index.watch()
    }
}
