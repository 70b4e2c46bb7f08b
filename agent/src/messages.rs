//! All that can happen to an agent.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use detector::{Detector, Found};
use libprocess::{Received, Reply, Upid};
use model::executor_call::ExecutorCall;
use model::messages::{
    AcknowledgeOperation, AcknowledgeStatus, ApplyOperation, DrainAgent, FrameworkMessage, KillTask,
    LeaderIs, Ping, Registered, Reregistered, RunTask, RunTaskGroup, ShutdownAgent, ShutdownExecutor,
    ShutdownFramework, UpdateFramework,
};

use crate::alarms::Alarm;
use crate::containerizer::ContainerEvent;
use crate::containers::{ContainerCall, Told};
use crate::executors::Viewer;
use crate::gc::Swept;
use crate::http::{Refused, Session, StreamNo};
use crate::oversubscription::Load;
use crate::recovery::{Durable, Record};
use crate::state::Key;

/// What the agent's mailbox holds; only its own doors and shell make one.
#[derive(Debug)]
pub struct Letter(pub(crate) Input);

impl From<Input> for Letter {
    fn from(input: Input) -> Self {
        Self(input)
    }
}

/// Everything an agent hears, whoever says it.
#[derive(Debug)]
pub(crate) enum Input {
    /// What the journal holds, in order; comes first and once.
    Restored(Vec<Record>),
    /// Something was written down.
    Durable(Vec<Durable>),
    /// Nothing more can be written down; what is not, will not be.
    JournalFailed(String),
    Container(ContainerEvent),
    FromMaster {
        from: Upid,
        message: FromMaster,
    },
    /// A master that does not lead says who does.
    LeaderIs {
        from: Upid,
        leader: Option<SocketAddr>,
    },
    /// Masters are to be found elsewhere than before; with it comes what goes on looking.
    Found(Found, Search),
    /// A process this one is linked to is gone, or out of reach.
    Lost(Upid),
    /// An executor's call. SUBSCRIBE comes with the stream it opens.
    Call {
        call: Box<ExecutorCall>,
        stream: Option<StreamNo>,
        /// Where its driver is, if SUBSCRIBE came of an old one.
        driver: Option<Upid>,
        door: Door,
    },
    /// A call about a container.
    ContainerCall {
        call: ContainerCall,
        door: Door,
    },
    /// Nobody reads an executor's stream any more.
    StreamEnded {
        executor: Key,
        stream: StreamNo,
    },
    Woke(Alarm),
    /// The volumes somebody waits for are in its sandbox, or why they are not.
    Shown(Viewer, Result<(), String>),
    /// Directories of volumes are as an operation wants them, or why they are not. What they held before is to be removed.
    Carried(Result<Vec<PathBuf>, String>),
    /// Old sandboxes are removed.
    Swept(Swept),
    /// How busy the machine is, if that is known.
    Loaded(Option<Load>),
    /// The agent is to end with all it runs.
    Finish,
    /// Some work that changes nothing here is done.
    Nothing,
}

/// What looks for masters, for the shell alone.
#[derive(Default)]
pub(crate) struct Search(pub Option<Box<Detector>>);

impl fmt::Debug for Search {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("..")
    }
}

/// What a call brings along for the shell alone; rules never look at it.
#[derive(Debug, Default)]
pub(crate) struct Door {
    pub reply: Option<Reply<Result<(), Refused>>>,
    pub session: Option<Session>,
    /// Where whoever calls about a container is told what came of it.
    pub told: Option<Reply<Told>>,
}

/// What a master tells.
#[derive(Clone, Debug)]
pub(crate) enum FromMaster {
    Registered(Registered),
    Reregistered(Reregistered),
    Ping(Ping),
    RunTask(Box<RunTask>),
    RunGroup(Box<RunTaskGroup>),
    Kill(KillTask),
    ShutdownExecutor(ShutdownExecutor),
    ShutdownFramework(ShutdownFramework),
    Message(FrameworkMessage),
    Acknowledge(AcknowledgeStatus),
    UpdateFramework(Box<UpdateFramework>),
    Shutdown(ShutdownAgent),
    Apply(Box<ApplyOperation>),
    AcknowledgeOperation(AcknowledgeOperation),
    Drain(DrainAgent),
}

impl FromMaster {
    /// Whether it means what was said before it, as a task means the volumes that were made for it.
    pub(crate) fn builds_upon_others(&self) -> bool {
        match self {
            FromMaster::Registered(_)
            | FromMaster::Reregistered(_)
            | FromMaster::Ping(_)
            | FromMaster::Shutdown(_)
            | FromMaster::Acknowledge(_)
            | FromMaster::AcknowledgeOperation(_) => false,
            FromMaster::RunTask(_)
            | FromMaster::RunGroup(_)
            | FromMaster::Kill(_)
            | FromMaster::ShutdownExecutor(_)
            | FromMaster::ShutdownFramework(_)
            | FromMaster::Message(_)
            | FromMaster::UpdateFramework(_)
            | FromMaster::Apply(_)
            | FromMaster::Drain(_) => true,
        }
    }

    /// Which reign it was said in.
    pub(crate) fn epoch(&self) -> u64 {
        match self {
            FromMaster::Registered(message) => message.epoch,
            FromMaster::Reregistered(message) => message.epoch,
            FromMaster::Ping(message) => message.epoch,
            FromMaster::RunTask(message) => message.epoch,
            FromMaster::RunGroup(message) => message.epoch,
            FromMaster::Kill(message) => message.epoch,
            FromMaster::ShutdownExecutor(message) => message.epoch,
            FromMaster::ShutdownFramework(message) => message.epoch,
            FromMaster::Message(message) => message.epoch,
            FromMaster::Acknowledge(message) => message.epoch,
            FromMaster::UpdateFramework(message) => message.epoch,
            FromMaster::Shutdown(message) => message.epoch,
            FromMaster::Apply(message) => message.epoch,
            FromMaster::AcknowledgeOperation(message) => message.epoch,
            FromMaster::Drain(message) => message.epoch,
        }
    }
}

macro_rules! from_master {
    ($($message:ident => $make:expr;)*) => {$(
        impl From<Received<$message>> for Letter {
            fn from(received: Received<$message>) -> Self {
                let make = $make;
                Self(Input::FromMaster { from: received.from, message: make(received.body) })
            }
        }
    )*};
}

from_master! {
    Registered => FromMaster::Registered;
    Reregistered => FromMaster::Reregistered;
    Ping => FromMaster::Ping;
    RunTask => |run| FromMaster::RunTask(Box::new(run));
    RunTaskGroup => |run| FromMaster::RunGroup(Box::new(run));
    KillTask => FromMaster::Kill;
    ShutdownExecutor => FromMaster::ShutdownExecutor;
    ShutdownFramework => FromMaster::ShutdownFramework;
    FrameworkMessage => FromMaster::Message;
    AcknowledgeStatus => FromMaster::Acknowledge;
    UpdateFramework => |update| FromMaster::UpdateFramework(Box::new(update));
    ShutdownAgent => FromMaster::Shutdown;
    ApplyOperation => |apply| FromMaster::Apply(Box::new(apply));
    AcknowledgeOperation => FromMaster::AcknowledgeOperation;
    DrainAgent => FromMaster::Drain;
}

impl From<Received<LeaderIs>> for Letter {
    fn from(received: Received<LeaderIs>) -> Self {
        Self(Input::LeaderIs { from: received.from, leader: received.body.leader })
    }
}

impl libprocess::Message for Letter {
    type Result = ();
}
