//! The leader goes, and another leads.

use replicated_log::{LeaderState, LogError};

use crate::cells::{Add, Overflow};
use crate::nodes::{Cluster, eventually};

#[test]
fn what_was_answered_outlives_the_leader() {
    let mut cluster = Cluster::of(3);
    for number in 1..=20 {
        assert_eq!(cluster.add(1, 1), number);
    }
    cluster.all_see(1, 20);
    let (leader, before) = cluster.leader();

    cluster.stop(leader);

    let (leader, after) = cluster.leader();
    assert!(after > before, "{after} is later than {before}");
    assert_eq!(cluster.members[leader].cell(1), Some(20));
    assert_eq!(cluster.add(1, 1), 21);
    cluster.all_see(1, 21);
}

#[test]
fn the_lead_is_handed_over() {
    let cluster = Cluster::of(3);
    cluster.add(1, 1);
    cluster.all_see(1, 1);
    let (old, before) = cluster.leader();
    let old = &cluster.members[old];

    old.node.block_on(old.replica.transfer(None)).unwrap();

    assert!(!old.replica.holds(before), "it lost its authority before it said so");
    let (new, after) = cluster.leader();
    assert_ne!(cluster.members[new].node.address(), old.node.address());
    assert!(after > before);
    eventually("it follows", || {
        matches!(old.replica.leadership().get(), LeaderState::Follower { leader: Some(_) })
    });
    let refused = old.node.block_on(old.replica.propose_in(before, Add(1, 1)));
    assert!(matches!(refused, Err(LogError::Demoted(epoch)) if epoch == before));
    assert_eq!(cluster.add(1, 1), 2);
}

#[test]
fn a_follower_says_who_leads_and_reads_what_was_answered() {
    let cluster = Cluster::of(3);
    cluster.add(7, 5);
    let (leader, _) = cluster.leader();
    let follower = &cluster.members[(leader + 1) % 3];

    let refused = follower.add(7, 1).map(drop);
    follower.node.block_on(follower.replica.linearizable()).unwrap();

    assert_eq!(refused, Err(LogError::NotLeader { hint: Some(cluster.members[leader].node.address()) }));
    assert_eq!(follower.cell(7), Some(5));
    assert_eq!(follower.replica.leader().unwrap().address, cluster.members[leader].node.address());
}

#[test]
fn what_the_machine_refuses_changes_nothing() {
    let cluster = Cluster::of(1);
    cluster.add(1, u64::MAX);
    let (leader, _) = cluster.leader();
    let refused = cluster.members[leader].add(1, 1).unwrap();
    assert_eq!(refused.outcome, Err(Overflow));
    assert_eq!(cluster.members[leader].cell(1), Some(u64::MAX));
}

#[test]
fn a_leader_without_the_others_is_suspended() {
    let mut cluster = Cluster::of(3);
    cluster.add(1, 1);
    let (leader, epoch) = cluster.leader();
    let alone = cluster.members.remove(leader);
    while !cluster.members.is_empty() {
        cluster.stop(0);
    }

    eventually("its lease runs out", || !alone.replica.holds(epoch));
    eventually("it says so", || !matches!(alone.replica.leadership().get(), LeaderState::Leading(_)));

    let refused = alone.add(1, 1).map(drop);
    assert!(
        matches!(refused, Err(LogError::NoQuorum { .. } | LogError::NotLeader { .. } | LogError::Unknown)),
        "{refused:?}"
    );
    alone.node.shutdown();
}
