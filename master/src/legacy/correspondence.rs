//! What is told to one driver: events, spelled as messages, on a line of its own.

use api::v0::scheduler::{Greeting, Writer};
use libprocess::http::StreamError;
use libprocess::legacy::{Backlog, Line};
use libprocess::{Runtime, Upid};
use model::event::Event;
use model::{AgentId, FrameworkCapabilities};

use crate::state::Published;

/// The line to one driver.
#[derive(Debug)]
pub(crate) struct Correspondence {
    line: Line,
    writer: Writer,
    /// Says where agents are.
    published: Published,
    master: Upid,
}

impl Correspondence {
    /// Between `master` and `driver`; dialled with the first event. Called by the process that writes.
    pub(crate) fn open(
        runtime: &Runtime,
        (master, driver): (Upid, Upid),
        backlog: Backlog,
        published: Published,
        writer: Writer,
    ) -> Self {
        let line = Line::open(runtime, master.clone(), driver, backlog);
        Correspondence { line, writer, published, master }
    }

    /// Tells an event, if a driver has a word for it.
    ///
    /// Errors: the driver is gone, or does not read.
    pub(crate) fn tell(&mut self, event: &Event) -> Result<(), StreamError> {
        let world = self.published.load();
        let pid = |agent: Option<&AgentId>| match agent.and_then(|agent| world.agents.get(agent)) {
            Some(agent) => agent.upid.bare().to_string(),
            // Some address it must have, and what is sent to this one is known not to matter any more.
            None => self.master.to_string(),
        };
        match self.writer.write(event, pid) {
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

/// Tells somebody who has no line yet that it is refused. Runs at the edge.
pub(super) fn refuse(runtime: &Runtime, master: &Upid, driver: Upid, message: String) {
    let line = Line::open(runtime, master.clone(), driver, Backlog { messages: 1, bytes: usize::MAX });
    let mut writer = Writer::new(Greeting::Registered, &FrameworkCapabilities::default());
    if let Some(told) = writer.write(&Event::Error { message }, |_| String::new()) {
        // The line is new, and has room for one.
        let _ = line.send(told.name, &told.body);
    }
    line.close();
}
