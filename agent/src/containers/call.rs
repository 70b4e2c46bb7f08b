//! What is asked of containers, and what is answered.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use model::{CommandInfo, ContainerId, ContainerInfo, Limit, Resources};

use crate::state::ContainerEnd;

/// A call, already valid.
#[derive(Clone, Debug)]
pub(crate) enum ContainerCall {
    Launch(Box<LaunchCall>),
    /// Answered when it has ended.
    Wait(ContainerId),
    Kill {
        id: ContainerId,
        signal: i32,
    },
    Remove(ContainerId),
}

/// A container that is wanted.
#[derive(Clone, Debug)]
pub(crate) struct LaunchCall {
    pub id: ContainerId,
    pub command: Option<CommandInfo>,
    pub container: Option<ContainerInfo>,
    pub resources: Resources,
    /// How far it may exceed those, by resource name.
    pub limits: BTreeMap<Arc<str>, Limit>,
    /// It lives for whoever reads its output, in the surroundings of its parent.
    pub session: bool,
}

/// What a caller is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Launched,
    /// It was launched before.
    Already,
    /// It will not run, and why.
    Failed(String),
    Unknown,
    /// How, and what it used of what it broke a limit of.
    Ended(ContainerEnd, Option<Resources>),
    Done,
    /// It still runs, so it cannot be removed.
    Running,
}

/// What a caller waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Awaits {
    Launch,
    End,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Told::Launched => f.write_str("launched"),
            Told::Already => f.write_str("launched before"),
            Told::Failed(why) => write!(f, "failed: {why}"),
            Told::Unknown => f.write_str("unknown"),
            Told::Ended(end, _) => match (end.status, &end.message) {
                (Some(status), _) => write!(f, "ended with {status}"),
                (None, Some(message)) => write!(f, "ended: {message}"),
                (None, None) => f.write_str("ended"),
            },
            Told::Done => f.write_str("done"),
            Told::Running => f.write_str("still running"),
        }
    }
}
