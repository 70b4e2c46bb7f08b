//! All that can happen to a master.

use std::fmt;

use libprocess::{Pid, Principal, Received, Reply, Upid};
use model::call::{Call, Subscribe};
use model::messages::{
    AcknowledgeOperation, AcknowledgeStatus, ApplyOperation, DrainAgent, ExecutorExited, ExecutorMessage,
    FrameworkMessage, KillTask, LeaderIs, Oversubscribed, Ping, Pong, RegisterAgent, Registered,
    ReregisterAgent, Reregistered, RunTask, RunTaskGroup, ShutdownAgent, ShutdownExecutor, ShutdownFramework,
    UnregisterAgent, UpdateFramework, UpdateOperation, UpdateStatus,
};
use model::{FrameworkId, StreamId, TaskId};

use crate::alarms::Alarm;
use crate::allocator::Allocation;
use crate::http::{Rejected, Session, Watcher};
use crate::legacy::Driver;
use crate::operator::Ask;
use crate::registrar::Report;
use crate::reign::Leader;

/// Everything that can happen to a master. What came over a link and what came as an HTTP call looks the same here.
#[derive(Debug)]
pub enum Input {
    /// Another master leads, or nobody does.
    Follows { leader: Option<Leader> },
    /// This master leads, in an epoch of its own.
    Leads { epoch: u64 },
    /// It may not be sure any more that it does, or is so again.
    Suspended(bool),
    /// A scheduler wants to read events from `stream`, which `outlet` writes; to an old driver, if it has one.
    Subscribe {
        call: Box<Subscribe>,
        principal: Option<String>,
        stream: StreamId,
        outlet: Outlet,
        driver: Option<Driver>,
    },
    /// A scheduler asks for something else.
    Call { call: Box<Call>, caller: Caller, asker: Asker },
    /// A scheduler's stream has ended, whoever ended it.
    StreamClosed { stream: StreamId },
    /// A scheduler's session has written a heartbeat of its own.
    Beat { stream: StreamId },
    /// Somebody wants to know whether calls are heard yet.
    Ready { asker: Asker },
    /// An operator ends a framework.
    Teardown { framework: FrameworkId, asker: Asker },
    /// An operator ends a task.
    KillTask { framework: FrameworkId, task: TaskId, asker: Asker },
    /// An operator asks for a change.
    Operator { ask: Box<Ask>, asker: Asker },
    /// An operator wants to read what happens on `stream`, which `watcher` writes.
    Watch { stream: StreamId, watcher: Watching },
    /// An operator's stream has ended, whoever ended it.
    WatchClosed { stream: StreamId },
    /// An agent without an id; `principal` is who its link proved it to be.
    Register { from: Upid, principal: Option<Principal>, body: Box<RegisterAgent> },
    /// An agent with one.
    Reregister { from: Upid, principal: Option<Principal>, body: Box<ReregisterAgent> },
    /// An agent leaves for good.
    Unregister { from: Upid, body: UnregisterAgent },
    /// A task's state has changed.
    Update { from: Upid, body: Box<UpdateStatus> },
    /// An agent has more for tasks that can be ended for it, or less.
    Oversubscribed { from: Upid, body: Oversubscribed },
    /// An operation has ended.
    UpdateOperation { from: Upid, body: Box<UpdateOperation> },
    /// An executor has ended.
    ExecutorExited { from: Upid, body: ExecutorExited },
    /// An executor has something to say to its scheduler.
    ExecutorMessage { from: Upid, body: ExecutorMessage },
    /// An agent answers a ping.
    Pong { from: Upid, body: Pong },
    /// The link to an agent broke.
    AgentExited { upid: Upid },
    /// The allocator gave resources away.
    Allocated(Vec<Allocation>),
    /// The registrar has read, or written.
    Registrar(Report),
    /// A timer ran out.
    Woke(Woken),
}

/// A timer that ran out. Opaque to others, who have no business setting one.
#[derive(Debug)]
pub struct Woken(pub(crate) Alarm);

/// What a call says of who makes it.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    /// The stream it claims to read, from the header.
    pub stream: Option<StreamId>,
    /// The old driver it came from, which names no stream.
    pub driver: Option<Upid>,
    /// Who it proved to be; `None` without authentication.
    pub principal: Option<String>,
}

/// Who waits for an answer. Nobody does in tests of rules.
#[derive(Default)]
pub struct Asker(Option<Reply<Result<(), Rejected>>>);

impl Asker {
    /// Somebody waits.
    pub fn new(reply: Reply<Result<(), Rejected>>) -> Self {
        Asker(Some(reply))
    }

    /// Answers whoever waits.
    pub(crate) fn answer(self, answer: Result<(), Rejected>) {
        if let Some(reply) = self.0 {
            reply.send(answer);
        }
    }
}

impl fmt::Debug for Asker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "asker" } else { "nobody" })
    }
}

/// The session that writes a stream. There is none in tests of rules.
#[derive(Clone, Debug, Default)]
pub struct Outlet(Option<Pid<Session>>);

impl Outlet {
    /// This session writes the stream.
    pub fn new(session: Pid<Session>) -> Self {
        Outlet(Some(session))
    }

    /// The session, if there is one.
    pub(crate) fn session(self) -> Option<Pid<Session>> {
        self.0
    }
}

/// The process that writes a stream of what happens. There is none in tests of rules.
#[derive(Clone, Debug, Default)]
pub struct Watching(Option<Pid<Watcher>>);

impl Watching {
    /// This process writes the stream.
    pub(crate) fn new(watcher: Pid<Watcher>) -> Self {
        Watching(Some(watcher))
    }

    /// The process, if there is one.
    pub(crate) fn watcher(self) -> Option<Pid<Watcher>> {
        self.0
    }
}

/// Wire messages become inputs at the door.
macro_rules! received {
    ($($message:ident => $input:ident $(in $wrap:ident)?),* $(,)?) => {$(
        impl From<Received<$message>> for Input {
            fn from(received: Received<$message>) -> Self {
                Input::$input { from: received.from, body: $($wrap::new)?(received.body) }
            }
        }
    )*};
}

/// Whoever wants to be an agent has to be allowed to.
macro_rules! received_from {
    ($($message:ident => $input:ident),* $(,)?) => {$(
        impl From<Received<$message>> for Input {
            fn from(received: Received<$message>) -> Self {
                let Received { from, principal, body } = received;
                Input::$input { from, principal, body: Box::new(body) }
            }
        }
    )*};
}

received_from! {
    RegisterAgent => Register,
    ReregisterAgent => Reregister,
}

received! {
    UnregisterAgent => Unregister,
    UpdateStatus => Update in Box,
    UpdateOperation => UpdateOperation in Box,
    ExecutorExited => ExecutorExited,
    ExecutorMessage => ExecutorMessage,
    Pong => Pong,
    Oversubscribed => Oversubscribed,
}

/// Declares what an agent can be told, each kind a wire message of its own.
macro_rules! to_agent {
    ($($kind:ident),* $(,)?) => {
        /// What a master tells an agent.
        #[derive(Debug)]
        pub(crate) enum ToAgent {
            $($kind(Box<$kind>),)*
        }

        $(impl From<$kind> for ToAgent {
            fn from(message: $kind) -> Self {
                ToAgent::$kind(Box::new(message))
            }
        })*

        impl ToAgent {
            /// Sends it over the link.
            pub(crate) fn send<A: libprocess::Process>(
                self,
                upid: &Upid,
                ctx: &mut libprocess::Context<A>,
            ) -> Result<(), libprocess::SendError> {
                match self {
                    $(ToAgent::$kind(message) => ctx.send(upid, *message),)*
                }
            }
        }
    };
}

to_agent! {
    Registered, Reregistered, Ping, RunTask, RunTaskGroup, KillTask, ShutdownExecutor, ShutdownFramework,
    FrameworkMessage, AcknowledgeStatus, UpdateFramework, ShutdownAgent, ApplyOperation, AcknowledgeOperation, LeaderIs,
    DrainAgent,
}

impl fmt::Display for ToAgent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ToAgent::Registered(m) => write!(f, "registered as {}", m.agent_id),
            ToAgent::Reregistered(m) if m.reconcile.is_empty() => write!(f, "reregistered as {}", m.agent_id),
            ToAgent::Reregistered(m) => {
                let tasks: Vec<&str> = m.reconcile.iter().map(|(_, task)| task.as_str()).collect();
                write!(f, "reregistered as {}, asked about {}", m.agent_id, tasks.join(", "))
            }
            ToAgent::Ping(m) => f.write_str(if m.connected { "ping" } else { "ping, not connected" }),
            ToAgent::RunTask(m) => {
                write!(
                    f,
                    "run task {}{}",
                    m.task.id,
                    if m.launch_executor { " in a new executor" } else { "" }
                )
            }
            ToAgent::RunTaskGroup(m) => {
                let tasks: Vec<&str> = m.tasks.iter().map(|task| task.id.as_str()).collect();
                write!(f, "run tasks {} in executor {}", tasks.join(", "), m.executor.id)
            }
            ToAgent::ApplyOperation(m) => write!(f, "apply {}", m.conversion.name()),
            ToAgent::AcknowledgeOperation(_) => f.write_str("operation acknowledged"),
            ToAgent::DrainAgent(_) => f.write_str("drain"),
            ToAgent::KillTask(m) => write!(f, "kill task {}", m.task_id),
            ToAgent::ShutdownExecutor(m) => write!(f, "shut down executor {}", m.executor_id),
            ToAgent::ShutdownFramework(m) => write!(f, "shut down framework {}", m.framework_id),
            ToAgent::FrameworkMessage(m) => {
                write!(f, "{} bytes for executor {}", m.data.len(), m.executor_id)
            }
            ToAgent::AcknowledgeStatus(m) => write!(f, "acknowledge {} of {}", m.uuid, m.task_id),
            ToAgent::UpdateFramework(m) => write!(f, "update framework {}", m.framework.name),
            ToAgent::ShutdownAgent(m) => write!(f, "shut down: {}", m.message),
            ToAgent::LeaderIs(m) => match m.leader {
                Some(leader) => write!(f, "the leader is {leader}"),
                None => f.write_str("nobody leads"),
            },
        }
    }
}
