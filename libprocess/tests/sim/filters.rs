//! Filters see, hold back, lose, double and forbid what is about to be delivered in a simulation.

use libprocess::http::Request;
use libprocess::sim::{Sim, seeds};
use libprocess::testing::Seen as Caught;
use libprocess::{AskError, Exit, Pid, Reason, Runtime};

use super::probe::{Count, Double, Input, Notes, Probe, Seen, ms, probe, secs, seen};

struct Pair {
    sim: Sim,
    nodes: [Runtime; 2],
    from: Pid<Probe>,
    notes: Notes,
    to: Pid<Probe>,
    heard: Notes,
}

fn pair() -> Pair {
    let mut sim = Sim::new(11);
    let nodes = [1, 2].map(|host| sim.node(&format!("10.0.0.{host}:5050")));
    let ((from, notes), (to, heard)) = (probe(&nodes[0], "from"), probe(&nodes[1], "to"));
    Pair { sim, nodes, from, notes, to, heard }
}

impl Pair {
    fn send(&mut self, numbers: impl IntoIterator<Item = u64>) {
        for number in numbers {
            self.from.tell(Input::Send(self.to.upid().clone(), number)).unwrap();
        }
        self.sim.settle();
    }

    fn counted(&self) -> Vec<u64> {
        let number = |seen| match seen {
            Seen::Counted(_, number) => Some(number),
            _ => None,
        };
        seen(&self.heard).into_iter().filter_map(number).collect()
    }
}

#[test]
fn a_message_is_lost_once_and_seen() {
    let mut pair = pair();
    let testing = pair.nodes[1].testing();
    let looked = testing.when::<Count>().from("from").observe();
    let lost = testing.when::<Count>().to(&pair.to).that(|count| count.number > 1).drop_once();
    pair.send(1..=4);
    assert_eq!(pair.counted(), [1, 3, 4]);
    assert_eq!(pair.sim.block_on(lost.taken()).number, 2);
    assert_eq!((lost.count(), looked.count()), (1, 4));
    assert_eq!(std::iter::from_fn(|| looked.try_taken()).map(|count| count.number).sum::<u64>(), 10);
    let elsewhere = testing.when::<Count>().from("somebody else").drop_all();
    drop(looked);
    pair.send([5]);
    assert_eq!((pair.counted(), elsewhere.count()), (vec![1, 3, 4, 5], 0));
}

#[test]
fn messages_are_delayed_doubled_and_shuffled() {
    let mut pair = pair();
    let testing = pair.nodes[1].testing();
    let late = testing.when::<Count>().that(|count| count.number == 1).delay(secs(3));
    pair.send([1, 2]);
    assert_eq!(pair.counted(), [2]);
    pair.sim.advance(secs(3));
    assert_eq!(pair.counted(), [2, 1]);
    drop(late);

    let twice = testing.when::<Count>().duplicate();
    pair.send([3, 4]);
    drop(twice);
    assert_eq!(pair.counted(), [2, 1, 3, 3, 4, 4]);

    let shuffled = testing.when::<Count>().to(&pair.to).reorder(4, 1);
    pair.send(5..=10);
    let counted = pair.counted();
    assert_eq!(counted.len(), 10, "two more are waiting for company");
    let (mut four, in_order) = (counted[6..].to_vec(), [5, 6, 7, 8]);
    assert_ne!(four, in_order);
    four.sort_unstable();
    assert_eq!(four, in_order);
    drop(shuffled);
    assert_eq!(pair.counted().len(), 10, "they are in the mailbox");
    pair.sim.settle();
    assert_eq!(pair.counted()[10..], [9, 10]);
}

#[test]
fn a_lost_question_is_answered_by_its_timeout_and_a_lost_answer_too() {
    let mut pair = pair();
    let lost = pair.nodes[1].testing().when::<Double>().drop_once();
    pair.from.tell(Input::Ask(pair.to.upid().clone(), 4)).unwrap();
    pair.sim.advance(secs(59));
    assert_eq!((lost.count(), seen(&pair.notes)), (1, vec![]));
    pair.sim.advance(secs(2));
    assert_eq!(seen(&pair.notes), [Seen::Answered(Err(AskError::Timeout))]);

    let answer = |input: &Input| match input {
        Input::Answered(answer) => Some(*answer),
        _ => None,
    };
    let answers = pair.nodes[0].testing().when_input::<Probe, _>(answer).drop_all();
    pair.from.tell(Input::Ask(pair.to.upid().clone(), 4)).unwrap();
    pair.sim.settle();
    assert_eq!(pair.sim.block_on(answers.taken()), Ok(8));
    assert_eq!(seen(&pair.notes).len(), 1);
}

#[test]
fn exits_and_timers_are_caught() {
    let mut pair = pair();
    let testing = pair.nodes[0].testing();
    let exits: Caught<Exit> = testing.when_exit().from(&pair.to).delay(secs(5));
    let woke = |input: &Input| match input {
        Input::Woke(mark) => Some(*mark),
        _ => None,
    };
    let timers = testing.when_timer::<Probe, _>(woke).to(&pair.from).drop_once();
    pair.from.tell(Input::After(ms(10), 1)).unwrap();
    pair.from.tell(Input::After(ms(20), 2)).unwrap();
    pair.from.tell(Input::Woke(3)).unwrap();
    pair.from.tell(Input::Link(pair.to.upid().clone())).unwrap();
    pair.sim.advance(secs(1));
    pair.to.tell(Input::Stop).unwrap();
    pair.sim.advance(secs(1));
    assert_eq!(exits.try_taken(), Some(Exit::Ended(Reason::Stopped)));
    assert_eq!((timers.try_taken(), timers.count()), (Some(1), 1));
    assert_eq!(seen(&pair.notes), [Seen::Woke(3), Seen::Woke(2)]);
    pair.sim.advance(secs(5));
    assert_eq!(seen(&pair.notes)[2..], [Seen::Exited("to".to_owned(), Exit::Ended(Reason::Stopped))]);
}

#[test]
fn requests_are_caught_by_path() {
    let mut pair = pair();
    let (node, client) = (pair.nodes[1].clone(), pair.nodes[0].client());
    let late = node.testing().when_request("/metrics").delay(secs(2));
    let before = pair.sim.now();
    let url = "http://10.0.0.2:5050/metrics";
    let answer = pair.sim.block_on(client.send(Request::get(url))).unwrap();
    assert!(answer.status.is_success() && pair.sim.now() - before >= secs(2));
    assert_eq!(late.try_taken().unwrap().path, "/metrics");
    drop(late);
    let never = node.testing().when_request("").drop_all();
    assert!(pair.sim.block_on(client.send(Request::get(url).within(secs(9)))).is_err());
    assert_eq!(never.count(), 1);
}

#[test]
fn a_mock_takes_a_real_name_and_gives_it_back() {
    let mut pair = pair();
    let testing = pair.nodes[1].testing();
    let notes = Notes::default();
    let inside = notes.clone();
    let mock = testing.stand_in("to", move || Probe(inside)).unwrap();
    pair.send([1]);
    assert_eq!((pair.counted(), seen(&notes).len()), (vec![], 1));
    let gone = mock.clone();
    drop(mock);
    pair.sim.settle();
    assert!(!gone.is_alive() && pair.to.is_alive());
    pair.send([2]);
    assert_eq!((pair.counted(), seen(&notes).len()), (vec![2], 1));

    let nobody = testing.stand_in("nobody", || Probe(Notes::default())).unwrap();
    assert_eq!(pair.nodes[1].lookup("nobody").as_ref(), Some(nobody.upid()));
    drop(nobody);
    assert_eq!(pair.nodes[1].lookup("nobody"), None);
}

#[test]
#[should_panic(expected = "1 times came what was never to")]
fn what_is_never_to_come_fails_the_test_when_it_does() {
    let mut pair = pair();
    let none = pair.nodes[1].testing().when::<Count>().that(|count| count.number == 2).never();
    pair.send([1]);
    assert_eq!(none.count(), 0);
    pair.send([2]);
}

#[test]
#[should_panic(expected = "the node ended while processes lived: from")]
fn a_node_does_not_end_while_processes_live() {
    let pair = pair();
    let _testing = pair.nodes[0].testing();
    pair.nodes[0].shutdown();
}

#[test]
fn a_node_ends_with_processes_when_told() {
    let pair = pair();
    pair.nodes[0].testing().may_leave_processes();
    pair.nodes[0].shutdown();
}

#[test]
fn filters_belong_to_the_seed_too() {
    let history = |sim: &mut Sim| {
        let nodes = [1, 2].map(|host| sim.node(&format!("10.0.0.{host}:5050")));
        let ((from, _), (to, heard)) = (probe(&nodes[0], "from"), probe(&nodes[1], "to"));
        let testing = nodes[1].testing();
        let _late = testing.when::<Count>().that(|count| count.number % 3 == 0).delay(ms(7));
        let _shuffled = testing.when::<Count>().reorder(3, 9);
        for number in 0..40 {
            from.tell(Input::Send(to.upid().clone(), number)).unwrap();
        }
        sim.advance(secs(1));
        (seen(&heard), sim.trace_hash())
    };
    seeds(0..4, |sim| assert_eq!(history(sim), history(&mut Sim::new(sim.seed()))));
}
