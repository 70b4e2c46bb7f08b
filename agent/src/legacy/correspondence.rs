//! What is told to one driver.

use api::v0::Told;
use api::v0::executor::Writer;
use api::v0::scheduler::Greeting;
use libprocess::http::StreamError;
use libprocess::legacy::{Backlog, Line};
use libprocess::{Runtime, Upid};
use model::executor_event::ExecutorEvent;

/// The line to one driver, and how events are spelled on it.
#[derive(Debug)]
pub(crate) struct Correspondence {
    line: Line,
    writer: Writer,
}

impl Correspondence {
    /// From `agent` to `driver`; dialled with the first event.
    pub(crate) fn open(
        runtime: &Runtime,
        (agent, driver): (Upid, Upid),
        backlog: Backlog,
        greeting: Greeting,
    ) -> Self {
        Correspondence { line: Line::open(runtime, agent, driver, backlog), writer: Writer::new(greeting) }
    }

    /// Tells an event, if a driver has a word for it.
    ///
    /// Errors: the driver is gone, or does not read.
    pub(crate) fn tell(&mut self, event: &ExecutorEvent) -> Result<(), StreamError> {
        match self.writer.write(event) {
            Some(told) => self.line.send(told.name, &told.body),
            None => Ok(()),
        }
    }

    pub(crate) fn line(&self) -> &Line {
        &self.line
    }
}

/// Tells one thing to a driver that has no line, or none yet.
pub(crate) fn tell(runtime: &Runtime, agent: Upid, driver: Upid, told: &Told) {
    let line = Line::open(runtime, agent, driver, Backlog { messages: 1, bytes: usize::MAX });
    // The line is new, and has room for one.
    let _ = line.send(told.name, &told.body);
    line.close();
}
