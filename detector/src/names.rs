//! Masters by name: looked up again and again, since names move.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use libprocess::Runtime;
use tokio::net::lookup_host;

use crate::Masters;
use crate::masters::bare;

/// Between two looks when all went well, and when something did not.
const AGAIN: [Duration; 2] = [Duration::from_secs(15), Duration::from_secs(1)];

/// Looks names up, and remembers what they meant while they cannot be looked up.
pub(crate) struct Names {
    runtime: Runtime,
    masters: Masters,
    /// What each name meant last.
    meant: BTreeMap<String, Vec<SocketAddr>>,
    told: Option<Vec<SocketAddr>>,
    /// Why the last look was in vain, so that it is said once.
    failure: String,
}

impl Names {
    pub(crate) fn new(runtime: Runtime, masters: Masters) -> Names {
        Names { runtime, masters, meant: BTreeMap::new(), told: None, failure: String::new() }
    }

    /// All addresses the names stand for, in their order, each time that changes.
    pub(crate) async fn next(&mut self) -> Vec<SocketAddr> {
        loop {
            let (addresses, fixed, well) = self.look().await;
            if !addresses.is_empty() && self.told.as_ref() != Some(&addresses) {
                self.told = Some(addresses.clone());
                return addresses;
            }
            if fixed {
                std::future::pending::<()>().await;
            }
            self.runtime.sleep(AGAIN[usize::from(!well)]).await;
        }
    }

    /// What the names stand for now, whether that can never change, and whether all went well.
    async fn look(&mut self) -> (Vec<SocketAddr>, bool, bool) {
        let names = match self.masters.names() {
            Some(Ok(names)) => names,
            Some(Err(error)) => {
                self.failed(error.to_string());
                return (self.told.clone().unwrap_or_default(), false, false);
            }
            None => Vec::new(),
        };
        let mut fixed = matches!(self.masters, Masters::Named(_));
        let (mut all, mut failure) = (Vec::new(), None);
        for name in names.iter().map(|name| bare(name)) {
            if let Ok(address) = name.parse::<SocketAddr>() {
                all.push(address);
                continue;
            }
            fixed = false;
            match lookup_host(name).await {
                Ok(found) => drop(self.meant.insert(name.to_owned(), found.collect())),
                Err(error) => failure = Some(format!("{name}: {error}")),
            }
            all.extend(self.meant.get(name).into_iter().flatten());
        }
        let well = failure.is_none();
        match failure {
            Some(why) => self.failed(why),
            None => self.failure.clear(),
        }
        let mut seen = std::collections::BTreeSet::new();
        all.retain(|address| seen.insert(*address));
        (all, fixed, well)
    }

    fn failed(&mut self, why: String) {
        if self.failure != why {
            tracing::warn!(why, "cannot look up where masters are; trying again");
            self.failure = why;
        }
    }
}
