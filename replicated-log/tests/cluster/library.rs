//! The log as a library: writers, readers, variables; here and from elsewhere.

use std::sync::Arc;

use libprocess::Runtime;
use replicated_log::{Config, Log, LogError, Position};

use crate::nodes::Cluster;

fn bytes(text: &str) -> Arc<[u8]> {
    text.as_bytes().into()
}

/// A log of one replica, on a node of its own.
fn alone() -> (Runtime, Log, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let node = Runtime::start(libprocess::Config::default()).unwrap();
    let log = node.block_on(Log::open(&node, Config::new(dir.path()))).unwrap();
    (node, log, dir)
}

#[test]
fn what_is_appended_is_read() {
    let (node, log, _dir) = alone();
    node.block_on(async {
        let mut writer = log.writer();
        writer.start().await.unwrap().unwrap();
        let first = writer.append(bytes("one")).await.unwrap().unwrap();
        let last =
            writer.append_many((0..100).map(|n| bytes(&n.to_string())).collect()).await.unwrap().unwrap();

        let reader = log.reader();
        assert_eq!(reader.catchup().await.unwrap(), last);
        let entries = reader.read(first..=last).await.unwrap();

        assert_eq!(entries.len(), 101);
        assert_eq!((&*entries[0].data, entries[0].position), (&b"one"[..], first));
        assert_eq!(&*entries[100].data, b"99");
        assert!(entries.is_sorted_by(|one, two| one.position < two.position));
        let beyond = Position::of_identity(u64::MAX.to_be_bytes());
        assert!(matches!(reader.read(first..=beyond).await, Err(LogError::Refused(_))));
    });
    node.shutdown();
}

#[test]
fn one_writes_at_a_time() {
    let (node, log, _dir) = alone();
    node.block_on(async {
        let (mut one, mut two) = (log.writer(), log.writer());
        assert!(matches!(one.append(bytes("x")).await, Err(LogError::Refused(_))), "it has not started");
        one.start().await.unwrap().unwrap();
        let kept = one.append(bytes("kept")).await.unwrap().unwrap();

        two.start().await.unwrap().unwrap();

        assert_eq!(one.append(bytes("lost")).await.unwrap(), None);
        assert!(one.append(bytes("lost")).await.is_err(), "it is of no use before it starts again");
        let last = two.append(bytes("kept too")).await.unwrap().unwrap();
        let entries = log.reader().read(kept..=last).await.unwrap();
        assert_eq!(entries.iter().map(|entry| &*entry.data).collect::<Vec<_>>(), [&b"kept"[..], b"kept too"]);
    });
    node.shutdown();
}

#[test]
fn what_is_truncated_is_not_read() {
    let (node, log, _dir) = alone();
    node.block_on(async {
        let (mut writer, reader) = (log.writer(), log.reader());
        writer.start().await.unwrap().unwrap();
        let first = writer.append(bytes("1")).await.unwrap().unwrap();
        let second = writer.append(bytes("2")).await.unwrap().unwrap();

        writer.truncate(second).await.unwrap().unwrap();

        assert_eq!(reader.beginning().await.unwrap(), second);
        assert!(matches!(reader.read(first..=second).await, Err(LogError::Refused(_))));
        let left = reader.read(second..=reader.ending().await.unwrap()).await.unwrap();
        assert_eq!(left.iter().map(|entry| &*entry.data).collect::<Vec<_>>(), [&b"2"[..]]);
    });
    node.shutdown();
}

#[test]
fn a_tail_follows() {
    let (node, log, _dir) = alone();
    node.block_on(async {
        let mut writer = log.writer();
        let mut tail = log.reader().stream(writer.start().await.unwrap().unwrap());
        let read = async { (tail.next().await.unwrap().data, tail.next().await.unwrap().data) };
        let write = async {
            writer.append(bytes("1")).await.unwrap().unwrap();
            writer.append(bytes("2")).await.unwrap().unwrap();
        };
        let ((one, two), ()) = futures_util::join!(read, write);
        assert_eq!((&*one, &*two), (&b"1"[..], &b"2"[..]));
    });
    node.shutdown();
}

#[test]
fn variables_change_only_if_nobody_else_has_changed_them() {
    let (node, log, _dir) = alone();
    node.block_on(async {
        let variables = log.variables();
        let new = variables.fetch("quota").await.unwrap();
        assert!(!new.exists());
        let one = variables.store(new.clone().mutate(bytes("1"))).await.unwrap().unwrap();
        assert_eq!(variables.store(new.mutate(bytes("2"))).await.unwrap(), None);
        let two = variables.store(one.clone().mutate(bytes("3"))).await.unwrap().unwrap();
        assert_eq!(variables.fetch("quota").await.unwrap(), two);
        assert_eq!(variables.names().await.unwrap(), ["quota"]);
        assert!(!variables.expunge(one).await.unwrap());
        assert!(variables.expunge(two).await.unwrap());
        assert!(!variables.fetch("quota").await.unwrap().exists());
    });
    node.shutdown();
}

#[test]
fn a_client_elsewhere_goes_on_when_the_leader_is_gone() {
    let mut cluster = Cluster::of(3);
    cluster.add(1, 1);
    let client = Runtime::start(libprocess::Config::default()).unwrap();
    let log = Log::connect(&client, "log", cluster.masters()).unwrap();
    let mut writer = log.writer();
    client.block_on(async {
        writer.start().await.unwrap().unwrap();
        writer.append(bytes("before")).await.unwrap().unwrap();
    });
    let (leader, _) = cluster.leader();

    cluster.stop(leader);

    client.block_on(async {
        let last = writer.append(bytes("after")).await.unwrap().unwrap();
        let reader = log.reader();
        assert!(reader.catchup().await.unwrap() >= last);
        let entries = reader.read(reader.beginning().await.unwrap()..=last).await.unwrap();
        assert_eq!(entries.iter().map(|entry| &*entry.data).collect::<Vec<_>>(), [&b"before"[..], b"after"]);
    });
    client.shutdown();
}
