//! Processes of two nodes over loopback: order, answers, links, lives, breaks.

use std::net::TcpListener;
use std::sync::mpsc;
use std::time::Duration;

use libprocess::{AskError, Config, Exit, Lane, Reason, Upid};

use crate::probe::{Event, Input, Node, next};

#[test]
fn what_is_sent_to_another_node_arrives_in_order() {
    let (here, there) = (Node::listening(), Node::listening());
    let (a, _) = here.probe("a");
    let (b, events) = there.probe("b");
    for n in 0..5_000 {
        a.tell(Input::Send(b.upid().clone(), n.to_string())).unwrap();
    }
    for n in 0..5_000 {
        assert_eq!(next(&events), Event::Noted("a".into(), n.to_string()));
    }
}

#[test]
fn questions_between_nodes_are_answered_exactly_once() {
    let (here, there) = (Node::listening(), Node::listening());
    let (a, events) = here.probe("a");
    let (b, _) = there.probe("b");
    let ask = |to: &Upid, number| a.tell(Input::AskDouble(to.clone(), number)).unwrap();

    ask(b.upid(), 21);
    assert_eq!(next(&events), Event::Answered(Ok(42)));
    ask(&b.upid().bare(), 4);
    assert_eq!(next(&events), Event::Answered(Ok(8)));
    ask(b.upid(), 0);
    assert_eq!(next(&events), Event::Answered(Err(AskError::Rejected)), "the answer was dropped");
    ask(&Upid::new("nobody", there.runtime.address()), 1);
    assert_eq!(next(&events), Event::Answered(Err(AskError::NoSuchProcess)));

    let (hold, until) = mpsc::channel();
    b.tell(Input::Block(until)).unwrap();
    a.tell(Input::AskBriefly(b.upid().clone(), 1)).unwrap();
    assert_eq!(next(&events), Event::Answered(Err(AskError::Timeout)));
    drop(hold);
}

#[test]
fn a_question_to_who_ends_first_is_not_left_open() {
    let (here, there) = (Node::listening(), Node::listening());
    let (a, events) = here.probe("a");
    let (b, _) = there.probe("b");
    let (hold, until) = mpsc::channel();
    b.tell(Input::Block(until)).unwrap();
    a.tell(Input::AskDouble(b.upid().clone(), 1)).unwrap();
    here.runtime.block_on(here.runtime.sleep(Duration::from_millis(50)));
    b.terminate(Lane::System);
    drop(hold);
    // A process that blocks holds up the links of its shard too, so which of these is chance.
    match next(&events) {
        Event::Answered(Err(AskError::Terminated | AskError::NoSuchProcess) | Ok(2)) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_end_of_a_process_elsewhere_is_told_once_with_its_reason() {
    let (here, there) = (Node::listening(), Node::listening());
    let (watcher, events) = here.probe("watcher");
    let (b, _) = there.probe("b");
    watcher.tell(Input::Link(b.upid().clone())).unwrap();
    watcher.tell(Input::AskDouble(b.upid().clone(), 1)).unwrap();
    assert_eq!(next(&events), Event::Answered(Ok(2)), "sent behind the link, so that is known there");
    b.tell(Input::Stop).unwrap();
    assert_eq!(next(&events), Event::Exited("b".into(), Exit::Ended(Reason::Stopped)));

    watcher.tell(Input::Link(b.upid().clone())).unwrap();
    assert_eq!(next(&events), Event::Exited("b".into(), Exit::NoSuchProcess));
}

#[test]
fn the_end_of_a_node_breaks_its_links() {
    let here = Node::listening();
    let (watcher, events) = here.probe("watcher");
    let (b, until_known) = {
        let there = Node::listening();
        let (b, _) = there.probe("b");
        watcher.tell(Input::Link(b.upid().clone())).unwrap();
        watcher.tell(Input::AskDouble(b.upid().clone(), 1)).unwrap();
        (b.upid().clone(), next(&events))
    };
    assert_eq!(until_known, Event::Answered(Ok(2)));
    // The word of its end may have come before the break, but not both.
    match next(&events) {
        Event::Exited(who, Exit::LinkBroken | Exit::Ended(Reason::NodeDown)) => assert_eq!(who, "b"),
        other => panic!("{other:?}"),
    }
    watcher.tell(Input::AskDouble(b, 1)).unwrap();
    assert_eq!(next(&events), Event::Answered(Err(AskError::LinkBroken)));
    watcher.tell(Input::Tell(7)).unwrap();
    assert_eq!(next(&events), Event::Told(7), "nothing more was told of the break");
}

#[test]
fn a_node_that_is_not_there_is_a_broken_link() {
    let here = Node::listening();
    let (a, events) = here.probe("a");
    let nowhere = {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        Upid::new("b", taken.local_addr().unwrap())
    };
    a.tell(Input::Link(nowhere.clone())).unwrap();
    assert_eq!(next(&events), Event::Exited("b".into(), Exit::LinkBroken));
    a.tell(Input::AskDouble(nowhere, 1)).unwrap();
    assert_eq!(next(&events), Event::Answered(Err(AskError::LinkBroken)));
}

#[test]
fn a_message_for_an_earlier_life_reaches_nobody_on_another_node() {
    let (here, there) = (Node::listening(), Node::listening());
    let (a, answers) = here.probe("a");
    let (first, _) = there.probe("b");
    let old = first.upid().clone();
    a.tell(Input::Send(old.clone(), "first".into())).unwrap();
    a.tell(Input::AskDouble(old.clone(), 1)).unwrap();
    assert_eq!(next(&answers), Event::Answered(Ok(2)));
    first.tell(Input::Stop).unwrap();
    there.runtime.block_on(first.wait());

    let (second, events) = there.probe("b");
    a.tell(Input::Send(old.clone(), "late".into())).unwrap();
    a.tell(Input::Send(old.bare(), "to the name".into())).unwrap();
    assert_eq!(next(&events), Event::Noted("a".into(), "to the name".into()));
    a.tell(Input::AskDouble(old, 1)).unwrap();
    assert_eq!(next(&answers), Event::Answered(Err(AskError::NoSuchProcess)));
    assert!(second.is_alive());
}

#[test]
fn a_node_that_comes_back_is_reached_again() {
    let here = Node::listening();
    let (a, events) = here.probe("a");
    let there = Node::listening();
    let address = there.runtime.address();
    let name = Upid::new("b", address);
    let (_b, _) = there.probe("b");
    a.tell(Input::AskDouble(name.clone(), 1)).unwrap();
    assert_eq!(next(&events), Event::Answered(Ok(2)));
    drop(there);

    let again = Node::with(Config { listen: Some(address), http_workers: 0, ..Config::default() });
    let (_b, _) = again.probe("b");
    let mut tries = 0;
    loop {
        a.tell(Input::AskDouble(name.clone(), 2)).unwrap();
        match next(&events) {
            Event::Answered(Ok(answer)) => break assert_eq!(answer, 4),
            Event::Answered(Err(AskError::LinkBroken)) if tries < 100 => tries += 1,
            other => panic!("{other:?}"),
        }
        here.runtime.block_on(here.runtime.sleep(Duration::from_millis(20)));
    }
}

#[test]
fn what_is_too_large_for_a_frame_travels_in_pieces_and_holds_up_nothing_small() {
    let (here, there) = (Node::listening(), Node::listening());
    let (a, _) = here.probe("a");
    let (b, events) = there.probe("b");
    let large = |letter: &str| letter.repeat(20 << 20);
    a.tell(Input::SendLarge(b.upid().clone(), large("x"))).unwrap();
    a.tell(Input::SendLarge(b.upid().clone(), large("y"))).unwrap();
    a.tell(Input::Send(b.upid().clone(), "small".into())).unwrap();
    a.tell(Input::Send(b.upid().clone(), large("z"))).unwrap();
    let mut all: Vec<String> = (0..3)
        .map(|_| match next(&events) {
            Event::Noted(_, text) => text,
            other => panic!("{other:?}"),
        })
        .collect();
    // Where the small one comes is chance; the large ones are in order.
    all.retain(|text| text != "small");
    assert_eq!(all.len(), 2);
    assert!(all[0] == large("x") && all[1] == large("y"));
    a.tell(Input::Send(b.upid().clone(), "one more".into())).unwrap();
    assert_eq!(
        next(&events),
        Event::Noted("a".into(), "one more".into()),
        "one larger than a frame is not sent"
    );
}
