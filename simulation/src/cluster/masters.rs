//! A master on its replica of the registry.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use libprocess::Runtime;
use libprocess::sim::Sim;
use master::{Candidate, Published, Snapshot};
use replicated_log::{Config, Epoch, Keep, Replica};

use super::Setup;

/// Where a master keeps the registry.
const REGISTRY: &str = "/registry";

/// How many entries of the log stay on disk behind a snapshot: simulated disks are memory.
const ENTRIES_KEPT: u64 = 1_000;

/// One master, alive or not.
pub(super) struct MasterNode {
    pub(super) node: Runtime,
    /// `None` once it was killed.
    life: Option<Living>,
    retired: bool,
}

struct Living {
    published: Published,
    lease: Box<dyn Fn(u64) -> bool>,
}

impl MasterNode {
    pub(super) fn start(sim: &mut Sim, node: Runtime, setup: &Setup, masters: &[SocketAddr]) -> MasterNode {
        let candidate = Candidate { hostname: node.address().ip().to_string() };
        let config = Config {
            masters: masters.to_vec(),
            info: candidate.encode().into(),
            keep: Keep::Entries(ENTRIES_KEPT),
            ..Config::new(Path::new(REGISTRY))
        };
        let opened = sim.block_on(Replica::open(&node, config));
        let replica = match opened {
            Ok(replica) => replica,
            // Its disk is full or broken: it is a master that does not start, as one that is down.
            Err(error) => {
                tracing::warn!(node = %node.address(), %error, "a master does not start");
                return MasterNode { node, life: None, retired: false };
            }
        };
        let asked = replica.clone();
        let lease = Box::new(move |epoch| asked.holds(Epoch(epoch)));
        let standing = master::stand(&node, setup.master(), replica).expect("a node that was just made");
        let published = standing.published;
        MasterNode { node, life: Some(Living { published, lease }), retired: false }
    }

    pub(super) fn died(&mut self) {
        self.life = None;
    }

    /// It never starts again.
    pub(super) fn retire(&mut self) {
        self.retired = true;
    }

    pub(super) fn is_retired(&self) -> bool {
        self.retired
    }

    pub(super) fn published(&self) -> Option<Arc<Snapshot>> {
        self.life.as_ref().map(|life| life.published.load_full())
    }

    /// Whether its lease says that it leads.
    pub(super) fn holds(&self) -> bool {
        self.life.as_ref().is_some_and(|life| (life.lease)(life.published.load().identity.epoch))
    }
}
