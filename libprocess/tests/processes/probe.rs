//! A process that does what it is told and reports what it sees, and the node it lives on.

use std::sync::mpsc;
use std::time::Duration;

use libprocess::{
    Actor, AskError, Asked, Config, Context, Doors, Exit, Handler, Message, Pid, Process, Received, Reply,
    Runtime, Spawn, Timer, Upid,
};
use libprocess_wire as wire;

#[wire::message(name = "test.note", version = 1)]
pub(crate) struct Note {
    pub(crate) text: String,
}

#[wire::question(name = "test.double", version = 1, reply = u64)]
pub(crate) struct Double {
    pub(crate) number: u64,
}

/// Does what it is told, and reports what it sees.
pub(crate) struct Probe {
    pub(crate) report: mpsc::Sender<Event>,
    pub(crate) ticks: u32,
    pub(crate) timer: Option<Timer>,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Event {
    Told(u64),
    Noted(String, String),
    Exited(String, Exit),
    Ticked(u32),
    Answered(Result<u64, AskError>),
    Done(String),
}

pub(crate) enum Input {
    Tell(u64),
    Get(Reply<u64>),
    Drop(Reply<u64>),
    Link(Upid),
    Unlink(Upid),
    Note(Received<Note>),
    Double(Asked<Double>),
    Send(Upid, String),
    SendLarge(Upid, String),
    AskDouble(Upid, u64),
    AskBriefly(Upid, u64),
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
            Input::Note(note) => {
                let principal = || note.principal.as_ref().map_or("nobody", |principal| principal.as_str());
                let who = if note.body.text == "principal" { principal() } else { note.from.id() };
                self.say(Event::Noted(who.to_owned(), note.body.text));
            }
            Input::Double(asked) => {
                let number = asked.body.number;
                if number > 0 {
                    asked.reply.send(number * 2);
                }
            }
            Input::Send(to, text) => {
                let _ = ctx.send(&to, Note { text });
            }
            Input::SendLarge(to, text) => {
                let _ = ctx.send_large(&to, Note { text });
            }
            Input::AskDouble(to, number) => {
                ctx.ask(&to, Double { number }, LONG, Input::Answered);
            }
            Input::AskBriefly(to, number) => {
                ctx.ask(&to, Double { number }, Duration::from_millis(200), Input::Answered);
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

pub(crate) struct Node {
    pub(crate) runtime: Runtime,
}

impl Node {
    /// A node that listens to nobody.
    pub(crate) fn start() -> Node {
        Node::with(Config { listen: None, http_workers: 0, ..Config::default() })
    }

    /// A node that others reach.
    pub(crate) fn listening() -> Node {
        Node::with(Config { http_workers: 0, ..Config::default() })
    }

    pub(crate) fn with(config: Config) -> Node {
        Node { runtime: Runtime::start(config).unwrap() }
    }

    /// A figure of its metrics; 0 before anything was counted.
    pub(crate) fn count(&self, name: &str) -> f64 {
        self.runtime.metrics().snapshot().get(name).copied().unwrap_or(0.0)
    }

    pub(crate) fn probe(&self, name: &str) -> (Pid<Probe>, mpsc::Receiver<Event>) {
        self.spawn(Spawn::named(name))
    }

    pub(crate) fn spawn(&self, spawn: Spawn) -> (Pid<Probe>, mpsc::Receiver<Event>) {
        let (report, events) = mpsc::channel();
        (self.runtime.spawn(spawn, move || Probe { report, ticks: 0, timer: None }).unwrap(), events)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.runtime.shutdown();
    }
}

pub(crate) const LONG: Duration = Duration::from_secs(90);

/// Waits until something is so.
pub(crate) fn until(so: impl Fn() -> bool) {
    for _ in 0..9_000 {
        if so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("it did not come about");
}

pub(crate) fn next(events: &mpsc::Receiver<Event>) -> Event {
    events.recv_timeout(LONG).expect("something happens in time")
}
