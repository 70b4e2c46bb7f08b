//! One open stream of an executor.

use std::fmt;

use api::content::{self, MediaType};
use api::{recordio, v1};
use libprocess::http::{StreamError, StreamSender};
use model::executor_event::ExecutorEvent;

use crate::legacy::Correspondence;

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
#[derive(Debug)]
pub(crate) enum Session {
    /// The answer to a SUBSCRIBE.
    Stream { sender: StreamSender, media: MediaType },
    /// Messages to an old driver.
    Driver(Box<Correspondence>),
}

impl Session {
    /// Sends one event: as one record in one chunk, or as one message.
    ///
    /// Errors: the reader left, or is too far behind; it has to subscribe again.
    pub(crate) fn send(&mut self, event: &ExecutorEvent) -> Result<(), StreamError> {
        match self {
            Session::Stream { sender, media } => {
                let event = v1::executor::Event::from(event);
                sender.send(recordio::encode(&content::encode(&event, *media)))
            }
            Session::Driver(driver) => driver.tell(event),
        }
    }

    /// Runs `told` once nobody reads any more.
    pub(crate) fn on_closed(&self, told: impl FnOnce() + Send + 'static) {
        match self {
            Session::Stream { sender, .. } => sender.on_closed(told),
            Session::Driver(driver) => driver.line().on_broken(told),
        }
    }

    /// Ends it, after what was sent.
    pub(crate) fn close(&self) {
        match self {
            Session::Stream { sender, .. } => sender.close(),
            Session::Driver(driver) => driver.line().close(),
        }
    }

    /// Ends it at once.
    pub(crate) fn cut(&self) {
        match self {
            Session::Stream { sender, .. } => sender.abort(),
            Session::Driver(driver) => driver.line().cut(),
        }
    }
}
