//! The typed address of a process of this runtime.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Poller, Poll};
use std::time::Duration;

use actix::{Handler, Message};
use tokio::sync::oneshot;

use crate::ask::{Answer, Ask, Reply, SendError};
use crate::link::Reason;
use crate::mailbox::{Cell, Envelope, Lane};
use crate::{Process, Upid};

/// A process of this runtime, by type. Cloning costs a reference count, sending no lookup.
///
/// Losing every address ends nothing: a process lives until it stops or is terminated.
///
/// ```
/// # use libprocess::{Actor, Config, Context, Handler, Message, Process, Reply, Runtime, Spawn};
/// # use std::time::Duration;
/// struct Field { hectares: u64 }
/// enum Input { Sow(u64), Size(Reply<u64>) }
///
/// # impl Message for Input { type Result = (); }
/// # impl Actor for Field { type Context = Context<Self>; }
/// # impl Process for Field { const KIND: &'static str = "field"; type Input = Input; }
/// # impl Handler<Input> for Field {
/// #     type Result = ();
/// #     fn handle(&mut self, input: Input, _: &mut Context<Self>) {
/// #         match input {
/// #             Input::Sow(more) => self.hectares += more,
/// #             Input::Size(reply) => reply.send(self.hectares),
/// #         }
/// #     }
/// # }
/// # let node = Runtime::start(Config { listen: None, http_workers: 0, ..Config::default() })?;
/// let field = node.spawn(Spawn::named("north"), || Field { hectares: 1 })?;
/// field.tell(Input::Sow(2))?;
/// let size = node.block_on(field.call(Duration::from_secs(15), Input::Size))?;
/// assert_eq!((size, field.upid().id()), (3, "north"));
/// # node.shutdown();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Pid<A: Process> {
    pub(crate) cell: Arc<Cell<A>>,
}

impl<A: Process> Pid<A> {
    /// The address that travels.
    pub fn upid(&self) -> &Upid {
        self.cell.upid()
    }

    /// Puts a message into the mailbox; never waits.
    ///
    /// Errors: when the mailbox is full, or the process has ended.
    pub fn tell<M>(&self, message: M) -> Result<(), SendError>
    where
        A: Handler<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        self.cell.push_message(message)
    }

    /// Puts an input into the mailbox as soon as there is room, behind those who wait for it already.
    ///
    /// For senders that are no processes: two processes with full mailboxes would wait for each other.
    ///
    /// Errors: when the process has ended, or ends meanwhile, or its mailbox could never hold it.
    pub fn tell_when_room(&self, input: A::Input) -> WhenRoom<A> {
        WhenRoom { cell: self.cell.clone(), envelope: Some(Envelope::Input(input)), ticket: None }
    }

    /// Asks for what the handler of `M` returns: `pid.ask(m).within(d).await`.
    pub fn ask<M>(&self, message: M) -> Ask<'_, A, M>
    where
        A: Handler<M>,
        M: Message + Send + 'static,
        M::Result: Send,
    {
        Ask::new(self, message)
    }

    /// Asks a process that answers by [`Reply`]: `pid.call(d, |reply| Input::State { reply }).await`.
    ///
    /// The question is not run once the time is over.
    pub fn call<T, F>(&self, within: Duration, question: F) -> Answer<A, T>
    where
        T: Send + 'static,
        F: FnOnce(Reply<T>) -> A::Input,
    {
        let (reply, answer): (Reply<T>, oneshot::Receiver<T>) = Reply::pair();
        let deadline = self.cell.runtime().elapsed().saturating_add(within);
        let sent = self.cell.push(Envelope::Expiring(Box::new((deadline, question(reply)))));
        Answer::new(self.clone(), sent, answer, within)
    }

    /// Ends the process: at once, or when what waits in its user lane has been handled.
    pub fn terminate(&self, lane: Lane) {
        self.cell.terminate(lane);
    }

    /// Waits for the end, and says why.
    pub fn wait(&self) -> impl Future<Output = Reason> + Send + use<A> {
        let reason = self.cell.wait();
        async move { reason.await.unwrap_or(Reason::NodeDown) }
    }

    /// Whether it has not ended yet.
    pub fn is_alive(&self) -> bool {
        self.cell.is_alive()
    }
}

/// A message on its way into a mailbox that may be full. Dropping it sends nothing.
#[must_use = "nothing is sent before it is awaited"]
pub struct WhenRoom<A: Process> {
    cell: Arc<Cell<A>>,
    envelope: Option<Envelope<A>>,
    /// Its place among those who wait, while it has one.
    ticket: Option<u64>,
}

// Nothing in it is pinned.
impl<A: Process> Unpin for WhenRoom<A> {}

impl<A: Process> Future for WhenRoom<A> {
    type Output = Result<(), SendError>;

    fn poll(mut self: Pin<&mut Self>, poller: &mut Poller<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        this.cell.push_or_wait(&mut this.envelope, &mut this.ticket, poller.waker())
    }
}

impl<A: Process> Drop for WhenRoom<A> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.cell.wait_no_more(ticket);
        }
    }
}

impl<A: Process> Clone for Pid<A> {
    fn clone(&self) -> Pid<A> {
        Pid { cell: self.cell.clone() }
    }
}

impl<A: Process> fmt::Debug for Pid<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pid<{}>({})", A::KIND, self.upid())
    }
}

impl<A: Process> fmt::Display for Pid<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.upid().fmt(f)
    }
}

impl<A: Process> PartialEq for Pid<A> {
    fn eq(&self, other: &Pid<A>) -> bool {
        Arc::ptr_eq(&self.cell, &other.cell)
    }
}

impl<A: Process> Eq for Pid<A> {}
