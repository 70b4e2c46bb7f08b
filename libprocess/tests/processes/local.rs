//! Processes of one runtime: telling, asking, timers, links, tasks, ends.

use std::sync::mpsc;
use std::time::Duration;

use libprocess::{AskError, Bound, Exit, Lane, Reason, SendError, Spawn, SpawnError, Upid};

use crate::probe::{Event, Input, LONG, Node, Note, Probe, next};

#[test]
fn what_is_told_arrives_in_order() {
    let node = Node::start();
    let (probe, events) = node.probe("a");
    for n in 0..10_000 {
        probe.tell(Input::Tell(n)).unwrap();
    }
    for n in 0..10_000 {
        assert_eq!(next(&events), Event::Told(n));
    }
}

#[test]
fn a_call_is_answered_or_says_why_not() {
    let node = Node::start();
    let (probe, _events) = node.probe("a");
    let call = probe.call(LONG, Input::Get);
    assert_eq!(node.runtime.block_on(call), Ok(42));
    assert_eq!(node.runtime.block_on(probe.call(LONG, Input::Drop)), Err(AskError::Rejected));

    let (_hold, until) = mpsc::channel();
    probe.tell(Input::Block(until)).unwrap();
    let late = probe.call(Duration::from_millis(5), Input::Get);
    assert_eq!(node.runtime.block_on(late), Err(AskError::Timeout));
    drop(_hold);

    probe.terminate(Lane::User);
    assert_eq!(node.runtime.block_on(probe.wait()), Reason::Terminated);
    assert_eq!(node.runtime.block_on(probe.call(LONG, Input::Get)), Err(AskError::NoSuchProcess));
    assert_eq!(probe.tell(Input::Stop), Err(SendError::Gone));
}

#[test]
fn timers_repeat_until_cancelled() {
    let node = Node::start();
    let (probe, events) = node.probe("a");
    probe.tell(Input::Every(Duration::from_millis(2))).unwrap();
    for n in 1..=3 {
        assert_eq!(next(&events), Event::Ticked(n));
    }
    assert_eq!(next(&events), Event::Told(u64::MAX));
}

#[test]
fn links_tell_of_every_end_once() {
    let node = Node::start();
    let (watcher, events) = node.probe("watcher");
    for (name, end, reason) in
        [("stops", Input::Stop, Reason::Stopped), ("dies", Input::Panic, Reason::Stopped)]
    {
        let (probe, _) = node.probe(name);
        watcher.tell(Input::Link(probe.upid().clone())).unwrap();
        watcher.tell(Input::Link(probe.upid().clone())).unwrap();
        node.runtime.block_on(watcher.call(LONG, Input::Get)).unwrap();
        probe.tell(end).unwrap();
        match next(&events) {
            Event::Exited(who, Exit::Ended(Reason::Panicked { message, .. })) => {
                assert_eq!((who.as_str(), message.as_str()), ("dies", "as told"));
            }
            Event::Exited(who, Exit::Ended(why)) => assert_eq!((who.as_str(), why), (name, reason)),
            other => panic!("{other:?}"),
        }
    }
    let nobody = Upid::new("nobody", node.runtime.address());
    watcher.tell(Input::Link(nobody)).unwrap();
    assert_eq!(next(&events), Event::Exited("nobody".into(), Exit::NoSuchProcess));

    let (probe, _) = node.probe("forgotten");
    watcher.tell(Input::Link(probe.upid().clone())).unwrap();
    watcher.tell(Input::Unlink(probe.upid().clone())).unwrap();
    node.runtime.block_on(watcher.call(LONG, Input::Get)).unwrap();
    probe.tell(Input::Stop).unwrap();
    node.runtime.block_on(probe.wait());
    watcher.tell(Input::Tell(1)).unwrap();
    assert_eq!(next(&events), Event::Told(1));
}

#[test]
fn messages_find_their_door_by_address() {
    let node = Node::start();
    let (a, _) = node.probe("a");
    let (b, events) = node.probe("b");
    a.tell(Input::Send(b.upid().clone(), "to this life".into())).unwrap();
    a.tell(Input::Send(b.upid().bare(), "to the name".into())).unwrap();
    assert_eq!(next(&events), Event::Noted("a".into(), "to this life".into()));
    assert_eq!(next(&events), Event::Noted("a".into(), "to the name".into()));
}

#[test]
fn a_message_for_an_earlier_life_reaches_nobody() {
    let node = Node::start();
    let (first, _) = node.probe("b");
    let old = first.upid().clone();
    first.tell(Input::Stop).unwrap();
    node.runtime.block_on(first.wait());
    let (second, events) = node.probe("b");
    assert_ne!(second.upid(), &old);
    assert_eq!(node.runtime.send(&old, Note { text: "late".into() }), Err(SendError::Gone));
    node.runtime.send(second.upid(), Note { text: "now".into() }).unwrap();
    assert_eq!(next(&events), Event::Noted(String::new(), "now".into()));
}

#[test]
fn questions_by_address_are_answered_exactly_once() {
    let node = Node::start();
    let (a, events) = node.probe("a");
    let (b, _) = node.probe("b");
    a.tell(Input::AskDouble(b.upid().clone(), 21)).unwrap();
    assert_eq!(next(&events), Event::Answered(Ok(42)));
    a.tell(Input::AskDouble(b.upid().clone(), 0)).unwrap();
    assert_eq!(next(&events), Event::Answered(Err(AskError::Rejected)));
    a.tell(Input::AskDouble(Upid::new("nobody", node.runtime.address()), 1)).unwrap();
    assert_eq!(next(&events), Event::Answered(Err(AskError::NoSuchProcess)));
    let (hold, until) = mpsc::channel();
    b.tell(Input::Block(until)).unwrap();
    drop(hold);
}

#[test]
fn tasks_and_jobs_come_back_as_inputs() {
    let node = Node::start();
    let (probe, events) = node.probe("a");
    probe.tell(Input::Task).unwrap();
    assert_eq!(next(&events), Event::Done("task".into()));
    probe.tell(Input::Blocking).unwrap();
    assert_eq!(next(&events), Event::Done("blocking".into()));
}

#[test]
fn a_name_is_borne_by_one_process_at_a_time() {
    let node = Node::start();
    let (_a, _events) = node.probe("a");
    let (report, _) = mpsc::channel();
    let again = node.runtime.spawn(Spawn::named("a"), move || Probe { report, ticks: 0, timer: None });
    assert_eq!(again.unwrap_err(), SpawnError::NameTaken("a".into()));
    let (one, _) = node.spawn(Spawn::prefixed("s"));
    let (two, _) = node.spawn(Spawn::prefixed("s"));
    assert_eq!((one.upid().id(), two.upid().id()), ("s(1)", "s(2)"));
}

#[test]
fn a_full_mailbox_refuses_or_drops_the_oldest() {
    let node = Node::start();
    let (hold, until) = mpsc::channel();
    let (probe, events) = node.spawn(Spawn::named("a").mailbox(Bound::messages(2)));
    probe.tell(Input::Block(until)).unwrap();
    node.runtime.block_on(async { node.runtime.sleep(Duration::from_millis(20)).await });
    probe.tell(Input::Tell(1)).unwrap();
    probe.tell(Input::Tell(2)).unwrap();
    assert_eq!(probe.tell(Input::Tell(3)), Err(SendError::Full));
    drop(hold);
    assert_eq!((next(&events), next(&events)), (Event::Told(1), Event::Told(2)));

    let (hold, until) = mpsc::channel();
    let (probe, events) = node.spawn(Spawn::named("b").mailbox(Bound::messages(2).drop_oldest()));
    probe.tell(Input::Block(until)).unwrap();
    node.runtime.block_on(async { node.runtime.sleep(Duration::from_millis(20)).await });
    for n in 1..=4 {
        probe.tell(Input::Tell(n)).unwrap();
    }
    drop(hold);
    assert_eq!((next(&events), next(&events)), (Event::Told(3), Event::Told(4)));
}

#[test]
fn shutdown_ends_every_process() {
    let node = Node::start();
    let (probe, _) = node.probe("a");
    let ended = probe.wait();
    node.runtime.shutdown();
    assert_eq!(futures_util::FutureExt::now_or_never(ended), Some(Reason::NodeDown));
    let (report, _) = mpsc::channel();
    let late = node.runtime.spawn(Spawn::named("b"), move || Probe { report, ticks: 0, timer: None });
    assert_eq!(late.unwrap_err(), SpawnError::ShutDown);
}
