//! How the agent stands with its master.

use std::time::Duration;

use libprocess::Upid;
use model::Time;

/// Whether a master knows of this agent.
///
/// | from                  | on                                     | to            |
/// |-----------------------|----------------------------------------|---------------|
/// | `Idle`                | recovery over                          | `Registering` |
/// | `Registering`         | registered                             | `Registered`  |
/// | `Registered`          | link lost, no ping, the master says so | `Registering` |
#[derive(Clone, Debug)]
pub(crate) enum Link {
    /// Not looking for a master yet, or never again.
    Idle,
    /// Asks `master` to take it in, again and again.
    Registering {
        master: Upid,
        /// How often it has asked, for the backoff.
        attempt: u32,
        /// How often it was sent on since it last waited.
        sent_on: u32,
        /// How many masters in a row were not there.
        gone: u32,
    },
    /// Known to `master`, which pings it.
    Registered {
        master: Upid,
        last_ping: Time,
        /// Without a ping for so long, the master is looked for again.
        ping_timeout: Duration,
    },
}

impl Link {
    /// The master that has taken the agent in.
    pub(crate) fn registered(&self) -> Option<&Upid> {
        match self {
            Link::Registered { master, .. } => Some(master),
            _ => None,
        }
    }

    /// The master that is spoken to, taken in or not.
    pub(crate) fn master(&self) -> Option<&Upid> {
        match self {
            Link::Idle => None,
            Link::Registering { master, .. } | Link::Registered { master, .. } => Some(master),
        }
    }
}
