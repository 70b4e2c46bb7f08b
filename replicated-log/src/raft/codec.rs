//! Entries, votes and ids on wires and disks: parts of their own, so that the library may change its types.
//!
//! ```text
//! entry on disk │ version u8 = 1 │ term u64 │ node u64 │ index u64 │ kind u32 │ … │      numbers little-endian
//! ```

use std::collections::{BTreeMap, BTreeSet};

use libprocess_wire as wire;
use openraft::{EntryPayload, SnapshotMeta as Meta};

use super::types::{self, LeaderId, LogId, Membership, SnapshotMeta, StoredMembership};
use crate::command::Command;
use crate::{Member, Members, NodeId};

/// The version of an entry's bytes.
const ENTRY: u8 = 1;

/// The id of an entry: who proposed it, in which term, and where it stands.
#[wire::part]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) term: u64,
    pub(crate) node: NodeId,
    pub(crate) index: u64,
}

/// Who is to lead, or leads, in a term.
#[wire::part]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Vote {
    pub(crate) term: u64,
    pub(crate) node: NodeId,
    /// Whether a quorum gave it.
    pub(crate) committed: bool,
}

/// One entry.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) place: Place,
    pub(crate) body: Body,
}

#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    Blank,
    Command(Command),
    Membership(Quorums),
}

/// Who votes; two sets while one is replaced by the other, and a majority of each decides.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Quorums {
    sets: Vec<BTreeSet<NodeId>>,
    nodes: BTreeMap<NodeId, Member>,
}

/// What a snapshot holds.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Covered {
    pub(crate) last: Option<Place>,
    pub(crate) membership_at: Option<Place>,
    pub(crate) membership: Quorums,
}

/// The bytes of an entry, for a disk.
pub(crate) fn encode_entry(entry: &types::Entry) -> Vec<u8> {
    let mut bytes = vec![ENTRY];
    wire::encode_into(&Entry::from(entry.clone()), &mut bytes);
    bytes
}

/// The entry in these bytes, all of them.
///
/// Errors: when they are no entry, or one of a later version.
pub(crate) fn decode_entry(bytes: &[u8]) -> Result<types::Entry, wire::DecodeError> {
    match bytes.split_first() {
        Some((&ENTRY, rest)) => wire::decode::<Entry>(rest)?.read(),
        version => Err(malformed(format!("entry version {:?}", version.map(|(version, _)| version)))),
    }
}

/// The voters and learners of a membership.
pub(crate) fn members(membership: &Membership) -> Members {
    let voters: BTreeSet<NodeId> = membership.voter_ids().collect();
    let nodes = membership.nodes().map(|(node, member)| (*node, member.clone()));
    let (voters, learners) = nodes.partition(|(node, _)| voters.contains(node));
    Members { voters, learners, changing: membership.get_joint_config().len() > 1 }
}

fn malformed(why: impl ToString) -> wire::DecodeError {
    wire::DecodeError::Malformed { kind: "log entry", why: why.to_string() }
}

impl From<LogId> for Place {
    fn from(id: LogId) -> Place {
        Place { term: id.leader_id.term, node: id.leader_id.node_id, index: id.index }
    }
}

impl From<Place> for LogId {
    fn from(place: Place) -> LogId {
        let leader_id = LeaderId { term: place.term, node_id: place.node };
        LogId { leader_id, index: place.index }
    }
}

impl From<types::Vote> for Vote {
    fn from(vote: types::Vote) -> Vote {
        Vote { term: vote.leader_id.term, node: vote.leader_id.node_id, committed: vote.committed }
    }
}

impl From<Vote> for types::Vote {
    fn from(vote: Vote) -> types::Vote {
        let leader_id = LeaderId { term: vote.term, node_id: vote.node };
        types::Vote { leader_id, committed: vote.committed }
    }
}

impl Quorums {
    /// One voter, and nobody else.
    pub(crate) fn of(node: NodeId, member: Member) -> Quorums {
        Quorums { sets: vec![BTreeSet::from([node])], nodes: BTreeMap::from([(node, member)]) }
    }
}

impl From<&Membership> for Quorums {
    fn from(membership: &Membership) -> Quorums {
        let nodes = membership.nodes().map(|(node, member)| (*node, member.clone())).collect();
        Quorums { sets: membership.get_joint_config().clone(), nodes }
    }
}

impl TryFrom<Quorums> for Membership {
    type Error = wire::DecodeError;

    fn try_from(quorums: Quorums) -> Result<Membership, wire::DecodeError> {
        if quorums.sets.is_empty() && quorums.nodes.is_empty() {
            return Ok(Membership::default());
        }
        Membership::new(quorums.sets, quorums.nodes).map_err(malformed)
    }
}

impl From<types::Entry> for Entry {
    fn from(entry: types::Entry) -> Entry {
        let body = match entry.payload {
            EntryPayload::Blank => Body::Blank,
            EntryPayload::Normal(command) => Body::Command(command),
            EntryPayload::Membership(membership) => Body::Membership((&membership).into()),
        };
        Entry { place: entry.log_id.into(), body }
    }
}

impl Entry {
    /// The entry, as the library takes it.
    ///
    /// Errors: when its membership is none.
    pub(crate) fn read(self) -> Result<types::Entry, wire::DecodeError> {
        let payload = match self.body {
            Body::Blank => EntryPayload::Blank,
            Body::Command(command) => EntryPayload::Normal(command),
            Body::Membership(quorums) => EntryPayload::Membership(quorums.try_into()?),
        };
        Ok(types::Entry { log_id: self.place.into(), payload })
    }
}

impl From<&SnapshotMeta> for Covered {
    fn from(meta: &SnapshotMeta) -> Covered {
        Covered {
            last: meta.last_log_id.map(Place::from),
            membership_at: meta.last_membership.log_id().map(Place::from),
            membership: meta.last_membership.membership().into(),
        }
    }
}

impl TryFrom<Covered> for SnapshotMeta {
    type Error = wire::DecodeError;

    fn try_from(covered: Covered) -> Result<SnapshotMeta, wire::DecodeError> {
        let at = covered.membership_at.map(LogId::from);
        let last_membership = StoredMembership::new(at, covered.membership.try_into()?);
        Ok(Meta { last_log_id: covered.last.map(LogId::from), last_membership })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn entry(payload: EntryPayload<Command, NodeId, Member>) -> types::Entry {
        let place = Place { term: 2, node: NodeId(9), index: 5 };
        types::Entry { log_id: place.into(), payload }
    }

    fn membership() -> Membership {
        let address = "127.0.0.1:5050".parse().unwrap();
        let nodes = BTreeMap::from([1, 2, 3].map(|node| (NodeId(node), Member { address })));
        let sets = vec![BTreeSet::from([NodeId(1)]), BTreeSet::from([NodeId(1), NodeId(2)])];
        Membership::new(sets, nodes).unwrap()
    }

    #[test]
    fn what_was_encoded_comes_back() {
        let delta = Command::Delta { version: 1, bytes: Arc::from(*b"delta") };
        for payload in
            [EntryPayload::Blank, EntryPayload::Normal(delta), EntryPayload::Membership(membership())]
        {
            let entry = entry(payload);
            let bytes = encode_entry(&entry);
            assert_eq!(decode_entry(&bytes).unwrap(), entry);
            for end in 0..bytes.len() {
                assert!(decode_entry(&bytes[..end]).is_err(), "{end} of {}", bytes.len());
            }
        }
    }

    #[test]
    fn the_bytes_of_an_entry_are_these() {
        let delta = Command::Delta { version: 3, bytes: Arc::from(*b"ab") };
        let mut expected = vec![1];
        for number in [2_u64, 9, 5] {
            expected.extend(number.to_le_bytes());
        }
        for number in [1_u32, 0, 3] {
            expected.extend(number.to_le_bytes());
        }
        expected.extend(2_u64.to_le_bytes());
        expected.extend(*b"ab");
        assert_eq!(encode_entry(&entry(EntryPayload::Normal(delta))), expected);
    }

    #[test]
    fn an_entry_of_a_later_version_is_refused() {
        let mut bytes = encode_entry(&entry(EntryPayload::Blank));
        bytes[0] = 2;
        assert!(decode_entry(&bytes).is_err_and(|error| error.to_string().contains("version Some(2)")));
    }

    #[test]
    fn voters_without_an_address_are_refused() {
        let quorums = Quorums { sets: vec![BTreeSet::from([NodeId(1)])], nodes: BTreeMap::new() };
        assert!(Membership::try_from(quorums).is_err());
    }

    #[test]
    fn members_are_sorted_into_voters_and_learners() {
        let members = members(&membership());
        assert_eq!(members.voters.len(), 2);
        assert_eq!(members.learners.keys().collect::<Vec<_>>(), [&NodeId(3)]);
    }
}
