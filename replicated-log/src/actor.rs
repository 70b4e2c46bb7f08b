//! The process of a replica: its doors to other nodes, and the way by which it asks them.
//!
//! It decides nothing and keeps nothing: questions go on to the host, which runs beside consensus, and answers go
//! back from there. So what its shard is busy with never costs consensus a heartbeat of its own timers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use libprocess::{Actor, AskError, Asked, Context, Doors, Handler, Message, Pid, Process, Upid};
use libprocess_wire as wire;
use tokio::sync::{mpsc, oneshot};

use crate::messages::{Append, Candidacy, Chunk, Do, Hello, Join, Transfer};

/// How many questions may wait for the host; more are rejected, and asked again.
pub(crate) const QUESTIONS_MAX: usize = 8_192;

/// The process.
pub(crate) struct Door {
    host: mpsc::Sender<Question>,
    /// What starts the host, and what comes in for it.
    begin: Option<(Begin, mpsc::Receiver<Question>)>,
    /// Says when.
    may: Option<oneshot::Receiver<()>>,
    /// Opens what operators ask over HTTP.
    routes: Routes,
}

type Routes = Box<dyn Fn(&mut Doors<Door>) + Send>;

type Begin = Box<dyn FnOnce(mpsc::Receiver<Question>) + Send>;
type Elsewhere = Box<dyn FnOnce(&mut Context<Door>) + Send>;

/// What others ask.
#[derive(Debug)]
pub(crate) enum Question {
    Append(Asked<Append>),
    Candidacy(Asked<Candidacy>),
    Transfer(Asked<Transfer>),
    Chunk(Asked<Chunk>),
    Hello(Asked<Hello>),
    Join(Asked<Join>),
    Do(Asked<Do>),
}

/// All that can arrive.
pub(crate) enum Input {
    Question(Box<Question>),
    /// Something to ask elsewhere.
    Ask(Elsewhere),
    /// The answer, and where it goes.
    Answered(Box<dyn FnOnce() + Send>),
    Begin,
    Close,
}

macro_rules! questions {
    ($($question:ident),*) => {
        $(impl From<Asked<$question>> for Input {
            fn from(asked: Asked<$question>) -> Input {
                Input::Question(Box::new(Question::$question(asked)))
            }
        })*
    };
}

questions!(Append, Candidacy, Transfer, Chunk, Hello, Join, Do);

impl Door {
    /// One that asks, and is asked nothing.
    pub(crate) fn for_asking() -> Door {
        Door { host: mpsc::channel(1).0, begin: None, may: None, routes: Box::new(|_| {}) }
    }

    /// `begin` starts the host with what comes in by this door, once `may` says so.
    pub(crate) fn new(begin: Begin, may: oneshot::Receiver<()>, routes: Routes) -> Door {
        let (host, questions) = mpsc::channel(QUESTIONS_MAX);
        Door { host, begin: Some((begin, questions)), may: Some(may), routes }
    }
}

impl Message for Input {
    type Result = ();
}

impl Actor for Door {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        if let Some(may) = self.may.take() {
            ctx.task(may, |_| Input::Begin);
        }
    }
}

impl Process for Door {
    const KIND: &'static str = "replica";
    type Input = Input;

    fn doors(&self, doors: &mut Doors<Self>) {
        doors.question::<Append>().question::<Candidacy>().question::<Transfer>().question::<Chunk>();
        doors.question::<Hello>().question::<Join>().question::<Do>();
        (self.routes)(doors);
    }
}

impl Handler<Input> for Door {
    type Result = ();

    fn handle(&mut self, input: Input, ctx: &mut Context<Self>) {
        match input {
            // One that finds no room is dropped, which rejects it.
            Input::Question(question) => drop(self.host.try_send(*question)),
            Input::Ask(ask) => ask(ctx),
            Input::Answered(answer) => answer(),
            Input::Begin => {
                if let Some((begin, questions)) = self.begin.take() {
                    begin(questions);
                }
            }
            Input::Close => ctx.stop(),
        }
    }
}

/// The way to other replicas; from any thread.
#[derive(Clone)]
pub(crate) struct Outside {
    door: Pid<Door>,
    /// What replicas are called on their nodes.
    name: Arc<str>,
}

impl Outside {
    /// From a replica to others of its name.
    pub(crate) fn new(door: Pid<Door>) -> Outside {
        let name = door.upid().id().into();
        Outside { door, name }
    }

    /// From elsewhere to replicas of that name.
    pub(crate) fn named(door: Pid<Door>, name: &str) -> Outside {
        Outside { door, name: name.into() }
    }

    /// Asks the replica at an address. Questions to one address are sent in the order of these calls, whenever the
    /// answers are awaited.
    pub(crate) fn ask<Q: wire::Question>(
        &self,
        to: SocketAddr,
        question: Q,
        within: Duration,
    ) -> impl Future<Output = Result<Q::Reply, AskError>> + Send + use<Q> {
        let (sender, answer) = oneshot::channel();
        let to = Upid::new(self.name.clone(), to);
        let ask = move |ctx: &mut Context<Door>| {
            ctx.ask(&to, question, within, move |answer| {
                Input::Answered(Box::new(move || drop(sender.send(answer))))
            });
        };
        let told = self.door.tell(Input::Ask(Box::new(ask)));
        async move {
            told?;
            answer.await.unwrap_or(Err(AskError::Terminated))
        }
    }

    /// Ends the process, and with it the host.
    pub(crate) fn close(&self) {
        let _ = self.door.tell(Input::Close);
    }

    pub(crate) fn door(&self) -> &Pid<Door> {
        &self.door
    }
}
