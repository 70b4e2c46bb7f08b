//! What comes back from work that took its time.

use std::fmt;

use agent_launch::{Identity, Report, StatusRecord};
use agent_linux::packet::Packets;
use agent_linux::pidfd::Pidfd;
use model::ContainerId;

use crate::containerizer::LaunchFailure;

/// A piece of work is done.
#[derive(Debug)]
pub(crate) enum Done {
    /// The URIs of a launch are in its sandbox, or not.
    Fetched(ContainerId, Result<(), LaunchFailure>),
    /// A supervisor was started, or not.
    Started(ContainerId, Result<Line, LaunchFailure>),
    /// A supervisor said something.
    Heard(ContainerId, Report),
    /// A supervisor is gone.
    Gone(ContainerId),
    /// What it left behind was looked for.
    Read(ContainerId, Option<StatusRecord>),
    /// What was left of a container without a supervisor was ended.
    Swept(ContainerId),
    /// What an earlier agent left was looked through.
    Recovered(Vec<Found>),
    /// A mute supervisor was tried again.
    Retried(Found),
    /// Work that changes nothing here.
    Nothing,
}

/// A line to a supervisor.
pub(crate) struct Line {
    pub(crate) channel: Packets,
    pub(crate) pidfd: Pidfd,
    /// It is our own child, to be collected when it ends.
    pub(crate) child: bool,
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Line")
    }
}

/// A container an earlier agent left.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) id: ContainerId,
    /// Whether the journal knows it.
    pub(crate) known: bool,
    pub(crate) what: Remains,
}

/// What is left of it.
#[derive(Debug)]
pub(crate) enum Remains {
    /// Its supervisor answers.
    Alive { line: Line, identity: Identity, running: bool },
    /// Its supervisor lives and does not answer.
    Mute { identity: Option<Identity> },
    /// It ended and left its record.
    Record(StatusRecord),
    /// It ran, and neither supervisor nor record is left; its processes were ended.
    Lost,
    /// It belongs to an earlier boot.
    Rebooted,
    /// Its launch came no further than the intent.
    Unborn,
}
