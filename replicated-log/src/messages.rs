//! What replicas ask each other, and what others ask a replica.
//!
//! | question | from | about |
//! |---|---|---|
//! | `log.append` | the leader | entries, or none: its heartbeat |
//! | `log.vote` | a candidate | its election, or whether one would succeed |
//! | `log.transfer` | the leader | who is to lead next |
//! | `log.chunk` | the leader | a piece of a snapshot |
//! | `log.hello` | anybody | who are you? |
//! | `log.join` | a new replica | take me in |
//! | `log.do` | clients | all that can be done with a log from elsewhere |
//!
//! The first four name their cluster and the node they are meant for; a replica that is another refuses them. So a disk
//! that was wiped or comes from elsewhere neither votes nor is written to, whatever address it is found at.

use std::net::SocketAddr;
use std::sync::Arc;

use libprocess_wire as wire;

use crate::raft::codec::{Covered, Entry, Place, Vote};
use crate::{ClusterId, LogError, Members, NodeId};

/// Who speaks to whom.
#[wire::part]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) cluster: ClusterId,
    pub(crate) from: NodeId,
    pub(crate) to: NodeId,
}

/// What a replica says to one of the first four questions.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard<T> {
    Done(T),
    /// Another was meant: it is of this cluster, if of any, and this node.
    NotMe {
        cluster: Option<ClusterId>,
        node: NodeId,
    },
    /// It cannot, just now or for good.
    Failed(String),
}

/// Take these entries, which follow `previous`.
#[wire::question(name = "log.append", version = 1, reply = Heard<Appended>)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Append {
    pub(crate) address: Address,
    pub(crate) vote: Vote,
    pub(crate) previous: Option<Place>,
    pub(crate) entries: Vec<Entry>,
    pub(crate) committed: Option<Place>,
}

#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Appended {
    /// All are on its disk.
    All,
    /// Those up to here are.
    UpTo(Option<Place>),
    /// It has not what they follow.
    Conflict,
    /// It has heard of a later leader or candidate.
    Later(Vote),
}

/// Vote for me.
#[wire::question(name = "log.vote", version = 1, reply = Heard<Ballot>)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Candidacy {
    pub(crate) address: Address,
    /// Whether it only wants to know: nothing is written down.
    pub(crate) probe: bool,
    pub(crate) vote: Vote,
    pub(crate) last: Option<Place>,
    /// Whether the leader asked for this election.
    pub(crate) transfer: bool,
}

#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ballot {
    pub(crate) vote: Vote,
    pub(crate) granted: bool,
    pub(crate) last: Option<Place>,
}

/// The leader `vote` wants `successor` to lead, once it has all up to `last`.
#[wire::question(name = "log.transfer", version = 1, reply = Heard<bool>)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Transfer {
    pub(crate) address: Address,
    pub(crate) vote: Vote,
    pub(crate) successor: NodeId,
    pub(crate) last: Option<Place>,
}

/// A piece of a snapshot.
#[wire::question(name = "log.chunk", version = 1, reply = Heard<Arrived>)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub(crate) address: Address,
    pub(crate) vote: Vote,
    pub(crate) covered: Covered,
    /// All of it. Unit: bytes.
    pub(crate) length: u64,
    pub(crate) offset: u64,
    pub(crate) bytes: Vec<u8>,
    /// Of `bytes`.
    pub(crate) checksum: u32,
}

#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Arrived {
    /// It has the bytes before this one.
    Next(u64),
    /// It has all, and has become what the snapshot says. This is its vote.
    Installed(Vote),
}

/// Who are you?
#[wire::question(name = "log.hello", version = 1, reply = Known)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hello {
    pub(crate) cluster: Option<ClusterId>,
    pub(crate) node: NodeId,
}

/// What a replica says of itself.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    /// None: it is new.
    pub(crate) cluster: Option<ClusterId>,
    pub(crate) node: NodeId,
    /// Whom it was told to form a cluster with, in order.
    pub(crate) masters: Vec<SocketAddr>,
    pub(crate) leader: Option<SocketAddr>,
}

/// Take me in, in place of whoever was at this address.
#[wire::question(name = "log.join", version = 1, reply = Result<ClusterId, LogError>)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Join {
    pub(crate) node: NodeId,
    pub(crate) address: SocketAddr,
}

/// Do this.
#[wire::question(name = "log.do", version = 1, reply = Result<Done, LogError>)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Do {
    pub(crate) request: Request,
}

/// What can be done with a log from elsewhere.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    Open {
        writer: u128,
    },
    Append {
        writer: u64,
        number: u64,
        data: Arc<[u8]>,
    },
    Truncate {
        writer: u64,
        number: u64,
        to: u64,
    },
    Read {
        from: u64,
        to: u64,
    },
    /// From where to where there is something to read, as far as is known here.
    Ends,
    /// Whatever was answered before this was asked is applied when it is answered.
    CatchUp,
    Fetch {
        name: String,
    },
    Names,
    Store {
        name: String,
        expected: Option<[u8; 16]>,
        version: [u8; 16],
        value: Arc<[u8]>,
    },
    Expunge {
        name: String,
        expected: [u8; 16],
    },
    Status,
    Add {
        address: SocketAddr,
    },
    Remove {
        node: NodeId,
        forced: bool,
    },
    Transfer {
        to: Option<NodeId>,
    },
    Snapshot,
    /// The index up to which all must be applied for a read to see whatever was answered before; of the leader.
    ReadIndex,
}

/// What came of a [`Request`].
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    Opened(u64),
    Wrote(Option<u64>),
    /// Not written: the writer's write before it has not come yet.
    Early,
    /// Shape: position, data. `next` is where to read on.
    Entries {
        entries: Vec<(u64, Arc<[u8]>)>,
        next: u64,
    },
    CaughtUp {
        beginning: u64,
        ending: u64,
    },
    Fetched(Option<([u8; 16], Arc<[u8]>)>),
    Names(Vec<String>),
    Stored(bool),
    Status(Box<StatusReport>),
    Changed(Members),
    Index(u64),
    Nothing,
}

/// How a replica does, for those elsewhere.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StatusReport {
    pub(crate) cluster: Option<ClusterId>,
    pub(crate) node: NodeId,
    pub(crate) term: u64,
    pub(crate) leader: Option<(u64, NodeId, SocketAddr)>,
    pub(crate) leads: bool,
    pub(crate) last: u64,
    pub(crate) committed: u64,
    pub(crate) applied: u64,
    pub(crate) snapshot: u64,
    pub(crate) purged: u64,
    pub(crate) members: Members,
    /// How far each other replica is behind. Shape: node → entries. Known to the leader alone.
    pub(crate) lag: Vec<(NodeId, u64)>,
}
