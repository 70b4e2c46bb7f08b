//! Processes of one runtime: telling, asking, timers, links, tasks, ends.

use std::sync::mpsc;
use std::time::Duration;

use libprocess::{
    Actor, AskError, Asked, Bound, Config, Context, Doors, Exit, Handler, Lane, Message, Pid, Process, Reason,
    Received, Reply, Runtime, SendError, Spawn, SpawnError, Timer, Upid,
};
use libprocess_wire as wire;

#[wire::message(name = "test.note", version = 1)]
struct Note {
    text: String,
}

#[wire::question(name = "test.double", version = 1, reply = u64)]
struct Double {
    number: u64,
}

/// Does what it is told, and reports what it sees.
struct Probe {
    report: mpsc::Sender<Event>,
    ticks: u32,
    timer: Option<Timer>,
}

#[derive(Debug, PartialEq)]
enum Event {
    Told(u64),
    Noted(String, String),
    Exited(String, Exit),
    Ticked(u32),
    Answered(Result<u64, AskError>),
    Done(String),
}

enum Input {
    Tell(u64),
    Get(Reply<u64>),
    Drop(Reply<u64>),
    Link(Upid),
    Unlink(Upid),
    Note(Received<Note>),
    Double(Asked<Double>),
    Send(Upid, String),
    AskDouble(Upid, u64),
    Answered(Result<u64, AskError>),
    Every(Duration),
    Ticked,
    Task,
    Blocking,
    Done(String),
    Panic,
    Stop,
    Block(mpsc::Receiver<()>),
}

impl From<Received<Note>> for Input {
    fn from(note: Received<Note>) -> Input {
        Input::Note(note)
    }
}

impl From<Asked<Double>> for Input {
    fn from(asked: Asked<Double>) -> Input {
        Input::Double(asked)
    }
}

impl Message for Input {
    type Result = ();
}

impl Actor for Probe {
    type Context = Context<Self>;
}

impl Process for Probe {
    const KIND: &'static str = "probe";
    type Input = Input;

    fn doors(&self, doors: &mut Doors<Self>) {
        doors.message::<Note>().question::<Double>();
    }

    fn exited(&mut self, peer: &Upid, exit: Exit, _: &mut Context<Self>) {
        self.say(Event::Exited(peer.id().to_owned(), exit));
    }
}

impl Probe {
    fn say(&self, event: Event) {
        let _ = self.report.send(event);
    }
}

impl Handler<Input> for Probe {
    type Result = ();

    fn handle(&mut self, input: Input, ctx: &mut Context<Self>) {
        match input {
            Input::Tell(n) => self.say(Event::Told(n)),
            Input::Get(reply) => reply.send(42),
            Input::Drop(reply) => drop(reply),
            Input::Link(upid) => ctx.link(&upid),
            Input::Unlink(upid) => ctx.unlink(&upid),
            Input::Note(note) => self.say(Event::Noted(note.from.id().to_owned(), note.body.text)),
            Input::Double(asked) => {
                let number = asked.body.number;
                if number > 0 {
                    asked.reply.send(number * 2);
                }
            }
            Input::Send(to, text) => {
                let _ = ctx.send(&to, Note { text });
            }
            Input::AskDouble(to, number) => {
                ctx.ask(&to, Double { number }, Duration::from_millis(500), Input::Answered);
            }
            Input::Answered(answer) => self.say(Event::Answered(answer)),
            Input::Every(period) => self.timer = Some(ctx.every(period, || Input::Ticked)),
            Input::Ticked => {
                self.ticks += 1;
                if self.ticks == 3 {
                    ctx.cancel(self.timer.take().unwrap());
                    ctx.after(Duration::from_millis(30), Input::Tell(u64::MAX));
                }
                self.say(Event::Ticked(self.ticks));
            }
            Input::Task => {
                let runtime = ctx.runtime().clone();
                ctx.task(async move { runtime.sleep(Duration::from_millis(1)).await }, |()| {
                    Input::Done("task".to_owned())
                });
            }
            Input::Blocking => ctx.blocking(|| "blocking".to_owned(), Input::Done),
            Input::Done(what) => self.say(Event::Done(what)),
            Input::Panic => panic!("as told"),
            Input::Stop => ctx.stop(),
            Input::Block(until) => drop(until.recv()),
        }
    }
}

struct Node {
    runtime: Runtime,
}

impl Node {
    fn start() -> Node {
        let runtime = Runtime::start(Config { listen: None, http_workers: 0, ..Config::default() }).unwrap();
        Node { runtime }
    }

    fn probe(&self, name: &str) -> (Pid<Probe>, mpsc::Receiver<Event>) {
        self.spawn(Spawn::named(name))
    }

    fn spawn(&self, spawn: Spawn) -> (Pid<Probe>, mpsc::Receiver<Event>) {
        let (report, events) = mpsc::channel();
        (self.runtime.spawn(spawn, move || Probe { report, ticks: 0, timer: None }).unwrap(), events)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.runtime.shutdown();
    }
}

const LONG: Duration = Duration::from_secs(10);

fn next(events: &mpsc::Receiver<Event>) -> Event {
    events.recv_timeout(LONG).expect("something happens in time")
}

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
    for (name, end, reason) in [("stops", Input::Stop, Reason::Stopped), ("dies", Input::Panic, Reason::Stopped)] {
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
