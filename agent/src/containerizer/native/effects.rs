//! All the native containerizer may ask of the world.

use std::fmt;

use agent_launch::{Identity, Request};
use model::ContainerId;

use super::done::Line;
use crate::containerizer::{ContainerConfig, ContainerEvent, KnownContainer};
use crate::provisioner::Pulled;

/// One thing to be done.
#[derive(Debug)]
pub(crate) enum Effect {
    /// Has the image and fetches the URIs; comes back as `Fetched`.
    Fetch(ContainerId, Box<ContainerConfig>),
    /// Gives up fetching; it comes back as `Fetched` at once.
    StopFetch(ContainerId),
    /// Starts a supervisor; comes back as `Started`.
    Start(ContainerId, Box<ContainerConfig>, Option<Pulled>),
    /// Listens to a supervisor; comes back as `Heard` and, once, `Gone`.
    Watch(ContainerId, Line),
    /// Tells a supervisor.
    Say(ContainerId, Request),
    /// Looks for the record; comes back as `Read`.
    Read(ContainerId),
    /// Ends what is left of a container; comes back as `Swept`.
    Sweep(ContainerId, Option<Identity>),
    /// Looks for what an ended container broke; comes back as `Concluded`.
    Conclude(ContainerId),
    /// Gives a running container more or less; comes back as `Updated`.
    Update(ContainerId, Box<ContainerConfig>),
    /// Removes what was made for it, and the runtime directory.
    Remove(ContainerId),
    /// Looks through what an earlier agent left; comes back as `Recovered`.
    Recover(Vec<KnownContainer>),
    /// Tries a mute supervisor again after a while; comes back as `Retried`.
    Retry { id: ContainerId, known: bool, identity: Option<Identity> },
    /// Tells the agent.
    Tell(ContainerEvent),
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fetch(id, _) => write!(f, "fetch {id}"),
            Self::StopFetch(id) => write!(f, "stop fetching {id}"),
            Self::Start(id, ..) => write!(f, "start {id}"),
            Self::Watch(id, _) => write!(f, "watch {id}"),
            Self::Say(id, request) => write!(f, "say {request:?} to {id}"),
            Self::Read(id) => write!(f, "read {id}"),
            Self::Sweep(id, _) => write!(f, "sweep {id}"),
            Self::Conclude(id) => write!(f, "conclude {id}"),
            Self::Update(id, _) => write!(f, "update {id}"),
            Self::Remove(id) => write!(f, "remove {id}"),
            Self::Recover(known) => write!(f, "recover {}", known.len()),
            Self::Retry { id, .. } => write!(f, "retry {id}"),
            Self::Tell(ContainerEvent::Held { id, .. }) => write!(f, "tell {id} held"),
            Self::Tell(ContainerEvent::Launched { id, pid }) => write!(f, "tell {id} launched as {pid}"),
            Self::Tell(ContainerEvent::LaunchFailed { id, failure }) => {
                write!(f, "tell {id} failed at {:?}: {failure}", failure.step)
            }
            Self::Tell(ContainerEvent::Terminated { id, termination }) => {
                write!(f, "tell {id} ended by {:?}: {}", termination.cause, termination.message)
            }
            Self::Tell(ContainerEvent::UpdateFailed { id, message }) => {
                write!(f, "tell {id} not updated: {message}")
            }
            Self::Tell(ContainerEvent::Recovered { running, orphans }) => {
                write!(f, "tell recovered, {} running, {} orphans", running.len(), orphans.len())
            }
        }
    }
}
