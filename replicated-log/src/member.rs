//! Who takes part: the ids of a cluster and of its nodes, and where a node is reached.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;

use libprocess_wire as wire;

/// One replica's data directory. Drawn when the directory is made, and gone with it: a disk that was
/// wiped is another node, so it cannot vote in the place of the one it was.
#[wire::part]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u64);

/// All replicas that descend from one beginning. Every message names it.
#[wire::part]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterId(pub u128);

/// Where a node is reached.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub address: SocketAddr,
}

/// The nodes of a cluster, as its log says.
#[wire::part]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Members {
    /// Those whose votes count.
    pub voters: BTreeMap<NodeId, Member>,
    /// Those who are told all, and do not vote.
    pub learners: BTreeMap<NodeId, Member>,
    /// Whether one set of voters is being replaced by another: until that is done, a majority of each decides.
    pub changing: bool,
}

impl Members {
    /// The node at an address.
    pub fn at(&self, address: SocketAddr) -> Option<NodeId> {
        let mut all = self.voters.iter().chain(&self.learners);
        all.find(|(_, member)| member.address == address).map(|(node, _)| *node)
    }

    /// Where a node is reached.
    pub fn get(&self, node: NodeId) -> Option<&Member> {
        self.voters.get(&node).or_else(|| self.learners.get(&node))
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
