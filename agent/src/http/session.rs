//! One open stream of an executor.

use std::fmt;

use api::content::{self, MediaType};
use api::{recordio, v1};
use libprocess::http::{StreamError, StreamSender};
use model::executor_event::ExecutorEvent;

/// Which stream is meant: counted, so that an event for a stream that was replaced reaches nobody.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct StreamNo(pub u64);

impl fmt::Display for StreamNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stream {}", self.0)
    }
}

impl fmt::Debug for StreamNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The writing end: spells events as their reader wants them. Bounded by its stream.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub sender: StreamSender,
    pub media: MediaType,
}

impl Session {
    /// Sends one event as one record in one chunk.
    ///
    /// Errors: the reader left, or is too far behind; it has to subscribe again.
    pub(crate) fn send(&self, event: &ExecutorEvent) -> Result<(), StreamError> {
        let event = v1::executor::Event::from(event);
        self.sender.send(recordio::encode(&content::encode(&event, self.media)))
    }
}
