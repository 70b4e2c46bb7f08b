//! One open stream of an operator: everything there is, then everything that happens, and a heartbeat.

use std::sync::Arc;
use std::time::Duration;

use api::content::{self, MediaType};
use api::recordio;
use api::v1;
use api::v1::master::event::{self, Type};
use api::v1::master::{Event, response};
use libprocess::http::{self, Response, StreamSender, header};
use libprocess::{Actor, Context, Edge, Handler, Message, Pid, Process, Spawn};
use model::StreamId;

use super::readers::Readers;
use crate::Master;
use crate::calls::HEARTBEAT;
use crate::messages::{Input, Watching};
use crate::state::{Happening, Snapshot};
use crate::views::{agents, frameworks, master};

/// Writes one operator's events. One record is one HTTP chunk; one who does not read is not waited for.
#[derive(Debug)]
pub struct Watcher {
    master: Pid<Master>,
    stream: StreamId,
    sender: StreamSender,
    media: MediaType,
    heartbeat: Duration,
}

/// All that can happen to a watcher.
#[derive(Debug)]
pub enum WatcherInput {
    /// It is let in; this is what there is.
    Begin(Arc<Snapshot>),
    /// Something happened, and this is what there is now.
    Happened(Arc<[Happening]>, Arc<Snapshot>),
    /// Time for a heartbeat.
    Beat,
    /// The master sends it away.
    Close,
    /// Nobody reads any more.
    Closed,
}

/// Opens a stream, and asks the master to let its reader watch.
pub(super) fn subscribe(media: MediaType, readers: &Readers, edge: &Edge<Master>) -> Option<Response> {
    let (backlog_events, backlog_bytes) = (readers.config.backlog_events, readers.config.backlog_bytes);
    let (sender, body) = http::stream(backlog_events, backlog_bytes);
    let stream = StreamId::new(uuid::Uuid::new_v4().to_string());
    let (master, name) = (edge.pid.clone(), stream.clone());
    let watcher = edge
        .runtime
        .spawn(Spawn::prefixed("watcher"), move || Watcher {
            master,
            stream: name,
            sender,
            media,
            heartbeat: HEARTBEAT,
        })
        .ok()?;
    let watching = Watching::new(watcher.clone());
    if edge.pid.tell(Input::Watch { stream, watcher: watching }).is_err() {
        watcher.terminate(libprocess::Lane::System);
        return None;
    }
    Some(Response::ok().header(header::CONTENT_TYPE, media.as_str()).body(body))
}

impl Watcher {
    fn write(&mut self, event: &Event, ctx: &mut Context<Self>) {
        let record = recordio::encode(&content::encode(event, self.media));
        if let Err(error) = self.sender.send(record) {
            tracing::info!(stream = %self.stream, %error, "an operator does not read its events");
            self.sender.abort();
            self.end(ctx);
        }
    }

    fn end(&mut self, ctx: &mut Context<Self>) {
        // A master that is gone needs no telling.
        let _ = self.master.tell(Input::WatchClosed { stream: self.stream.clone() });
        ctx.stop();
    }
}

impl Message for WatcherInput {
    type Result = ();
}

impl Actor for Watcher {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let pid = ctx.pid().clone();
        self.sender.on_closed(move || {
            // A watcher that is gone knows.
            let _ = pid.tell(WatcherInput::Closed);
        });
        ctx.every(self.heartbeat, || WatcherInput::Beat);
    }
}

impl Process for Watcher {
    const KIND: &'static str = "watcher";
    type Input = WatcherInput;
}

impl Handler<WatcherInput> for Watcher {
    type Result = ();

    fn handle(&mut self, input: WatcherInput, ctx: &mut Context<Self>) {
        match input {
            WatcherInput::Begin(snapshot) => {
                self.write(&subscribed(&snapshot, self.heartbeat), ctx);
                self.write(&beat(), ctx);
            }
            WatcherInput::Happened(all, snapshot) => {
                all.iter().for_each(|one| self.write(&spell(one, &snapshot), ctx));
            }
            WatcherInput::Beat => self.write(&beat(), ctx),
            WatcherInput::Close => {
                self.sender.close();
                ctx.stop();
            }
            WatcherInput::Closed => self.end(ctx),
        }
    }
}

fn event(kind: Type) -> Event {
    Event { r#type: Some(kind as i32), ..Event::default() }
}

fn beat() -> Event {
    event(Type::Heartbeat)
}

fn subscribed(snapshot: &Snapshot, heartbeat: Duration) -> Event {
    let subscribed = event::Subscribed {
        get_state: Some(master::get_state(snapshot)),
        heartbeat_interval_seconds: Some(heartbeat.as_secs_f64()),
    };
    Event { subscribed: Some(subscribed), ..event(Type::Subscribed) }
}

/// As the operator API says it.
fn spell(happening: &Happening, snapshot: &Snapshot) -> Event {
    let framework = |framework: &crate::state::Framework| response::get_frameworks::Framework {
        offer_constraints: framework.constraints.as_deref().map(Into::into),
        ..frameworks::v1(snapshot, framework)
    };
    match happening {
        Happening::TaskAdded(task) => {
            let task_added = Some(event::TaskAdded { task: v1::Task::from(&**task) });
            Event { task_added, ..event(Type::TaskAdded) }
        }
        Happening::TaskUpdated { framework, status, state } => {
            let task_updated = Some(event::TaskUpdated {
                framework_id: framework.into(),
                status: v1::TaskStatus::from(&**status),
                state: v1::TaskState::from(*state) as i32,
            });
            Event { task_updated, ..event(Type::TaskUpdated) }
        }
        Happening::AgentAdded(agent) => {
            let agent_added = Some(event::AgentAdded { agent: agents::v1(snapshot, agent) });
            Event { agent_added, ..event(Type::AgentAdded) }
        }
        Happening::AgentRemoved(id) => {
            let agent_removed = Some(event::AgentRemoved { agent_id: id.into() });
            Event { agent_removed, ..event(Type::AgentRemoved) }
        }
        Happening::FrameworkAdded(added) => {
            let framework_added = Some(event::FrameworkAdded { framework: framework(added) });
            Event { framework_added, ..event(Type::FrameworkAdded) }
        }
        Happening::FrameworkUpdated(updated) => {
            let framework_updated = Some(event::FrameworkUpdated { framework: framework(updated) });
            Event { framework_updated, ..event(Type::FrameworkUpdated) }
        }
        Happening::FrameworkRemoved(info) => {
            let framework_removed = Some(event::FrameworkRemoved { framework_info: (&**info).into() });
            Event { framework_removed, ..event(Type::FrameworkRemoved) }
        }
    }
}
