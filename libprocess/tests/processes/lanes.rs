//! Mailboxes that are full: who is refused, who is dropped, who waits.

use std::sync::mpsc;

use futures_util::FutureExt;
use libprocess::{
    Actor, Bound, Config, Context, Doors, Handler, Lane, Message, Pid, Process, SendError, Shard, Spawn, Upid,
};

use crate::probe::{self, LONG, Node, Note};

/// Keeps what it takes in, once it is let go.
struct Slow {
    taken: mpsc::Sender<(u64, usize)>,
}

enum Input {
    /// Holds the process until the other end is dropped; the sender hears that it has begun.
    Hold(mpsc::Sender<()>, mpsc::Receiver<()>),
    /// What it is about, and how much it holds.
    State(u64, Vec<u8>),
    Note(libprocess::Received<Note>),
}

impl From<libprocess::Received<Note>> for Input {
    fn from(note: libprocess::Received<Note>) -> Input {
        Input::Note(note)
    }
}

impl Message for Input {
    type Result = ();
}

impl Actor for Slow {
    type Context = Context<Self>;
}

impl Process for Slow {
    const KIND: &'static str = "slow";
    type Input = Input;

    fn doors(&self, doors: &mut Doors<Self>) {
        doors.message::<Note>();
    }

    fn weight(input: &Input) -> usize {
        match input {
            Input::State(_, bytes) => bytes.len(),
            Input::Hold(..) | Input::Note(_) => 0,
        }
    }

    fn key(input: &Input) -> Option<u64> {
        match input {
            Input::State(about, _) => Some(*about),
            Input::Hold(..) | Input::Note(_) => None,
        }
    }
}

impl Handler<Input> for Slow {
    type Result = ();

    fn handle(&mut self, input: Input, _: &mut Context<Self>) {
        let _ = match input {
            Input::Hold(begun, until) => {
                begun.send(()).unwrap();
                let _ = until.recv();
                return;
            }
            Input::State(about, bytes) => self.taken.send((about, bytes.len())),
            Input::Note(note) => self.taken.send((u64::MAX, note.body.text.len())),
        };
    }
}

/// A process that handles nothing until the last value is dropped. It holds its shard, which is not
/// that of the links where there are two.
fn held(node: &Node, bound: Bound) -> (Pid<Slow>, mpsc::Receiver<(u64, usize)>, mpsc::Sender<()>) {
    let (report, taken) = mpsc::channel();
    let slow = node
        .runtime
        .spawn(Spawn::named("slow").shard(Shard::At(1)).mailbox(bound), || Slow { taken: report })
        .unwrap();
    let (begins, begun) = mpsc::channel();
    let (hold, until) = mpsc::channel();
    slow.tell(Input::Hold(begins, until)).unwrap();
    begun.recv_timeout(LONG).unwrap();
    (slow, taken, hold)
}

fn taken(node: &Node, slow: &Pid<Slow>, taken: &mpsc::Receiver<(u64, usize)>) -> Vec<(u64, usize)> {
    slow.terminate(Lane::User);
    node.runtime.block_on(slow.wait());
    taken.try_iter().collect()
}

#[test]
fn the_latest_of_each_key_is_kept_at_the_place_of_the_first() {
    let node = Node::start();
    let (slow, report, hold) = held(&node, Bound::messages(2).coalesce());
    for (about, bytes) in [(1, 10), (2, 20), (1, 11), (1, 12)] {
        slow.tell(Input::State(about, vec![0; bytes])).unwrap();
    }
    assert_eq!(slow.tell(Input::State(3, vec![])), Err(SendError::Full));
    drop(hold);
    assert_eq!(taken(&node, &slow, &report), [(1, 12), (2, 20)]);
    assert_eq!(node.runtime.metrics().snapshot()["libprocess/messages_dropped"], 2.0);
}

#[test]
fn bytes_fill_a_mailbox_wherever_they_come_from() {
    let node = Node::start();
    let (slow, report, hold) = held(&node, Bound::messages(1_000).bytes(10_000));
    slow.tell(Input::State(1, vec![0; 6_000])).unwrap();
    assert_eq!(slow.tell(Input::State(2, vec![0; 6_000])), Err(SendError::Full));
    slow.tell(Input::State(3, vec![])).unwrap();

    // Over a link too, where it weighs what it came in.
    let there = Node::with(Config { shards: 2, http_workers: 0, ..Config::default() });
    let (far, report_far, hold_far) = held(&there, Bound::messages(1_000).bytes(10_000));
    let here = Node::listening();
    let to = Upid::clone(far.upid());
    let (sender, _) = here.probe("sender");
    for size in [6_000, 6_001, 10] {
        sender.tell(probe::Input::Send(to.clone(), "x".repeat(size))).unwrap();
    }
    let refused = || there.runtime.metrics().snapshot()["libprocess/messages_rejected"] >= 1.0;
    let frames = || there.runtime.metrics().snapshot()["libprocess/links/frames_received"];
    there.runtime.block_on(async {
        while !refused() || frames() < 3.0 {
            there.runtime.sleep(std::time::Duration::from_millis(2)).await;
        }
    });
    // What is light has its place beside it: it comes when it is read, which may be a moment later.
    drop((hold, hold_far));
    assert_eq!(report_far.recv_timeout(LONG), Ok((u64::MAX, 6_000)));
    assert_eq!(report_far.recv_timeout(LONG), Ok((u64::MAX, 10)));
    assert_eq!(taken(&node, &slow, &report), [(1, 6_000), (3, 0)]);
}

#[test]
fn who_is_no_process_waits_for_room_in_turn_and_is_told_when_there_will_be_none() {
    let node = Node::start();
    let (slow, report, hold) = held(&node, Bound::messages(1));
    let state = |about| Input::State(about, vec![]);
    assert_eq!(slow.tell_when_room(state(1)).now_or_never(), Some(Ok(())));
    assert_eq!(slow.tell_when_room(state(9)).now_or_never(), None, "who gives up sends nothing");
    node.runtime.block_on(async {
        let (second, third) = (slow.tell_when_room(state(2)), slow.tell_when_room(state(3)));
        let go = async { drop(hold) };
        assert_eq!(futures_util::join!(second, third, go), (Ok(()), Ok(()), ()));
    });
    assert_eq!(taken(&node, &slow, &report), [(1, 0), (2, 0), (3, 0)]);

    let (slow, _report, hold) = held(&node, Bound::messages(1));
    slow.tell(state(1)).unwrap();
    node.runtime.block_on(async {
        let end = async {
            slow.terminate(Lane::System);
            drop(hold);
        };
        // The turn that is under way may still take some, but no turn takes so many.
        let waiting =
            futures_util::future::join_all((2..=1_000).map(|about| slow.tell_when_room(state(about))));
        let (told, ()) = futures_util::join!(waiting, end);
        assert_eq!(told.last(), Some(&Err(SendError::Gone)));
    });
}
