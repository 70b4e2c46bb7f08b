//! Replicas come and go while the cluster works.

use crate::nodes::{Cluster, eventually};

#[test]
fn one_alone_leads_for_as_long_as_it_runs() {
    let cluster = Cluster::of(1);
    let (leader, epoch) = cluster.leader();
    let member = &cluster.members[leader];
    let later = member.node.elapsed() + 3 * replicated_log::Timing::DEFAULT.election.1;
    eventually("it has outlived its first lease", || {
        member.node.elapsed() > later && member.replica.holds(epoch)
    });
}

#[test]
fn one_grows_to_three() {
    let mut cluster = Cluster::of(1);
    assert_eq!(cluster.add(1, 4), 4);

    cluster.grow();
    cluster.grow();

    for member in &cluster.members {
        let status = member.replica.status();
        eventually("all three vote", || {
            let members = status.get().members;
            members.voters.len() == 3 && !members.changing
        });
    }
    cluster.all_see(1, 4);
    let (leader, _) = cluster.leader();
    cluster.stop(leader);
    assert_eq!(cluster.add(1, 1), 5);
}

#[test]
fn a_wiped_disk_comes_back_as_another_node() {
    let mut cluster = Cluster::of(3);
    cluster.add(1, 6);
    cluster.all_see(1, 6);
    let masters = cluster.masters();
    let (leader, _) = cluster.leader();
    let wiped = (leader + 1) % 3;
    let before = cluster.members[wiped].replica.status().get().node.unwrap();

    let (address, _) = cluster.stop(wiped);
    let empty = cluster.dir();
    cluster.start(address, empty, masters);

    let back = cluster.members.last().unwrap();
    eventually("it votes in the place of the one it was", || {
        let status = back.replica.status().get();
        let members = status.members;
        let votes = |now| now != before && members.voters.contains_key(&now);
        status.node.is_some_and(votes) && members.get(before).is_none()
    });
    cluster.all_see(1, 6);
    let status = cluster.members[0].replica.status();
    eventually("there are three again", || status.get().members.voters.len() == 3);
}

#[test]
fn a_replica_is_taken_out() {
    let mut cluster = Cluster::of(3);
    cluster.add(1, 1);
    let (leader, _) = cluster.leader();
    let gone = cluster.members[(leader + 1) % 3].replica.status().get().node.unwrap();

    let leader = &cluster.members[leader];
    let left = leader.node.block_on(leader.replica.remove(gone, false)).unwrap();

    assert_eq!(left.voters.len(), 2);
    assert!(left.get(gone).is_none());
    assert_eq!(cluster.add(1, 1), 2);
    cluster.members.clear();
}

#[test]
fn all_of_them_start_again_on_what_they_wrote() {
    let mut cluster = Cluster::of(3);
    for number in 1..=50 {
        assert_eq!(cluster.add(2, 1), number);
    }
    let (_, before) = cluster.leader();
    let masters = cluster.masters();

    let stopped: Vec<_> = (0..3).map(|_| cluster.stop(0)).collect();
    for (address, dir) in stopped {
        cluster.start(address, dir, masters.clone());
    }

    assert_eq!(cluster.add(2, 1), 51);
    let (_, after) = cluster.leader();
    assert!(after > before);
    cluster.all_see(2, 51);
}
