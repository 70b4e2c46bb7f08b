//! Questions: the slot an answer goes into, and the ways to get none.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix::{Handler, Message};
use tokio::sync::oneshot;

use libprocess_wire as wire;

use crate::bells::Bell;
use crate::environment::Sleep;
use crate::{Pid, Process, Runtime};

/// Why a message could not be sent. Sending never waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The receiver's mailbox, or the link to it, holds as much as it may.
    #[error("the mailbox or link is full")]
    Full,
    /// The receiver has ended, or never was.
    #[error("the process is gone")]
    Gone,
    /// The receiver's node cannot be reached just now.
    #[error("the link is down")]
    LinkDown,
    /// The receiver has no door for this message.
    #[error("the process has no door for this message")]
    Refused,
}

/// Why there is no answer.
#[wire::part]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// Nobody bears that id, or no longer that life of it.
    #[error("no such process")]
    NoSuchProcess,
    /// The process ended before it answered.
    #[error("the process ended")]
    Terminated,
    /// Nothing came within the time given.
    #[error("no answer in time")]
    Timeout,
    /// The process does not take such a question, has no room for it, or dropped it.
    #[error("the question was rejected")]
    Rejected,
    /// The way broke while the question or its answer was on it.
    #[error("the link broke")]
    LinkBroken,
    /// Whoever asks may not.
    #[error("the question is forbidden")]
    Forbidden,
}

impl From<SendError> for AskError {
    fn from(error: SendError) -> AskError {
        match error {
            SendError::Full | SendError::Refused => AskError::Rejected,
            SendError::Gone => AskError::NoSuchProcess,
            SendError::LinkDown => AskError::LinkBroken,
        }
    }
}

/// Where the answer to one question goes. Dropping it fails whoever asked.
pub struct Reply<T: 'static>(Option<Sink<T>>);

enum Sink<T> {
    Slot(oneshot::Sender<T>),
    Way(Box<dyn FnOnce(Result<T, AskError>) + Send>),
}

impl<T: 'static> Reply<T> {
    /// Answers. Nothing happens if whoever asked has gone.
    pub fn send(mut self, answer: T) {
        match self.0.take() {
            Some(Sink::Slot(slot)) => drop(slot.send(answer)),
            Some(Sink::Way(way)) => way(Ok(answer)),
            None => {}
        }
    }

    /// Turns the question away.
    pub fn reject(self) {
        drop(self);
    }

    /// A slot and the future of what is put there; for tests of rules that answer.
    pub fn pair() -> (Reply<T>, oneshot::Receiver<T>) {
        let (sender, receiver) = oneshot::channel();
        (Reply(Some(Sink::Slot(sender))), receiver)
    }

    pub(crate) fn by(way: impl FnOnce(Result<T, AskError>) + Send + 'static) -> Reply<T> {
        Reply(Some(Sink::Way(Box::new(way))))
    }
}

impl<T: 'static> Drop for Reply<T> {
    fn drop(&mut self) {
        if let Some(Sink::Way(way)) = self.0.take() {
            way(Err(AskError::Rejected));
        }
    }
}

impl<T: 'static> fmt::Debug for Reply<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reply<{}>", std::any::type_name::<T>())
    }
}

/// A question to be awaited: `pid.ask(m).within(d).await`.
#[must_use = "nothing is asked before it is awaited"]
pub struct Ask<'a, A: Process, M> {
    pid: &'a Pid<A>,
    message: M,
    within: Duration,
}

impl<'a, A: Process, M> Ask<'a, A, M> {
    pub(crate) fn new(pid: &'a Pid<A>, message: M) -> Ask<'a, A, M> {
        Ask { pid, message, within: Duration::from_secs(15) }
    }

    /// How long the answer may take; 15 seconds if nothing is said.
    pub fn within(mut self, within: Duration) -> Self {
        self.within = within;
        self
    }
}

impl<A, M> IntoFuture for Ask<'_, A, M>
where
    A: Process + Handler<M>,
    M: Message + Send + 'static,
    M::Result: Send,
{
    type Output = Result<M::Result, AskError>;
    type IntoFuture = Answer<A, M::Result>;

    fn into_future(self) -> Self::IntoFuture {
        let (slot, answer) = oneshot::channel();
        let sent = self.pid.cell.push_stock(self.message, Some(slot));
        Answer::new(self.pid.clone(), sent, answer, self.within)
    }
}

/// What comes of a question: the answer in its slot, or why there is none.
#[must_use = "an answer has to be awaited"]
pub struct Answer<A: Process, T> {
    pid: Pid<A>,
    sent: Result<(), SendError>,
    slot: oneshot::Receiver<T>,
    within: Duration,
    /// Set once the answer was not there at the first look.
    late: Option<Late>,
}

/// How an asker is woken when its time is over.
enum Late {
    /// On its shard, after so long.
    Bell(Bell, Duration),
    Sleep(Sleep),
}

impl Late {
    fn after(runtime: &Runtime, within: Duration, poller: &Context<'_>) -> Late {
        match Bell::set(runtime, within, poller.waker()) {
            Some(bell) => Late::Bell(bell, within),
            None => Late::Sleep(runtime.sleep(within)),
        }
    }

    fn poll(&mut self, runtime: &Runtime, poller: &mut Context<'_>) -> Poll<()> {
        if let Late::Bell(bell, within) = self {
            match bell.has_rung(poller.waker()) {
                Some(true) => return Poll::Ready(()),
                Some(false) => return Poll::Pending,
                // Whoever began to wait on a shard goes on elsewhere; what it has waited is given to it.
                None => *self = Late::Sleep(runtime.sleep(*within)),
            }
        }
        match self {
            Late::Sleep(sleep) => sleep.as_mut().poll(poller),
            Late::Bell(..) => Poll::Pending,
        }
    }
}

impl<A: Process, T> Answer<A, T> {
    pub(crate) fn new(
        pid: Pid<A>,
        sent: Result<(), SendError>,
        slot: oneshot::Receiver<T>,
        within: Duration,
    ) -> Answer<A, T> {
        Answer { pid, sent, slot, within, late: None }
    }
}

impl<A: Process, T> Future for Answer<A, T> {
    type Output = Result<T, AskError>;

    fn poll(mut self: Pin<&mut Self>, poller: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        this.sent?;
        match Pin::new(&mut this.slot).poll(poller) {
            Poll::Ready(Ok(answer)) => return Poll::Ready(Ok(answer)),
            Poll::Ready(Err(_)) if this.pid.is_alive() => return Poll::Ready(Err(AskError::Rejected)),
            Poll::Ready(Err(_)) => return Poll::Ready(Err(AskError::Terminated)),
            Poll::Pending => {}
        }
        let runtime = this.pid.cell.runtime();
        let late = match &mut this.late {
            Some(late) => late,
            None => {
                let late = this.late.insert(Late::after(runtime, this.within, poller));
                if matches!(late, Late::Bell(..)) {
                    return Poll::Pending;
                }
                late
            }
        };
        late.poll(runtime, poller).map(|()| Err(AskError::Timeout))
    }
}
