//! The tools of tests on threads: filters between nodes, a clock that stands still, a settled node.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use libprocess::Exit;

use crate::probe::{Double, Event, Input, Node, Note, Probe, next};

#[test]
fn a_message_from_another_node_is_lost_once() {
    let (here, there) = (Node::listening(), Node::listening());
    let (a, _) = here.probe("a");
    let (b, events) = there.probe("b");
    let testing = there.runtime.testing();
    testing.may_leave_processes();
    let lost = testing.when::<Note>().from("a").to(&b).drop_once();
    for text in ["first", "second"] {
        a.tell(Input::Send(b.upid().clone(), text.to_owned())).unwrap();
    }
    assert_eq!(next(&events), Event::Noted("a".into(), "second".into()));
    assert_eq!(there.runtime.block_on(lost.taken()).text, "first");
}

#[test]
fn local_messages_and_questions_are_seen_by_type() {
    let node = Node::start();
    let testing = node.runtime.testing();
    testing.may_leave_processes();
    let (a, events) = node.probe("a");
    let (b, heard) = node.probe("b");
    let asked = testing.when::<Double>().to("b").observe();
    let none = testing.when_exit().never();
    let twice = testing.when::<Note>().duplicate();
    a.tell(Input::AskDouble(b.upid().clone(), 21)).unwrap();
    assert_eq!(next(&events), Event::Answered(Ok(42)));
    assert_eq!(asked.try_taken().map(|double| double.number), Some(21));
    a.tell(Input::Send(b.upid().clone(), "again".into())).unwrap();
    for _ in 0..2 {
        assert_eq!(next(&heard), Event::Noted("a".into(), "again".into()));
    }
    assert_eq!((none.count(), twice.count()), (0, 1));
}

#[test]
fn a_clock_that_stands_still_is_moved_by_hand() {
    let node = Node::start();
    let testing = node.runtime.testing();
    testing.may_leave_processes();
    let (a, events) = node.probe("a");
    testing.pause();
    let (wall, elapsed) = (node.runtime.now(), node.runtime.elapsed());
    a.tell(Input::Every(Duration::from_secs(3_600))).unwrap();
    node.runtime.block_on(testing.settle());
    assert_eq!(node.runtime.elapsed(), elapsed);
    assert_eq!(events.try_recv(), Err(mpsc::TryRecvError::Empty));
    for tick in 1..=2 {
        testing.advance(Duration::from_secs(3_600));
        assert_eq!(next(&events), Event::Ticked(tick));
    }
    assert_eq!(node.runtime.elapsed(), elapsed + Duration::from_secs(7_200));
    assert!(node.runtime.now() >= wall + Duration::from_secs(7_199));
    let sleep = node.runtime.sleep(Duration::from_secs(60));
    testing.advance(Duration::from_secs(60));
    node.runtime.block_on(sleep);
    testing.resume();
    assert!(node.runtime.elapsed() >= elapsed + Duration::from_secs(7_260));
}

#[test]
fn a_node_is_settled_once_nothing_is_left_to_do() {
    let node = Node::start();
    let testing = node.runtime.testing();
    testing.may_leave_processes();
    let (a, events) = node.probe("a");
    let (b, heard) = node.probe("b");
    for number in 0..500 {
        a.tell(Input::Send(b.upid().clone(), number.to_string())).unwrap();
    }
    a.tell(Input::Blocking).unwrap();
    node.runtime.block_on(testing.settle());
    assert_eq!(heard.try_iter().count(), 500);
    assert_eq!(events.try_iter().count(), 1);
}

#[test]
fn a_mock_stands_in_for_who_bears_the_name() {
    let (here, there) = (Node::listening(), Node::listening());
    let (a, answers) = here.probe("a");
    let (real, events) = there.probe("real");
    let testing = there.runtime.testing();
    testing.may_leave_processes();
    let (report, mocked) = mpsc::channel();
    let made = Arc::new(AtomicU32::new(0));
    let counted = made.clone();
    let mock = testing.stand_in("real", move || {
        counted.fetch_add(1, Ordering::SeqCst);
        Probe { report, ticks: 0, timer: None }
    });
    let mock = mock.unwrap();
    a.tell(Input::Send(real.upid().clone(), "to the mock".into())).unwrap();
    assert_eq!(next(&mocked), Event::Noted("a".into(), "to the mock".into()));
    a.tell(Input::Link(real.upid().clone())).unwrap();
    a.tell(Input::AskDouble(real.upid().clone(), 2)).unwrap();
    assert_eq!(next(&answers), Event::Answered(Ok(4)));
    drop(mock);
    assert!(matches!(next(&answers), Event::Exited(who, Exit::Ended(_)) if who == "real"));
    a.tell(Input::Send(real.upid().clone(), "to the real one".into())).unwrap();
    assert_eq!(next(&events), Event::Noted("a".into(), "to the real one".into()));
    assert_eq!(made.load(Ordering::SeqCst), 1);
}
