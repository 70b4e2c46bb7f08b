//! What is told to one driver: events, spelled as messages, on a line of its own.
//!
//! Where a driver expects the address of an agent it is given the master's: what it has for an agent or an executor comes
//! here, where it is known whose it is.

use api::v0::Told;
use api::v0::scheduler::{Greeting, Writer};
use libprocess::http::StreamError;
use libprocess::legacy::{Backlog, Line};
use libprocess::{Runtime, Upid};
use model::FrameworkCapabilities;
use model::event::Event;

/// The line to one driver.
#[derive(Debug)]
pub(crate) struct Correspondence {
    line: Line,
    writer: Writer,
}

impl Correspondence {
    /// Between `master` and `driver`; dialled with the first event. Called by the process that writes.
    pub(crate) fn open(
        runtime: &Runtime,
        (master, driver): (Upid, Upid),
        backlog: Backlog,
        writer: Writer,
    ) -> Self {
        Correspondence { line: Line::open(runtime, master, driver, backlog), writer }
    }

    /// Tells an event, if a driver has a word for it.
    ///
    /// Errors: the driver is gone, or does not read.
    pub(crate) fn tell(&mut self, event: &Event) -> Result<(), StreamError> {
        match self.writer.write(event) {
            Some(told) => self.line.send(told.name, &told.body),
            None => Ok(()),
        }
    }

    pub(crate) fn learn(&mut self, capabilities: &FrameworkCapabilities) {
        self.writer.learn(capabilities);
    }

    pub(crate) fn line(&self) -> &Line {
        &self.line
    }
}

/// Tells one thing to somebody who has no line, or none yet. Runs at the edge.
pub(super) fn tell(runtime: &Runtime, master: &Upid, to: Upid, told: &Told) {
    let line = Line::open(runtime, master.clone(), to, Backlog { messages: 1, bytes: usize::MAX });
    // The line is new, and has room for one.
    let _ = line.send(told.name, &told.body);
    line.close();
}

/// Tells somebody that it is refused.
pub(super) fn refuse(runtime: &Runtime, master: &Upid, driver: Upid, message: String) {
    let mut writer = Writer::new(Greeting::Registered, master.to_string(), &FrameworkCapabilities::default());
    if let Some(told) = writer.write(&Event::Error { message }) {
        tell(runtime, master, driver, &told);
    }
}
