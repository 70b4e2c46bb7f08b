//! Why something asked of a log was not done, shaped by what the caller can do about it.

use std::net::SocketAddr;
use std::time::Duration;

use libprocess_wire as wire;

use crate::Epoch;

/// Why something asked of a log was not done.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// Nothing was done; the leader may do it.
    #[error("this replica does not lead{}", hint.map(|leader| format!("; {leader} does")).unwrap_or_default())]
    NotLeader { hint: Option<SocketAddr> },
    /// Nothing was done; it may be asked again once enough replicas can be reached.
    #[error("no quorum: {reachable} of {voters} replicas can be reached")]
    NoQuorum { reachable: u32, voters: u32 },
    /// Nothing was done; more is under way than may wait.
    #[error("too much is under way; try again in {retry:?}")]
    TooBusy { retry: Duration },
    /// Nothing was done; the epoch it was asked for is over.
    #[error("epoch {0} is over")]
    Demoted(Epoch),
    /// It may have been done, or may still be: it is known only by looking.
    #[error("the outcome is unknown")]
    Unknown,
    /// Nothing was done, nor will be if it is asked again.
    #[error("{0}")]
    Refused(String),
    /// The replica has stopped, or is about to.
    #[error("the replica has stopped: {0}")]
    Stopped(String),
}

/// An error and what caused it, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
