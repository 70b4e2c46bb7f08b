//! A mock under a real name.

use std::ops::Deref;

use super::Testing;
use crate::runtime::Displaced;
use crate::{Pid, Process, Spawn, SpawnError};

/// A mock that stands in for whoever bears its name; it ends, and the name goes back, when this is dropped.
pub struct StandIn<A: Process> {
    mock: Pid<A>,
    displaced: Option<Displaced>,
}

impl Testing {
    /// Puts a process under a name. Whoever bears that name already steps aside: what is sent to its
    /// address, whichever life is meant, and asked of its routes reaches the mock. Who holds its typed
    /// [`Pid`] still reaches the real one.
    ///
    /// Errors: when the runtime is shut down.
    pub fn stand_in<A: Process>(
        &self,
        name: &str,
        make: impl FnOnce() -> A + Send + 'static,
    ) -> Result<StandIn<A>, SpawnError> {
        let displaced = self.runtime.displace(name);
        let epoch = displaced.epoch();
        match self.runtime.spawn_as(Spawn::named(name), epoch, make) {
            Ok(mock) => Ok(StandIn { mock, displaced: Some(displaced) }),
            Err(error) => {
                self.runtime.restore(displaced);
                Err(error)
            }
        }
    }
}

impl<A: Process> Deref for StandIn<A> {
    type Target = Pid<A>;

    fn deref(&self) -> &Pid<A> {
        &self.mock
    }
}

impl<A: Process> Drop for StandIn<A> {
    fn drop(&mut self) {
        self.mock.terminate(crate::Lane::System);
        if let Some(displaced) = self.displaced.take() {
            self.mock.cell.runtime().restore(displaced);
        }
    }
}
