//! Who steps aside for a mock, and the hand of tests on a runtime's clock.

use std::sync::Arc;
use std::time::Duration;

use super::Runtime;
use crate::http;
use crate::names::Named;
use crate::testing::{Hand, Work};
use crate::upid::Epoch;

/// Whoever had to step aside for a mock.
pub(crate) struct Displaced {
    name: Arc<str>,
    epoch: Epoch,
    named: Option<Named>,
    routes: Option<http::Routes>,
}

impl Displaced {
    /// Under which the mock is reached where the real one was.
    pub(crate) fn epoch(&self) -> Epoch {
        self.epoch
    }
}

impl Runtime {
    /// Takes the name from whoever bears it.
    pub(crate) fn displace(&self, name: &str) -> Displaced {
        let named = self.0.names.write().remove(name);
        let routes = self.0.router.swap(name, None);
        let epoch = named.as_ref().and_then(|named| named.cell.upid().epoch());
        let epoch = epoch.unwrap_or_else(|| self.new_epoch());
        Displaced { name: name.into(), epoch, named, routes }
    }

    /// Gives the name back, if whoever bore it still lives.
    pub(crate) fn restore(&self, displaced: Displaced) {
        let Displaced { name, named, routes, .. } = displaced;
        let named = named.filter(|named| named.cell.is_alive());
        let mut names = self.0.names.write();
        let mock = names.remove(&name);
        let lives = named.is_some_and(|named| names.add(named));
        self.0.router.swap(&name, routes.filter(|_| lives));
        drop(names);
        drop(mock);
    }

    pub(crate) fn hand(&self) -> Option<(&Arc<Hand>, Duration)> {
        self.0.driver.hand()
    }

    pub(crate) fn work(&self) -> Option<&Arc<Work>> {
        self.0.driver.work()
    }
}
