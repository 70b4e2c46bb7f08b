//! The library's own tests of a disk, on a real one and on a simulated one.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use libprocess::environment::Environment;
use libprocess::sim::Sim;
use openraft::StorageError;
use openraft::testing::log::{StoreBuilder, Suite};

use super::log_store::{LogStore, Settings};
use super::runtime::within;
use super::state_machine::StateMachine;
use super::types::Types;
use crate::applied::Applied;
use crate::command::Answer;
use crate::identity::Identity;
use crate::{Member, NodeId};

// What the library's tests ask of ids and answers, and nobody else.
impl From<u64> for NodeId {
    fn from(id: u64) -> NodeId {
        NodeId(id)
    }
}

impl Default for Member {
    fn default() -> Member {
        Member { address: SocketAddr::from((Ipv4Addr::LOCALHOST, 5050)) }
    }
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an answer")
    }
}

/// Makes one replica's disk after the other.
struct Directories {
    environment: Environment,
    base: PathBuf,
    made: AtomicU64,
}

impl StoreBuilder<Types, LogStore, StateMachine<()>, Arc<Identity>> for Directories {
    async fn build(&self) -> Result<(Arc<Identity>, LogStore, StateMachine<()>), StorageError<Types>> {
        let dir = self.base.join(self.made.fetch_add(1, Ordering::Relaxed).to_string());
        let identity = Identity::open(&self.environment, &dir).unwrap();
        // Segments so short that the tests go through several.
        let settings = Settings { segment: 400, prepare: false };
        let log = LogStore::open_with(&self.environment, &dir, settings).unwrap();
        let machine =
            StateMachine::open(&self.environment, &dir, Arc::new(Applied::default()), log.kept()).unwrap();
        Ok((Arc::new(identity), log, machine))
    }
}

type All = Suite<Types, LogStore, StateMachine<()>, Directories, Arc<Identity>>;

#[test]
fn a_real_disk_is_as_the_library_wants_it() {
    let config = libprocess::Config { listen: None, ..Default::default() };
    let runtime = libprocess::Runtime::start(config).unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let environment = runtime.environment().clone();
    let directories = Directories {
        environment: environment.clone(),
        base: scratch.path().into(),
        made: AtomicU64::new(0),
    };
    let reactor = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    tokio::task::LocalSet::new().block_on(&reactor, within(environment, All::test_all(directories))).unwrap();
    runtime.shutdown();
}

#[test]
fn a_simulated_disk_is_as_the_library_wants_it() {
    let mut sim = Sim::new(1);
    let node = sim.node("10.0.0.1:5050");
    let environment = node.environment().clone();
    let directories =
        Directories { environment: environment.clone(), base: "/log".into(), made: AtomicU64::new(0) };
    sim.block_on(within(environment, All::test_all(directories))).unwrap();
}
