//! A backup, and what can be begun with it.

use replicated_log::LogError;

use crate::nodes::Cluster;

#[test]
fn a_survivor_begins_a_cluster_anew() {
    let mut old = Cluster::of(3);
    for number in 1..=5 {
        old.add(number, number * 10);
    }
    old.all_see(5, 50);
    let (_, before) = old.leader();
    let survivor = old.members.remove(0);
    while !old.members.is_empty() {
        old.stop(0);
    }
    let file = old.dir().with_extension("backup");

    let position = survivor.node.block_on(survivor.replica.backup(&file)).unwrap();
    survivor.node.shutdown();
    let mut new = Cluster::from_backup(&file);

    assert_eq!(new.add(5, 1), 51);
    let (leader, after) = new.leader();
    assert!(after > before, "no epoch comes twice");
    assert!(new.members[leader].replica.leader().is_some());
    assert!(new.members[leader].replica.applied().get() > u64::from_be_bytes(position.identity()));
    new.grow();
    new.all_see(5, 51);
    new.all_see(1, 10);
}

#[test]
fn a_backup_that_was_damaged_is_refused() {
    let mut cluster = Cluster::of(1);
    cluster.add(1, 1);
    let file = cluster.dir().with_extension("backup");
    let member = &cluster.members[0];
    member.node.block_on(member.replica.backup(&file)).unwrap();
    let mut bytes = std::fs::read(&file).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&file, bytes).unwrap();

    let refused = Cluster::try_from_backup(&file);

    assert!(matches!(refused, Err(LogError::Refused(why)) if why.contains("checksum")));
}
