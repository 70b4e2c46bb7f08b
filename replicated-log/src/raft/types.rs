//! Entries, votes and ids as the library takes them.

use openraft::type_config::alias;

use super::runtime::Reactor;
use crate::command::{Answer, Command};
use crate::{Member, NodeId};

openraft::declare_raft_types!(
    /// All that the library leaves open, settled.
    pub(crate) Types:
        D = Command,
        R = Answer,
        NodeId = NodeId,
        Node = Member,
        AsyncRuntime = Reactor,
);

pub(crate) type Entry = alias::EntryOf<Types>;
pub(crate) type LogId = alias::LogIdOf<Types>;
pub(crate) type LeaderId = openraft::impls::leader_id_adv::LeaderId<u64, NodeId>;
pub(crate) type Vote = alias::VoteOf<Types>;
pub(crate) type Membership = openraft::Membership<NodeId, Member>;
pub(crate) type StoredMembership = alias::StoredMembershipOf<Types>;
pub(crate) type SnapshotMeta = alias::SnapshotMetaOf<Types>;
