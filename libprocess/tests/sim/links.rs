//! Links between simulated nodes: order, breaks, and word of each exactly once.

use libprocess::sim::{Disk, Sim, seeds};
use libprocess::{AskError, Exit, Reason};
use proptest::prelude::*;

use super::probe::{Input, Notes, Seen, ms, probe, secs, seen};

fn exits(notes: &Notes) -> Vec<Exit> {
    let exit = |seen| match seen {
        Seen::Exited(_, exit) => Some(exit),
        _ => None,
    };
    seen(notes).into_iter().filter_map(exit).collect()
}

#[test]
fn two_nodes_play_ping_pong_by_address() {
    seeds(0..8, |sim| {
        let (one, two) = (sim.node("10.0.0.1:5050"), sim.node("10.0.0.2:5050"));
        let ((ping, pings), (pong, pongs)) = (probe(&one, "ping"), probe(&two, "pong"));
        ping.tell(Input::Serve(pong.upid().clone(), 9)).unwrap();
        sim.settle();
        assert_eq!(seen(&pongs), [9, 7, 5, 3, 1].map(Seen::Ball));
        assert_eq!(seen(&pings), [8, 6, 4, 2, 0].map(Seen::Ball));
    });
}

#[test]
fn a_question_to_another_node_is_answered() {
    let mut sim = Sim::new(1);
    let (one, two) = (sim.node("10.0.0.1:5050"), sim.node("10.0.0.2:5050"));
    let ((asker, notes), (asked, _)) = (probe(&one, "asker"), probe(&two, "asked"));
    asker.tell(Input::Ask(asked.upid().bare(), 21)).unwrap();
    sim.settle();
    assert_eq!(seen(&notes), [Seen::Answered(Ok(42))]);
}

#[test]
fn a_partition_breaks_a_link_exactly_once() {
    seeds(0..8, |sim| {
        let (one, two) = (sim.node("10.0.0.1:5050"), sim.node("10.0.0.2:5050"));
        let ((linker, notes), (linked, _)) = (probe(&one, "linker"), probe(&two, "linked"));
        linker.tell(Input::Link(linked.upid().clone())).unwrap();
        sim.advance(secs(60));
        assert_eq!(exits(&notes), []);
        sim.partition(&one, &two);
        sim.advance(secs(60));
        assert_eq!(exits(&notes), [Exit::LinkBroken]);
        sim.heal(&one, &two);
        sim.advance(secs(60));
        assert_eq!(exits(&notes), [Exit::LinkBroken]);

        linker.tell(Input::Link(linked.upid().clone())).unwrap();
        sim.advance(secs(10));
        linked.tell(Input::Stop).unwrap();
        sim.advance(secs(10));
        assert_eq!(exits(&notes)[1..], [Exit::Ended(Reason::Stopped)]);
    });
}

#[test]
fn a_one_way_partition_breaks_a_link_too() {
    for back in [false, true] {
        let mut sim = Sim::new(5);
        let (one, two) = (sim.node("10.0.0.1:5050"), sim.node("10.0.0.2:5050"));
        let ((linker, notes), (linked, _)) = (probe(&one, "linker"), probe(&two, "linked"));
        linker.tell(Input::Link(linked.upid().clone())).unwrap();
        sim.advance(secs(7));
        if back {
            sim.partition_one_way(&two, &one)
        } else {
            sim.partition_one_way(&one, &two)
        }
        sim.advance(secs(60));
        assert_eq!(exits(&notes), [Exit::LinkBroken], "back: {back}");
    }
}

#[test]
fn a_killed_node_breaks_links_at_once_and_a_dark_one_after_a_silence() {
    for dark in [false, true] {
        let mut sim = Sim::new(5);
        let (one, two) = (sim.node("10.0.0.1:5050"), sim.node("10.0.0.2:5050"));
        let ((linker, notes), (linked, _)) = (probe(&one, "linker"), probe(&two, "linked"));
        let address = linked.upid().clone();
        linker.tell(Input::Link(address.clone())).unwrap();
        linker.tell(Input::Ask(address.clone(), 1)).unwrap();
        sim.advance(secs(7));
        if dark {
            sim.power_off(&two)
        } else {
            sim.kill(&two)
        }
        assert!(!linked.is_alive());
        linker.tell(Input::Ask(address.clone(), 2)).unwrap();
        sim.advance(secs(1));
        assert_eq!(exits(&notes).len(), usize::from(!dark));
        sim.advance(secs(30));
        assert_eq!(exits(&notes), [Exit::LinkBroken]);

        let two = sim.restart(&two, Disk::Kept);
        let (again, _) = probe(&two, "linked");
        sim.advance(secs(10));
        linker.tell(Input::Ask(address, 3)).unwrap();
        linker.tell(Input::Ask(again.upid().clone(), 4)).unwrap();
        sim.advance(secs(10));
        let answers: Vec<_> =
            seen(&notes).into_iter().filter(|seen| matches!(seen, Seen::Answered(_))).collect();
        let expected =
            [Ok(2), Err(AskError::LinkBroken), Err(AskError::NoSuchProcess), Ok(8)].map(Seen::Answered);
        assert_eq!(answers, expected, "dark: {dark}");
    }
}

#[test]
fn an_answer_to_an_earlier_life_of_a_node_answers_nothing_of_the_next() {
    let mut sim = Sim::new(5);
    let (one, two) = (sim.node("10.0.0.1:5050"), sim.node("10.0.0.2:5050"));
    let ((asker, notes), (asked, _)) = (probe(&one, "asker"), probe(&two, "asked"));
    asker.tell(Input::Ask(asked.upid().clone(), 1)).unwrap();
    sim.settle();
    assert_eq!(seen(&notes), [Seen::Answered(Ok(2))]);
    // The second question is on its way when its node dies, and arrives after the next one has asked.
    sim.partition_one_way(&one, &two);
    asker.tell(Input::Ask(asked.upid().clone(), 21)).unwrap();
    sim.advance(ms(5));
    let one = sim.restart(&one, Disk::Kept);
    let (again, notes) = probe(&one, "asker");
    again.tell(Input::Ask(asked.upid().clone(), 3)).unwrap();
    again.tell(Input::Ask(asked.upid().clone(), 4)).unwrap();
    sim.advance(ms(5));
    sim.heal(&one, &two);
    sim.advance(secs(90));
    let mut answers = seen(&notes);
    answers.retain(|seen| !matches!(seen, Seen::Answered(Err(AskError::LinkBroken))));
    assert!(answers.iter().all(|seen| [Seen::Answered(Ok(6)), Seen::Answered(Ok(8))].contains(seen)));
    assert_eq!(seen(&notes).len(), 2, "each is answered once");
}

#[test]
fn a_paused_node_is_given_up_on_and_goes_on_where_it_was() {
    let mut sim = Sim::new(5);
    let (one, two) = (sim.node("10.0.0.1:5050"), sim.node("10.0.0.2:5050"));
    let ((linker, notes), (linked, linkeds)) = (probe(&one, "linker"), probe(&two, "linked"));
    linker.tell(Input::Link(linked.upid().clone())).unwrap();
    linked.tell(Input::After(secs(20), 1)).unwrap();
    sim.advance(secs(7));
    sim.pause(&two);
    linked.tell(Input::Blocking(3)).unwrap();
    sim.advance(secs(60));
    assert_eq!(exits(&notes), [Exit::LinkBroken]);
    assert_eq!(seen(&linkeds), []);
    sim.resume(&two);
    sim.advance(secs(1));
    assert!(linked.is_alive());
    assert_eq!(seen(&linkeds), [Seen::Woke(1), Seen::Done(3)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Senders count up while the ways between them close, open and break: whoever receives sees each
    /// sender's numbers grow, and every one of them if nothing broke.
    #[test]
    fn messages_of_a_pair_arrive_in_order_and_links_break_once(
        seed in any::<u64>(),
        cuts in any::<bool>(),
        steps in prop::collection::vec(0..10u8, 1..60),
    ) {
        let mut sim = Sim::new(seed);
        let nodes = [1, 2, 3].map(|host| sim.node_with(&format!("10.0.0.{host}:5050"), 2));
        let probes = nodes.each_ref().map(|node| ["a", "b"].map(|name| probe(node, name)));
        let all: Vec<_> = probes.iter().flatten().collect();
        let (mut sent, mut linked, mut partitioned, mut broken) = (0, 0, false, false);
        sim.latency(&nodes[0], &nodes[1], ms(1)..=ms(50));
        for (at, step) in steps.iter().enumerate() {
            let (one, other) = (&nodes[at % 3], &nodes[(at + 1) % 3]);
            match step {
                0..=2 => for (from, _) in &all {
                    sent += 1;
                    for (to, _) in &all {
                        from.tell(Input::Send(to.upid().clone(), sent)).unwrap();
                    }
                },
                3 => {
                    linked += 1;
                    all[at % 6].0.tell(Input::Link(all[(at + 3) % 6].0.upid().clone())).unwrap();
                }
                4 => {
                    partitioned = true;
                    sim.partition(one, other);
                }
                5 => sim.heal_all(),
                6 if cuts => {
                    broken = true;
                    sim.cut(one, other);
                }
                7 => sim.advance(ms(700)),
                _ => sim.advance(ms(3)),
            }
        }
        // Whoever gave up on a silent node may have lost what it had queued.
        broken |= partitioned && sim.now() > secs(4);
        let replay = format!("sim seed {seed}, steps {steps:?}");
        sim.heal_all();
        sim.advance(secs(30));
        let mut received = 0;
        for (pid, notes) in &all {
            let mut latest = std::collections::BTreeMap::new();
            for note in seen(notes) {
                if let Seen::Counted(from, number) = note {
                    let before = latest.insert(from.clone(), number);
                    prop_assert!(before.is_none_or(|before| before < number), "{from} to {pid}: {replay}");
                    received += 1;
                }
            }
            prop_assert!(exits(notes).iter().all(|exit| *exit == Exit::LinkBroken), "{replay}");
        }
        prop_assert!(broken || received == sent * 6, "{received} of {sent}: {replay}");
        let exited: usize = all.iter().map(|(_, notes)| exits(notes).len()).sum();
        prop_assert!(exited <= linked, "{exited} exits of {linked} links: {replay}");
    }
}
