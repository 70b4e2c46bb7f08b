//! One open stream of a scheduler: spells events, beats the heart, and ends when nobody reads.

use std::time::Duration;

use libprocess::http::{StreamError, StreamSender};
use libprocess::{Actor, Context, Handler, Message, Pid, Process};
use model::event::Event;
use model::{FrameworkCapabilities, StreamId};

use super::spelling::Spelling;
use crate::Master;
use crate::legacy::Correspondence;
use crate::messages::Input;

/// Writes one scheduler's events: one record is one HTTP chunk, or one message to an old driver.
///
/// A scheduler that does not read is not waited for: what waits is bounded, and beyond the bound it counts as gone.
#[derive(Debug)]
pub struct Session {
    master: Pid<Master>,
    stream: StreamId,
    way: Way,
    /// Whether the stream has been ended by us; then its end is no news.
    ended: bool,
}

/// By which its events go.
#[derive(Debug)]
enum Way {
    /// The answer to a SUBSCRIBE, with a heartbeat every so often.
    Stream { sender: StreamSender, spelling: Spelling, heartbeat: Duration },
    /// Messages to an old driver, whose heart is its connection.
    Driver(Box<Correspondence>),
}

/// All that can happen to a session.
#[derive(Debug)]
pub enum SessionInput {
    /// The master has something to tell.
    Event(Event),
    /// The framework can do something else from now on.
    Learn(FrameworkCapabilities),
    /// Time for a heartbeat.
    Beat,
    /// The master ends the stream, after what it told before.
    Close,
    /// Nobody reads any more.
    Closed,
}

impl Session {
    /// A session that writes into `sender`.
    pub(crate) fn new(
        master: Pid<Master>,
        stream: StreamId,
        sender: StreamSender,
        spelling: Spelling,
        heartbeat: Duration,
    ) -> Self {
        Session { master, stream, way: Way::Stream { sender, spelling, heartbeat }, ended: false }
    }

    /// A session that writes to an old driver.
    pub(crate) fn to_driver(master: Pid<Master>, stream: StreamId, driver: Correspondence) -> Self {
        Session { master, stream, way: Way::Driver(Box::new(driver)), ended: false }
    }

    /// Writes one event; a stream that takes no more is over.
    fn write(&mut self, event: &Event, ctx: &mut Context<Self>) {
        if let Err(error) = self.way.tell(event) {
            tracing::info!(stream = %self.stream, %error, "a scheduler does not read its events");
            self.way.cut();
            self.end(ctx);
        }
    }

    /// Tells the master, once, that the stream is over, and stops.
    fn end(&mut self, ctx: &mut Context<Self>) {
        if !self.ended {
            self.ended = true;
            // A master that is gone needs no telling.
            let _ = self.master.tell(Input::StreamClosed { stream: self.stream.clone() });
        }
        ctx.stop();
    }
}

impl Way {
    fn tell(&mut self, event: &Event) -> Result<(), StreamError> {
        match self {
            Way::Stream { sender, spelling, .. } => sender.send(spelling.record(event)),
            Way::Driver(driver) => driver.tell(event),
        }
    }

    fn learn(&mut self, capabilities: &FrameworkCapabilities) {
        match self {
            Way::Stream { spelling, .. } => spelling.learn(capabilities),
            Way::Driver(driver) => driver.learn(capabilities),
        }
    }

    fn on_closed(&self, told: impl FnOnce() + Send + 'static) {
        match self {
            Way::Stream { sender, .. } => sender.on_closed(told),
            Way::Driver(driver) => driver.line().on_broken(told),
        }
    }

    fn close(&self) {
        match self {
            Way::Stream { sender, .. } => sender.close(),
            Way::Driver(driver) => driver.line().close(),
        }
    }

    fn cut(&self) {
        match self {
            Way::Stream { sender, .. } => sender.abort(),
            Way::Driver(driver) => driver.line().cut(),
        }
    }
}

impl Message for SessionInput {
    type Result = ();
}

impl Actor for Session {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let pid = ctx.pid().clone();
        self.way.on_closed(move || {
            // A session that is gone knows.
            let _ = pid.tell(SessionInput::Closed);
        });
        if let Way::Stream { heartbeat, .. } = self.way {
            ctx.every(heartbeat, || SessionInput::Beat);
        }
    }
}

impl Process for Session {
    const KIND: &'static str = "session";
    type Input = SessionInput;
}

impl Handler<SessionInput> for Session {
    type Result = ();

    fn handle(&mut self, input: SessionInput, ctx: &mut Context<Self>) {
        match input {
            SessionInput::Event(event) => self.write(&event, ctx),
            SessionInput::Learn(capabilities) => self.way.learn(&capabilities),
            SessionInput::Beat => {
                self.write(&Event::Heartbeat, ctx);
                if !self.ended {
                    // It counts what was written; one that is gone counts no more.
                    let _ = self.master.tell(Input::Beat { stream: self.stream.clone() });
                }
            }
            SessionInput::Close => {
                self.ended = true;
                self.way.close();
                ctx.stop();
            }
            SessionInput::Closed => self.end(ctx),
        }
    }
}
