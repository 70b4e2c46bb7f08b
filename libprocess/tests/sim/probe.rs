//! A process that does what it is told and keeps what it sees.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use libprocess::{
    Actor, AskError, Asked, Context, Doors, Exit, Handler, Message, Pid, Process, Received, Runtime, Spawn,
    Upid,
};
use libprocess_wire as wire;
use rand::RngExt;

#[wire::message(name = "test.count", version = 1)]
pub(crate) struct Count {
    pub(crate) number: u64,
}

/// Sent back and forth until it is used up.
#[wire::message(name = "test.ball", version = 1)]
pub(crate) struct Ball {
    pub(crate) left: u32,
}

#[wire::question(name = "test.double", version = 1, reply = u64)]
pub(crate) struct Double {
    pub(crate) number: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Seen {
    Counted(String, u64),
    Ball(u32),
    Exited(String, Exit),
    Woke(u32),
    Answered(Result<u64, AskError>),
    Done(u64),
}

/// What a probe has seen, readable from outside.
pub(crate) type Notes = Arc<Mutex<Vec<Seen>>>;

pub(crate) enum Input {
    Count(Received<Count>),
    Ball(Received<Ball>),
    Double(Asked<Double>),
    Send(Upid, u64),
    Serve(Upid, u32),
    Ask(Upid, u64),
    Answered(Result<u64, AskError>),
    Link(Upid),
    After(Duration, u32),
    Woke(u32),
    Blocking(u64),
    Done(u64),
    Stop,
}

pub(crate) struct Probe(pub(crate) Notes);

impl From<Received<Count>> for Input {
    fn from(count: Received<Count>) -> Input {
        Input::Count(count)
    }
}

impl From<Received<Ball>> for Input {
    fn from(ball: Received<Ball>) -> Input {
        Input::Ball(ball)
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
        doors.message::<Count>().message::<Ball>().question::<Double>();
    }

    fn exited(&mut self, peer: &Upid, exit: Exit, _: &mut Context<Self>) {
        self.see(Seen::Exited(peer.id().to_owned(), exit));
    }
}

impl Probe {
    fn see(&self, seen: Seen) {
        self.0.lock().unwrap().push(seen);
    }
}

impl Handler<Input> for Probe {
    type Result = ();

    fn handle(&mut self, input: Input, ctx: &mut Context<Self>) {
        match input {
            Input::Count(count) => self.see(Seen::Counted(count.from.to_string(), count.body.number)),
            Input::Ball(Received { from, body: Ball { left }, .. }) => {
                self.see(Seen::Ball(left));
                if left > 0 {
                    ctx.send(&from, Ball { left: left - 1 }).unwrap();
                }
            }
            Input::Double(asked) => asked.reply.send(asked.body.number * 2),
            Input::Send(to, number) => drop(ctx.send(&to, Count { number })),
            Input::Serve(to, left) => ctx.send(&to, Ball { left }).unwrap(),
            Input::Ask(to, number) => {
                ctx.ask(&to, Double { number }, Duration::from_secs(60), Input::Answered);
            }
            Input::Answered(answer) => self.see(Seen::Answered(answer)),
            Input::Link(to) => ctx.link(&to),
            Input::After(delay, mark) => drop(ctx.after(delay, Input::Woke(mark))),
            Input::Woke(mark) => self.see(Seen::Woke(mark)),
            Input::Blocking(number) => {
                let salt: u64 = ctx.rng().random_range(1..100);
                ctx.blocking(move || number * 100 + salt, move |salted| Input::Done(salted / 100));
            }
            Input::Done(number) => self.see(Seen::Done(number)),
            Input::Stop => ctx.stop(),
        }
    }
}

/// A probe with a name, and its notes.
pub(crate) fn probe(node: &Runtime, name: &str) -> (Pid<Probe>, Notes) {
    let notes = Notes::default();
    let inside = notes.clone();
    (node.spawn(Spawn::named(name), move || Probe(inside)).unwrap(), notes)
}

pub(crate) fn seen(notes: &Notes) -> Vec<Seen> {
    notes.lock().unwrap().clone()
}

pub(crate) const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}
