//! Nodes on loopback, each a runtime with a replica and a directory.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use libprocess::{Config as Node, Runtime};
use replicated_log::{Config, Epoch, LeaderState, LogError, Proposed, Replica};

use crate::cells::{Add, Cells};

/// How long anything may take on a machine that is busy with something else.
const PATIENCE: Duration = Duration::from_secs(90);

pub(crate) struct Member {
    pub(crate) node: Runtime,
    pub(crate) replica: Replica<Cells>,
    pub(crate) dir: PathBuf,
}

/// Directories that go when the test ends.
pub(crate) struct Cluster {
    pub(crate) members: Vec<Member>,
    scratch: tempfile::TempDir,
    dirs: u32,
}

impl Cluster {
    /// Replicas that are told of each other.
    pub(crate) fn of(size: usize) -> Cluster {
        let scratch = tempfile::tempdir().unwrap();
        let mut cluster = Cluster { members: Vec::new(), scratch, dirs: 0 };
        let nodes: Vec<Runtime> = (0..size).map(|_| node(None)).collect();
        let masters: Vec<SocketAddr> = nodes.iter().map(Runtime::address).collect();
        for node in nodes {
            let dir = cluster.dir();
            cluster.members.push(Member::open(node, dir, masters.clone()));
        }
        cluster
    }

    /// One replica that begins with a backup.
    pub(crate) fn from_backup(file: &Path) -> Cluster {
        Cluster::try_from_backup(file).unwrap()
    }

    pub(crate) fn try_from_backup(file: &Path) -> Result<Cluster, LogError> {
        let mut cluster = Cluster { members: Vec::new(), scratch: tempfile::tempdir().unwrap(), dirs: 0 };
        let (node, dir) = (node(None), cluster.dir());
        let config = Config { restore: Some(file.to_owned()), ..Config::new(&dir) };
        let opened = node.block_on(Replica::open(&node, config));
        let replica = opened.inspect_err(|_| node.shutdown())?;
        cluster.members.push(Member { node, replica, dir });
        Ok(cluster)
    }

    /// One more replica, which is told of those that are there.
    pub(crate) fn grow(&mut self) {
        let node = node(None);
        let others = self.members.iter().map(|member| member.node.address());
        let masters = others.chain([node.address()]).collect();
        let dir = self.dir();
        self.members.push(Member::open(node, dir, masters));
    }

    /// A directory nobody has used.
    pub(crate) fn dir(&mut self) -> PathBuf {
        self.dirs += 1;
        self.scratch.path().join(self.dirs.to_string())
    }

    pub(crate) fn masters(&self) -> Vec<SocketAddr> {
        self.members.iter().map(|member| member.node.address()).collect()
    }

    /// Which member leads, and in which epoch.
    pub(crate) fn leader(&self) -> (usize, Epoch) {
        let mut leader = None;
        eventually("somebody leads", || {
            leader = self.members.iter().enumerate().find_map(|(number, member)| {
                match member.replica.leadership().get() {
                    LeaderState::Leading(epoch) if member.replica.holds(epoch) => Some((number, epoch)),
                    _ => None,
                }
            });
            leader.is_some()
        });
        leader.unwrap()
    }

    /// Adds to a cell, by whoever leads, until it is known to have been done.
    pub(crate) fn add(&self, cell: u64, more: u64) -> u64 {
        let mut sum = None;
        eventually("a write succeeds", || {
            let (leader, _) = self.leader();
            sum = self.members[leader].add(cell, more).ok().map(|proposed| proposed.outcome.unwrap());
            sum.is_some()
        });
        sum.unwrap()
    }

    /// Waits until all have applied what a cell is to be.
    pub(crate) fn all_see(&self, cell: u64, sum: u64) {
        for member in &self.members {
            eventually("a replica catches up", || member.cell(cell) == Some(sum));
        }
    }

    /// Ends a member's node as abruptly as one process can.
    pub(crate) fn stop(&mut self, number: usize) -> (SocketAddr, PathBuf) {
        let member = self.members.remove(number);
        let address = member.node.address();
        member.node.shutdown();
        (address, member.dir)
    }

    /// Starts a node again at an address.
    pub(crate) fn start(&mut self, address: SocketAddr, dir: PathBuf, masters: Vec<SocketAddr>) {
        let mut again = None;
        eventually("the address is free", || {
            again = Runtime::start(settings(Some(address))).ok();
            again.is_some()
        });
        self.members.push(Member::open(again.unwrap(), dir, masters));
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.members.drain(..).for_each(|member| member.node.shutdown());
    }
}

impl Member {
    fn open(node: Runtime, dir: PathBuf, masters: Vec<SocketAddr>) -> Member {
        let config = Config { masters, ..Config::new(&dir) };
        let replica = node.block_on(Replica::open(&node, config)).unwrap();
        Member { node, replica, dir }
    }

    pub(crate) fn add(&self, cell: u64, more: u64) -> Result<Proposed<Cells>, LogError> {
        self.node.block_on(self.replica.propose(Add(cell, more)))
    }

    pub(crate) fn cell(&self, cell: u64) -> Option<u64> {
        self.replica.read(|cells| cells.0.get(&cell).copied())
    }
}

fn settings(listen: Option<SocketAddr>) -> Node {
    let default = Node::default();
    Node { listen: listen.or(default.listen), http_workers: 1, ..default }
}

fn node(listen: Option<SocketAddr>) -> Runtime {
    Runtime::start(settings(listen)).unwrap()
}

/// Waits until something is so.
pub(crate) fn eventually(what: &str, mut so: impl FnMut() -> bool) {
    let step = Duration::from_millis(5);
    let mut waited = Duration::ZERO;
    while !so() {
        assert!(waited < PATIENCE, "never: {what}");
        std::thread::sleep(step);
        waited += step;
    }
}
