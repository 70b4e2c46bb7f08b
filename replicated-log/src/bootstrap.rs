//! How a new replica comes to belong to a cluster: those that were told of each other form one, or it joins theirs.
//!
//! ```text
//!            all it was told of are new, or of the very cluster they form ──► form, each with the same members
//!  new ──┤   one of them belongs to another cluster ──────────────────────► join it, as a learner
//!            else ──────────────────────────────────────────────────────────► wait, and ask again
//! ```
//!
//! The id of a cluster is drawn from the ids of the nodes that form it. A disk that was wiped has another node id, so it
//! finds a cluster it is no part of, and joins: it never votes for the one it was.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use crate::host::Host;
use crate::messages::{Hello, Join, Known};
use crate::raft::runtime::sleep;
use crate::{ClusterId, LogError, Machine, Member, Members, NodeId, Phase};

/// How long others have to say who they are.
const HELLO: Duration = Duration::from_millis(500);
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(100);

/// What a new replica does next.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Form(ClusterId, BTreeMap<NodeId, Member>),
    /// Whom to ask.
    Join(SocketAddr),
    Wait(String),
}

/// Asks around until this replica belongs to a cluster, and its log says so.
pub(crate) async fn form<M: Machine>(host: Arc<Host<M>>) {
    loop {
        match host.consensus().is_formed().await {
            Ok(false) => {}
            Ok(true) => {
                let members = host.consensus().standing().members;
                if let Some(why) = contradiction(&host.shared.config.masters, &members) {
                    tracing::warn!(why, "the list of masters is not used");
                }
                return;
            }
            Err(LogError::Stopped(_)) => return,
            Err(error) => tracing::warn!(%error, "failed to ask whether there is a cluster"),
        }
        let why = match attempt(&host).await {
            Ok(true) => return,
            Ok(false) => "its cluster has taken it in, and is to send it the log".to_owned(),
            Err(why) => why,
        };
        host.shared.status.change(|status| {
            let waiting = Phase::Waiting(why);
            let changed = status.phase != waiting;
            if changed {
                tracing::info!(phase = ?waiting, "replica waits");
            }
            status.phase = waiting;
            changed
        });
        sleep(PAUSE).await;
    }
}

/// Whether it has formed a cluster; else it joined one.
async fn attempt<M: Machine>(host: &Host<M>) -> Result<bool, String> {
    let shared = &host.shared;
    let (me, here) = (host.who().node(), host.runtime().address());
    let told = sorted(&shared.config.masters);
    let others = told.iter().filter(|address| **address != here);
    let hello = || Hello { cluster: host.who().cluster(), node: me };
    let known =
        join_all(others.map(|address| async move {
            (*address, shared.outside.ask(*address, hello(), HELLO).await.ok())
        }));
    let known: BTreeMap<SocketAddr, Option<Known>> = known.await.into_iter().collect();
    match decide((me, here), host.who().cluster(), &told, &known) {
        Next::Form(cluster, members) => {
            host.belong(cluster).map_err(|error| error.to_string())?;
            host.consensus().form(members).await.map(|()| true).map_err(|error| error.to_string())
        }
        Next::Join(at) => join(host, at).await.map(|()| false),
        Next::Wait(why) => Err(why),
    }
}

/// Asks to be taken in; whoever does not lead says who does.
pub(crate) async fn join<M: Machine>(host: &Host<M>, at: SocketAddr) -> Result<(), String> {
    let mut at = at;
    for _ in 0..3 {
        let join = Join { node: host.who().node(), address: host.runtime().address() };
        match host.shared.outside.ask(at, join, HELLO * 4).await {
            Ok(Ok(cluster)) => return host.belong(cluster).map_err(|error| error.to_string()),
            Ok(Err(LogError::NotLeader { hint: Some(leader) })) if leader != at => at = leader,
            Ok(Err(error)) => return Err(format!("{at} does not take it in: {error}")),
            Err(error) => return Err(format!("{at} does not answer: {error}")),
        }
    }
    Err("nobody leads the cluster it is to join".to_owned())
}

/// What to do, by what the others say of themselves.
fn decide(
    (me, here): (NodeId, SocketAddr),
    mine: Option<ClusterId>,
    told: &[SocketAddr],
    known: &BTreeMap<SocketAddr, Option<Known>>,
) -> Next {
    let answers = || known.iter().filter_map(|(at, known)| Some((*at, known.as_ref()?)));
    if let Some((at, _)) = answers().find(|(_, other)| other.node == me) {
        return Next::Wait(format!("{at} is the same node as this one: one of the disks is a copy"));
    }
    let alone = told.is_empty() || told == [here];
    let all_here = alone || (told.contains(&here) && answers().count() == known.len());
    let mut members = BTreeMap::from([(me, Member { address: here })]);
    members.extend(answers().map(|(address, other)| (other.node, Member { address })));
    let cluster = cluster_of(members.keys().copied());
    let theirs = |other: &Known| other.cluster.filter(|theirs| *theirs != cluster || !all_here);
    if let Some((at, other)) = answers().find(|(_, other)| theirs(other).is_some()) {
        return match mine {
            Some(mine) if Some(mine) != other.cluster => Next::Wait(format!(
                "{at} belongs to the cluster {}, and this replica to {mine}",
                other.cluster.unwrap_or(mine)
            )),
            _ => Next::Join(at),
        };
    }
    if !told.contains(&here) && !alone {
        return Next::Wait(format!(
            "none of {told:?} belongs to a cluster, and this replica is not among them"
        ));
    }
    if let Some((at, _)) = answers().find(|(_, other)| other.masters != told) {
        return Next::Wait(format!("{at} was told of other masters than this replica"));
    }
    match known.iter().find(|(_, known)| known.is_none()) {
        Some((silent, _)) => Next::Wait(format!("{silent} does not say who it is")),
        None if mine.is_some_and(|mine| mine != cluster) => {
            Next::Wait("its cluster is not the one it was told of".to_owned())
        }
        None => Next::Form(cluster, members),
    }
}

/// What to say when the list a replica was given is not what its disk says.
fn contradiction(told: &[SocketAddr], members: &Members) -> Option<String> {
    let told = sorted(told);
    let known: Vec<SocketAddr> =
        members.voters.values().chain(members.learners.values()).map(|m| m.address).collect();
    let known = sorted(&known);
    if told.is_empty() || known.is_empty() || told == known {
        return None;
    }
    let list =
        |addresses: &[SocketAddr]| addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    Some(format!(
        "this replica was told of {}, but the members of its cluster are {}: those count; `hectare log add` and `hectare log \
         remove` change them",
        list(&told),
        list(&known)
    ))
}

/// The masters in the order in which all compare them.
pub(crate) fn sorted(masters: &[SocketAddr]) -> Vec<SocketAddr> {
    let mut masters = masters.to_vec();
    masters.sort_unstable();
    masters.dedup();
    masters
}

/// The id of the cluster that these nodes form: their ids, mixed in order.
fn cluster_of(nodes: impl Iterator<Item = NodeId>) -> ClusterId {
    let mix = |hash: u128, node: NodeId| {
        let mixed = (hash ^ u128::from(node.0)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
        mixed ^ (mixed >> 61)
    };
    ClusterId(nodes.fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d, mix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(port: u16) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, 1], port))
    }

    fn fresh(node: u64) -> Option<Known> {
        Some(Known { cluster: None, node: NodeId(node), masters: vec![at(1), at(2), at(3)], leader: None })
    }

    fn of(cluster: ClusterId, node: u64) -> Option<Known> {
        fresh(node).map(|known| Known { cluster: Some(cluster), ..known })
    }

    fn next(mine: Option<ClusterId>, two: Option<Known>, three: Option<Known>) -> Next {
        let known = BTreeMap::from([(at(2), two), (at(3), three)]);
        decide((NodeId(1), at(1)), mine, &[at(1), at(2), at(3)], &known)
    }

    fn ours() -> ClusterId {
        cluster_of([1, 2, 3].map(NodeId).into_iter())
    }

    #[test]
    fn a_list_that_is_not_what_the_disk_says_is_told() {
        let member = |port| Member { address: at(port) };
        let members = Members {
            voters: BTreeMap::from([(NodeId(1), member(1)), (NodeId(2), member(2))]),
            learners: BTreeMap::from([(NodeId(3), member(3))]),
            ..Members::default()
        };
        assert_eq!(contradiction(&[at(3), at(1), at(2)], &members), None, "in any order");
        assert_eq!(contradiction(&[], &members), None);
        let why = contradiction(&[at(1), at(4)], &members).unwrap();
        assert!(why.contains("told of 10.0.0.1:1,10.0.0.1:4, but"), "{why}");
    }

    #[test]
    fn those_who_are_new_form_a_cluster() {
        let Next::Form(cluster, members) = next(None, fresh(2), fresh(3)) else { panic!("they form one") };
        assert_eq!((cluster, members.len()), (ours(), 3));
    }

    #[test]
    fn who_was_slower_forms_the_same() {
        assert!(matches!(next(None, of(ours(), 2), fresh(3)), Next::Form(cluster, _) if cluster == ours()));
        assert!(matches!(next(Some(ours()), of(ours(), 2), of(ours(), 3)), Next::Form(..)));
    }

    #[test]
    fn a_wiped_disk_joins() {
        let before = cluster_of([9, 2, 3].map(NodeId).into_iter());
        assert_eq!(next(None, of(before, 2), of(before, 3)), Next::Join(at(2)));
        assert_eq!(next(None, fresh(2), of(before, 3)), Next::Join(at(3)));
        assert_eq!(next(None, None, of(before, 3)), Next::Join(at(3)));
    }

    #[test]
    fn one_that_is_silent_is_waited_for() {
        assert!(matches!(next(None, fresh(2), None), Next::Wait(why) if why.contains("10.0.0.1:3")));
    }

    #[test]
    fn a_copied_disk_is_named() {
        assert!(matches!(next(None, fresh(1), fresh(3)), Next::Wait(why) if why.contains("copy")));
    }

    #[test]
    fn other_masters_are_named() {
        let other = fresh(2).map(|known| Known { masters: vec![at(2)], ..known });
        assert!(matches!(next(None, other, fresh(3)), Next::Wait(why) if why.contains("other masters")));
    }

    #[test]
    fn a_foreign_disk_does_not_join() {
        let foreign = ClusterId(7);
        assert!(
            matches!(next(Some(foreign), of(ours(), 2), None), Next::Wait(why) if why.contains("belongs"))
        );
    }

    #[test]
    fn one_that_was_told_of_nobody_is_a_cluster_of_its_own() {
        let alone = decide((NodeId(1), at(1)), None, &[], &BTreeMap::new());
        assert!(matches!(alone, Next::Form(_, members) if members.len() == 1));
    }

    #[test]
    fn a_newcomer_that_is_not_listed_does_not_form() {
        let known = BTreeMap::from([(at(2), fresh(2)), (at(3), fresh(3))]);
        assert!(matches!(decide((NodeId(1), at(1)), None, &[at(2), at(3)], &known), Next::Wait(_)));
    }
}
