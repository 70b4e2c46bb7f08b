//! A master that the test plays: it writes down what it hears and says what it is told to.

#![allow(dead_code, reason = "each test uses its own part of this module")]

use std::sync::mpsc::Sender;

use libprocess::{Actor, Context, Doors, Handler, Message, Process, Received, Upid};
use model::messages::{
    ExecutorExited, ExecutorMessage, Oversubscribed, Pong, RegisterAgent, ReregisterAgent, UnregisterAgent,
    UpdateOperation, UpdateStatus,
};

pub(crate) struct Master {
    pub(crate) heard: Sender<Heard>,
}

/// What agents say, if it is more than that they are there.
#[derive(Debug)]
pub(crate) enum Heard {
    Register(Upid),
    Reregister(Upid, Box<ReregisterAgent>),
    Update(Box<UpdateStatus>),
    Operation(Box<UpdateOperation>),
    Message(ExecutorMessage),
    Exited(ExecutorExited),
    Left,
}

/// Something the master sends when it is its turn.
pub(crate) type Saying = Box<dyn FnOnce(&mut Context<Master>) + Send>;

pub(crate) enum Input {
    Heard(Heard),
    Say(Saying),
    Nothing,
}

impl Message for Input {
    type Result = ();
}

impl Actor for Master {
    type Context = Context<Self>;
}

impl Process for Master {
    const KIND: &'static str = "master";
    type Input = Input;

    fn doors(&self, doors: &mut Doors<Self>) {
        doors
            .message::<RegisterAgent>()
            .message::<ReregisterAgent>()
            .message::<UpdateStatus>()
            .message::<UpdateOperation>()
            .message::<ExecutorMessage>()
            .message::<ExecutorExited>()
            .message::<Oversubscribed>()
            .message::<UnregisterAgent>()
            .message::<Pong>();
    }
}

impl Handler<Input> for Master {
    type Result = ();

    fn handle(&mut self, input: Input, ctx: &mut Context<Self>) {
        match input {
            Input::Heard(heard) => drop(self.heard.send(heard)),
            Input::Say(say) => say(ctx),
            Input::Nothing => {}
        }
    }
}

macro_rules! heard {
    ($($message:ident => $make:expr),* $(,)?) => {$(
        impl From<Received<$message>> for Input {
            fn from(received: Received<$message>) -> Self {
                let make: fn(Received<$message>) -> Input = $make;
                make(received)
            }
        }
    )*};
}

heard! {
    RegisterAgent => |received| Input::Heard(Heard::Register(received.from)),
    ReregisterAgent => |received| Input::Heard(Heard::Reregister(received.from, Box::new(received.body))),
    UpdateStatus => |received| Input::Heard(Heard::Update(Box::new(received.body))),
    UpdateOperation => |received| Input::Heard(Heard::Operation(Box::new(received.body))),
    ExecutorMessage => |received| Input::Heard(Heard::Message(received.body)),
    ExecutorExited => |received| Input::Heard(Heard::Exited(received.body)),
    UnregisterAgent => |_| Input::Heard(Heard::Left),
    Oversubscribed => |_| Input::Nothing,
    Pong => |_| Input::Nothing,
}
