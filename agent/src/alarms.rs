//! Every timer of an agent, and what it means when it goes off.
//!
//! Nothing is cancelled: an alarm says what it waited for, and one that waited for something over is ignored.

use std::time::Duration;

use model::{ContainerId, FrameworkId, TaskId, UpdateId};

use crate::state::Key;

/// What was waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Alarm {
    /// The next attempt to be taken in by a master.
    Register { attempt: u32 },
    /// The master should have pinged by now.
    Pinged,
    /// The executor should have subscribed by now.
    Subscribed { executor: Key, container: ContainerId },
    /// Executors of the last agent should be back by now.
    Reconnected,
    /// The executor should have shut down by now.
    Ended { executor: Key, container: ContainerId },
    /// The update should have been acknowledged by now.
    Retry { framework: FrameworkId, task: TaskId, uuid: UpdateId, attempt: u32 },
    /// An operation's outcome should have been acknowledged by now.
    RetryOperation { operation: UpdateId, attempt: u32 },
    /// Time to show the executors that the agent is there.
    Heartbeat,
    /// Time to look how full the disk is.
    Disk,
    /// Time to estimate what may be given once more.
    Estimate,
    /// Time to look whether revocable tasks have to make room.
    Correct,
}

/// How long to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delay {
    Exactly(Duration),
    /// A random part of it, so that many agents do not come at once.
    Within(Duration),
}
