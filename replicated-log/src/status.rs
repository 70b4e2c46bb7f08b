//! How a replica does: for those who operate it.

use std::time::Duration;

use crate::messages::StatusReport;
use crate::raft::consensus::Standing;
use crate::{ClusterId, LogError, Members, NodeId};

/// How a replica does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    pub phase: Phase,
    pub cluster: Option<ClusterId>,
    pub node: Option<NodeId>,
    pub term: u64,
    pub leader: Option<NodeId>,
    /// The last entry on its disk.
    pub last: u64,
    /// The last entry that is known to be on a majority of disks.
    pub committed: u64,
    /// The last entry that it has applied.
    pub applied: u64,
    /// The last entry that its snapshot holds.
    pub snapshot: u64,
    /// The last entry it has let go of.
    pub purged: u64,
    pub members: Members,
    /// How many entries each other replica is behind; known to the leader alone.
    pub lag: Vec<(NodeId, u64)>,
    /// How long its disk takes to keep what is written.
    pub flushes: FlushTimes,
}

/// How long flushes took since the replica was opened. The percentiles are a fifth too high at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlushTimes {
    pub count: u64,
    pub p50: Duration,
    pub p99: Duration,
    pub max: Duration,
}

impl From<&journal::Flushes> for FlushTimes {
    fn from(flushes: &journal::Flushes) -> FlushTimes {
        let within = |percent| flushes.times.percentile(percent).min(flushes.slowest);
        FlushTimes { count: flushes.groups, p50: within(50), p99: within(99), max: flushes.slowest }
    }
}

/// What a replica is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Reads its disk.
    Recovering,
    /// Belongs to no cluster yet, and why.
    Waiting(String),
    /// Is told all, and does not vote.
    Learner,
    /// Votes.
    Voting,
    /// Was taken out of its cluster.
    Removed,
    /// Leads or votes, but too few of the others can be reached.
    NoQuorum { reachable: u32, voters: u32 },
    /// Has stopped: its disk fails, or says what it cannot go on from.
    Damaged(String),
}

impl Default for Status {
    fn default() -> Status {
        Status {
            phase: Phase::Recovering,
            cluster: None,
            node: None,
            term: 0,
            leader: None,
            last: 0,
            committed: 0,
            applied: 0,
            snapshot: 0,
            purged: 0,
            members: Members::default(),
            lag: Vec::new(),
            flushes: FlushTimes::default(),
        }
    }
}

impl Standing {
    /// How many voters, this one among them, answered within `lately`; known to the leader alone.
    pub(crate) fn reachable(&self, now: Duration, lately: Duration) -> u32 {
        let others = self.members.voters.keys().filter_map(|node| self.replicas.get(node)?.1);
        let heard = others.filter(|at| now.saturating_sub(*at) <= lately).count();
        // Of itself a leader hears nothing: it is one of those who are reached.
        u32::try_from(heard + 1).unwrap_or(u32::MAX)
    }

    pub(crate) fn no_quorum(&self, now: Duration, lately: Duration) -> LogError {
        let voters = u32::try_from(self.members.voters.len()).unwrap_or(u32::MAX);
        LogError::NoQuorum { reachable: self.reachable(now, lately).min(voters), voters }
    }

    /// How many entries each other replica is behind.
    pub(crate) fn lag(&self, me: NodeId) -> Vec<(NodeId, u64)> {
        let others = self.replicas.iter().filter(|(node, _)| **node != me);
        others.map(|(node, (last, _))| (*node, self.last.saturating_sub(*last))).collect()
    }
}

impl Status {
    pub(crate) fn report(&self, leads: bool, leader: Option<crate::Leader>) -> StatusReport {
        StatusReport {
            cluster: self.cluster,
            node: self.node.unwrap_or(NodeId(0)),
            term: self.term,
            leader: leader.map(|leader| (leader.epoch.0, leader.node, leader.address)),
            leads,
            last: self.last,
            committed: self.committed,
            applied: self.applied,
            snapshot: self.snapshot,
            purged: self.purged,
            members: self.members.clone(),
            lag: self.lag.clone(),
        }
    }
}
