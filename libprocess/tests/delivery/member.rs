//! A process that says, links, asks and ends as told, and notes all it sees.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use libprocess::{
    Actor, AskError, Asked, Context, Doors, Exit, Handler, Message, Pid, Process, Received, Runtime, Spawn,
    Upid,
};
use libprocess_wire as wire;

/// How long an answer may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

#[wire::message(name = "test.numbered", version = 1)]
pub(crate) struct Numbered {
    number: u64,
}

#[wire::question(name = "test.asked", version = 1, reply = u64)]
pub(crate) struct Question {
    number: u64,
}

/// What one life of a member saw.
#[derive(Clone, Debug)]
pub(crate) enum Note {
    /// Whether it could be sent.
    Sent {
        number: u64,
        to: Upid,
        sent: bool,
    },
    Heard {
        number: u64,
        from: Upid,
    },
    Asked {
        number: u64,
        to: Upid,
    },
    Questioned {
        number: u64,
    },
    Answered {
        number: u64,
        answer: Result<u64, AskError>,
    },
    Linked {
        to: Upid,
    },
    Unlinked {
        to: Upid,
    },
    Exited {
        peer: Upid,
        exit: Exit,
    },
}

/// All notes of a history, each with whose it is, in the order they were made.
#[derive(Clone, Default)]
pub(crate) struct Notes(Arc<Mutex<Vec<(Upid, Note)>>>);

impl Notes {
    pub(crate) fn all(&self) -> Vec<(Upid, Note)> {
        self.0.lock().unwrap().clone()
    }
}

pub(crate) enum Input {
    Numbered(Received<Numbered>),
    Question(Asked<Question>),
    Say(u64, Upid),
    Ask(u64, Upid),
    Answered(u64, Result<u64, AskError>),
    Link(Upid),
    Unlink(Upid),
    Stop,
    Panic,
}

impl From<Received<Numbered>> for Input {
    fn from(numbered: Received<Numbered>) -> Input {
        Input::Numbered(numbered)
    }
}

impl From<Asked<Question>> for Input {
    fn from(asked: Asked<Question>) -> Input {
        Input::Question(asked)
    }
}

impl Message for Input {
    type Result = ();
}

pub(crate) struct Member(Notes);

impl Member {
    fn note(&self, ctx: &Context<Self>, note: Note) {
        self.0.0.lock().unwrap().push((ctx.upid().clone(), note));
    }
}

impl Actor for Member {
    type Context = Context<Self>;
}

impl Process for Member {
    const KIND: &'static str = "member";
    type Input = Input;

    fn doors(&self, doors: &mut Doors<Self>) {
        doors.message::<Numbered>().question::<Question>();
    }

    fn exited(&mut self, peer: &Upid, exit: Exit, ctx: &mut Context<Self>) {
        self.note(ctx, Note::Exited { peer: peer.clone(), exit });
    }
}

impl Handler<Input> for Member {
    type Result = ();

    fn handle(&mut self, input: Input, ctx: &mut Context<Self>) {
        match input {
            Input::Numbered(Received { from, body, .. }) => {
                self.note(ctx, Note::Heard { number: body.number, from });
            }
            Input::Question(asked) => {
                self.note(ctx, Note::Questioned { number: asked.body.number });
                asked.reply.send(asked.body.number);
            }
            Input::Say(number, to) => {
                let sent = ctx.send(&to, Numbered { number }).is_ok();
                self.note(ctx, Note::Sent { number, to, sent });
            }
            Input::Ask(number, to) => {
                self.note(ctx, Note::Asked { number, to: to.clone() });
                ctx.ask(&to, Question { number }, PATIENCE, move |answer| Input::Answered(number, answer));
            }
            Input::Answered(number, answer) => self.note(ctx, Note::Answered { number, answer }),
            Input::Link(to) => {
                self.note(ctx, Note::Linked { to: to.clone() });
                ctx.link(&to);
            }
            Input::Unlink(to) => {
                ctx.unlink(&to);
                self.note(ctx, Note::Unlinked { to });
            }
            Input::Stop => ctx.stop(),
            // Without a word on the terminal.
            Input::Panic => std::panic::resume_unwind(Box::new("as told")),
        }
    }
}

pub(crate) fn spawn(node: &Runtime, name: &str, notes: &Notes) -> Pid<Member> {
    let notes = notes.clone();
    node.spawn(Spawn::named(name), move || Member(notes)).expect("the name is free")
}
