//! What comes back from work that took its time.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use agent_launch::{Identity, Report, StatusRecord};
use agent_linux::packet::Packets;
use agent_linux::pidfd::Pidfd;
use model::ContainerId;

use crate::containerizer::{LaunchFailure, Limitation};
use crate::isolators::Alarm;
use crate::provisioner::Pulled;

/// A piece of work is done.
#[derive(Debug)]
pub(crate) enum Done {
    /// The image of a launch is here and its URIs are in its sandbox, or not.
    Fetched(ContainerId, Result<Option<Pulled>, LaunchFailure>),
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
    /// What an ended container broke was looked for.
    Concluded(ContainerId, Option<Limitation>),
    /// An alarm of a running container rang.
    Rang(ContainerId),
    /// What a running container broke was looked for.
    Looked(ContainerId, Option<Limitation>),
    /// It is time for an isolator to look at all.
    Patrol(&'static str, Duration),
    /// All were looked at; these broke something.
    Patrolled(BTreeMap<ContainerId, Limitation>),
    /// A running container was given more or less, or not.
    Updated(ContainerId, Result<(), String>),
    /// It is time to look how full the disk of images is.
    KeepRoom,
    /// Somebody looks at the figures of containers.
    Wanted,
    /// Work that changes nothing here.
    Nothing,
}

/// A line to a supervisor.
pub(crate) struct Line {
    pub(crate) channel: Packets,
    pub(crate) pidfd: Pidfd,
    /// It is our own child, to be collected when it ends.
    pub(crate) child: bool,
    /// What rings when the container may have broken something.
    pub(crate) alarm: Option<Alarm>,
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
    Record(StatusRecord, Option<Limitation>),
    /// It ran, and neither supervisor nor record is left; its processes were ended.
    Lost,
    /// It belongs to an earlier boot.
    Rebooted,
    /// Its launch came no further than the intent.
    Unborn,
}
