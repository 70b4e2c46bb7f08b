//! All that may leave an agent's rules. Each prints in one line.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use libprocess::Upid;
use model::ContainerId;
use model::executor_event::ExecutorEvent;
use model::messages::{
    ExecutorExited, ExecutorMessage, Oversubscribed, Pong, RegisterAgent, ReregisterAgent, UnregisterAgent,
    UpdateOperation, UpdateStatus,
};

use crate::alarms::{Alarm, Delay};
use crate::containerizer::{ContainerConfig, KnownContainer};
use crate::containers::{Awaits, Told};
use crate::executors::Viewer;
use crate::http::{Refused, StreamNo};
use crate::operations::volumes::{Link, Place};
use crate::recovery::{Durable, Record};

/// What one turn asks of the world, in order.
pub(crate) type Effects = Vec<Effect>;

/// One thing asked of the world.
#[derive(Debug)]
pub(crate) enum Effect {
    /// To whoever made the call of this turn.
    Answer(Result<(), Refused>),
    /// The stream that came with the call of this turn is the executor's from now on.
    Open(StreamNo),
    /// What was sent is still read; then the stream ends.
    Close(StreamNo),
    ToExecutor(StreamNo, ExecutorEvent),
    /// Asks the driver of an executor whether it is there.
    Reconnect(Upid),
    /// To the master of the link; lost if there is none.
    ToMaster(ToMaster),
    /// To be told when this master is gone, instead of the last one.
    Link(Upid),
    /// Written down together; `then` comes back once they would survive a crash, at once if there are none.
    Record {
        records: Vec<Record>,
        then: Vec<Durable>,
    },
    /// Makes the links to the sandbox, then has the container started.
    Launch {
        id: ContainerId,
        config: Box<ContainerConfig>,
        latest: PathBuf,
    },
    /// Has a container started that was asked for over the API.
    LaunchContainer {
        id: ContainerId,
        config: Box<ContainerConfig>,
    },
    Go(ContainerId),
    /// To the first process.
    Signal(ContainerId, i32),
    /// To whoever made the call about a container of this turn.
    Told(Told),
    /// Whoever made the call of this turn waits.
    Hold(Awaits, ContainerId),
    /// To all who wait for this.
    Settle(Awaits, ContainerId, Told),
    /// Of what is below a directory of the agent's own.
    RemoveSandbox {
        within: PathBuf,
        name: PathBuf,
    },
    Destroy(ContainerId),
    Forget(ContainerId),
    Recover(Vec<KnownContainer>),
    /// Gives a running container more or less.
    Update {
        id: ContainerId,
        config: Box<ContainerConfig>,
    },
    /// Makes empty directories for new volumes; whether they are comes back.
    MakeVolumes(Vec<Place>),
    /// Takes away what is in destroyed volumes; whether it is comes back.
    RemoveVolumes(Vec<Place>),
    /// Sees that volumes of before are there, and removes what is left of others.
    TakeUpVolumes {
        places: Vec<Place>,
        bins: BTreeSet<PathBuf>,
    },
    /// Removes what was taken out of volumes.
    Discard(Vec<PathBuf>),
    /// Shows volumes in a sandbox that exists; whether they are comes back to who waits for it.
    Show {
        viewer: Viewer,
        sandbox: PathBuf,
        links: Vec<Link>,
        user: Option<String>,
    },
    Wake(Alarm, Delay),
    /// The agent ends as it should; why, for the log.
    Stop(String),
    /// The agent cannot go on: it would promise what it cannot keep.
    Fail(String),
}

/// What a master is told.
#[derive(Debug)]
pub(crate) enum ToMaster {
    Register(Box<RegisterAgent>),
    Reregister(Box<ReregisterAgent>),
    Unregister(UnregisterAgent),
    Update(Box<UpdateStatus>),
    Exited(ExecutorExited),
    Message(ExecutorMessage),
    Pong(Pong),
    Oversubscribed(Oversubscribed),
    /// How an operation went; `name` is for the log.
    Operation {
        name: &'static str,
        update: Box<UpdateOperation>,
    },
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Effect::Answer(Ok(())) => write!(f, "answer accepted"),
            Effect::Answer(Err(refused)) => write!(f, "answer {refused}"),
            Effect::Open(stream) => write!(f, "open {stream}"),
            Effect::Close(stream) => write!(f, "close {stream}"),
            Effect::Reconnect(driver) => write!(f, "ask {driver} back"),
            Effect::ToExecutor(stream, event) => write!(f, "to {stream}: {}", Event(event)),
            Effect::ToMaster(message) => write!(f, "to master: {message}"),
            Effect::Link(master) => write!(f, "link {master}"),
            Effect::Record { records, then } => {
                write!(f, "record")?;
                for (n, record) in records.iter().enumerate() {
                    write!(f, "{}{record}", if n == 0 { " " } else { ", " })?;
                }
                then.iter().try_for_each(|then| write!(f, "; then {then}"))
            }
            Effect::Launch { id, config, .. } => write!(f, "launch {id}: {}", config.argv.join(" ")),
            Effect::LaunchContainer { id, config } => write!(f, "launch {id}: {}", config.argv.join(" ")),
            Effect::Go(id) => write!(f, "go {id}"),
            Effect::Signal(id, signal) => write!(f, "signal {signal} to {id}"),
            Effect::Told(told) => write!(f, "told {told}"),
            Effect::Hold(awaits, id) => write!(f, "hold for {awaits:?} of {id}"),
            Effect::Settle(awaits, id, told) => write!(f, "settle {awaits:?} of {id}: {told}"),
            Effect::RemoveSandbox { within, name } => {
                write!(f, "remove sandbox {}", within.join(name).display())
            }
            Effect::Destroy(id) => write!(f, "destroy {id}"),
            Effect::Forget(id) => write!(f, "forget {id}"),
            Effect::Update { id, config } => write!(f, "update {id} to {}", config.resources),
            Effect::Recover(known) => write!(f, "recover {} containers", known.len()),
            Effect::MakeVolumes(places) => write!(f, "make volumes{}", Names(places)),
            Effect::RemoveVolumes(places) => write!(f, "remove volumes{}", Names(places)),
            Effect::TakeUpVolumes { places, .. } => write!(f, "take up volumes{}", Names(places)),
            Effect::Discard(paths) => write!(f, "discard {} directories", paths.len()),
            Effect::Show { sandbox, links, .. } => {
                write!(f, "link {} volumes into {}", links.len(), sandbox.display())
            }
            Effect::Wake(alarm, delay) => write!(f, "wake {delay}: {alarm:?}"),
            Effect::Stop(why) => write!(f, "stop: {why}"),
            Effect::Fail(why) => write!(f, "fail: {why}"),
        }
    }
}

impl fmt::Display for Delay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Delay::Exactly(wait) => write!(f, "after {wait:?}"),
            Delay::Within(wait) => write!(f, "within {wait:?}"),
        }
    }
}

impl fmt::Display for ToMaster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ToMaster::Register(_) => write!(f, "register"),
            ToMaster::Reregister(agent) => {
                write!(f, "reregister with {} tasks, {} executors", agent.tasks.len(), agent.executors.len())
            }
            ToMaster::Unregister(_) => write!(f, "unregister"),
            ToMaster::Update(update) => {
                let status = &update.status;
                write!(f, "update {} {}", status.task_id, status.state)?;
                status.reason.map_or(Ok(()), |reason| write!(f, " {reason}"))?;
                status.message.as_ref().map_or(Ok(()), |message| write!(f, " \"{message}\""))
            }
            ToMaster::Exited(exited) => write!(f, "executor {} exited {}", exited.executor_id, exited.status),
            ToMaster::Message(message) => write!(f, "message from {}", message.executor_id),
            ToMaster::Pong(_) => write!(f, "pong"),
            ToMaster::Oversubscribed(told) => write!(f, "oversubscribed {}", told.revocable),
            ToMaster::Operation { name, update } => write!(f, "operation {name} {}", update.status.state),
        }
    }
}

/// Where volumes are, in one line.
struct Names<'a>(&'a [Place]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|place| write!(f, " {}", place.directory.display()))
    }
}

/// An event in one line.
struct Event<'a>(&'a ExecutorEvent);

impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())?;
        match self.0 {
            ExecutorEvent::Launch(task) => write!(f, " {}", task.id),
            ExecutorEvent::LaunchGroup(tasks) => tasks.iter().try_for_each(|task| write!(f, " {}", task.id)),
            ExecutorEvent::Kill { task_id, .. } | ExecutorEvent::Acknowledged { task_id, .. } => {
                write!(f, " {task_id}")
            }
            ExecutorEvent::Error { message } => write!(f, " \"{message}\""),
            _ => Ok(()),
        }
    }
}
