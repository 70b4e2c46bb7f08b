//! What a panic means for others: nothing, a new life, the end of the node.

use std::sync::mpsc;
use std::time::Duration;

use libprocess::toolbox::Backoff;
use libprocess::{Exit, Group, Lane, OnPanic, Pid, Reason, Restart, SendError, Spawn};

use crate::probe::{Event, Input, LONG, Node, Probe, next};

const RESTART: Restart = Restart {
    max: 3,
    within: Duration::from_secs(3600),
    backoff: Backoff::new(Duration::from_millis(1), Duration::from_millis(1)),
};

/// A member that says, under its name, that a life of it began.
fn member(
    group: Group,
    name: &'static str,
    lives: &mpsc::Sender<&'static str>,
    report: &mpsc::Sender<Event>,
) -> Group {
    let (lives, report) = (lives.clone(), report.clone());
    group.member(Spawn::named(name), move || {
        let _ = lives.send(name);
        Probe { report: report.clone(), ticks: 0, timer: None }
    })
}

/// Waits for the next life, and for the name to be found.
fn born(node: &Node, lives: &mpsc::Receiver<&'static str>) -> Pid<Probe> {
    let name = lives.recv_timeout(LONG).expect("a life begins in time");
    node.runtime.pid(name).expect("whoever is made bears its name")
}

#[test]
fn a_panic_is_answered_by_a_new_life_with_the_old_name() {
    let node = Node::start();
    let (lives, begun) = mpsc::channel();
    let (report, _) = mpsc::channel();
    let group = member(Group::one_for_one(RESTART), "a", &lives, &report);
    node.runtime.supervise(Spawn::named("group"), group).unwrap();
    let (watcher, events) = node.probe("watcher");

    let first = born(&node, &begun);
    watcher.tell(Input::Link(first.upid().clone())).unwrap();
    node.runtime.block_on(watcher.call(LONG, Input::Get)).unwrap();
    first.tell(Input::Panic).unwrap();
    let Event::Exited(who, Exit::Ended(Reason::Panicked { message, input, backtrace })) = next(&events)
    else {
        panic!("the linker hears of the panic")
    };
    assert_eq!((who.as_str(), message.as_str()), ("a", "as told"));
    assert!(input.ends_with("probe::Input"), "{input}");
    assert!(backtrace.starts_with("at ") && backtrace.contains("probe.rs"), "{backtrace}");

    let second = born(&node, &begun);
    assert_ne!(first.upid(), second.upid());
    assert_eq!(first.upid().bare(), second.upid().bare());
    assert_eq!(first.tell(Input::Stop), Err(SendError::Gone));
    assert_eq!(node.runtime.block_on(second.call(LONG, Input::Get)), Ok(42));
}

#[test]
fn those_behind_the_one_that_panicked_begin_again_with_it() {
    let node = Node::start();
    let (lives, begun) = mpsc::channel();
    let (report, _) = mpsc::channel();
    let group = ["a", "b", "c"]
        .into_iter()
        .fold(Group::rest_for_one(RESTART), |group, name| member(group, name, &lives, &report));
    node.runtime.supervise(Spawn::named("group"), group).unwrap();
    let [a, b, c] = [(); 3].map(|()| born(&node, &begun));

    b.tell(Input::Panic).unwrap();
    let [b2, c2] = [(); 2].map(|()| born(&node, &begun));
    assert_eq!((b2.upid().id(), c2.upid().id()), ("b", "c"));
    assert_eq!(node.runtime.block_on(c.wait()), Reason::Terminated);
    assert!(a.is_alive() && b2.is_alive() && c2.is_alive());
}

#[test]
fn who_ends_otherwise_stays_away_and_the_group_takes_the_rest_along() {
    let node = Node::start();
    let (lives, begun) = mpsc::channel();
    let (report, _) = mpsc::channel();
    let group = ["a", "b"]
        .into_iter()
        .fold(Group::one_for_one(RESTART), |group, name| member(group, name, &lives, &report));
    let supervisor = node.runtime.supervise(Spawn::named("group"), group).unwrap();
    let [a, b] = [(); 2].map(|()| born(&node, &begun));

    a.tell(Input::Stop).unwrap();
    node.runtime.block_on(a.wait());
    b.tell(Input::Panic).unwrap();
    let b = born(&node, &begun);
    assert_eq!(b.upid().id(), "b", "only who panicked begins again");

    supervisor.terminate(Lane::System);
    assert_eq!(node.runtime.block_on(b.wait()), Reason::Terminated);
}

#[test]
fn a_group_that_panics_too_often_is_given_up_and_may_take_the_node_along() {
    let node = Node::start();
    let (lives, begun) = mpsc::channel();
    let (report, _) = mpsc::channel();
    let group = member(Group::one_for_one(RESTART), "a", &lives, &report);
    let spawn = Spawn::named("group").on_panic(OnPanic::Escalate);
    let supervisor = node.runtime.supervise(spawn, group).unwrap();
    let failed = node.runtime.failed();
    for _ in 0..=RESTART.max {
        born(&node, &begun).tell(Input::Panic).unwrap();
    }
    let failure = node.runtime.block_on(failed);
    assert_eq!(&failure.upid, supervisor.upid());
    let text = failure.to_string();
    assert!(text.contains("gave up on its group after 3 restarts") && text.contains("as told"), "{text}");
}

#[test]
fn a_process_the_node_cannot_do_without_ends_it() {
    let node = Node::start();
    let (bystander, _) = node.probe("bystander");
    let (vital, _) = node.spawn(Spawn::named("vital").on_panic(OnPanic::Escalate));
    let ended = bystander.wait();
    vital.tell(Input::Panic).unwrap();
    let failure = node.runtime.block_on(node.runtime.failed());
    assert_eq!((failure.kind, failure.upid.id()), ("probe", "vital"));
    assert_eq!(node.runtime.block_on(ended), Reason::NodeDown);
}

#[test]
fn a_vital_process_that_stops_by_itself_ends_nobody_else() {
    let node = Node::start();
    let (vital, _) = node.spawn(Spawn::named("vital").on_panic(OnPanic::Escalate));
    vital.tell(Input::Stop).unwrap();
    node.runtime.block_on(vital.wait());
    let (lives, events) = node.probe("lives");
    lives.tell(Input::Tell(1)).unwrap();
    assert_eq!(next(&events), Event::Told(1));
}
