//! One open stream of an operator: everything there is, then everything that happens, and a heartbeat.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use api::content::{self, MediaType};
use api::recordio;
use api::v1;
use api::v1::master::Event;
use api::v1::master::event::{self, Type};
use libprocess::http::{self, Response, StreamSender, header};
use libprocess::{Actor, Context, Edge, Handler, Message, Pid, Process, Spawn};
use model::{StreamId, Task};
use security::Rights;

use super::readers::Readers;
use crate::Master;
use crate::authorization::{Sight, visible};
use crate::calls::HEARTBEAT;
use crate::messages::{Input, Watching};
use crate::state::{Happening, Snapshot};
use crate::views::{agents, answers, frameworks};

/// Writes one operator's events. One record is one HTTP chunk; one who does not read is not waited for.
#[derive(Debug)]
pub struct Watcher {
    master: Pid<Master>,
    stream: StreamId,
    sender: StreamSender,
    media: MediaType,
    rights: Rights,
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
pub(super) fn subscribe(
    media: MediaType,
    rights: Rights,
    readers: &Readers,
    edge: &Edge<Master>,
) -> Option<Response> {
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
            rights,
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
        self.send(&content::encode(event, self.media), ctx);
    }

    fn send(&mut self, event: &[u8], ctx: &mut Context<Self>) {
        let record = recordio::encode(event);
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
                let seen = visible(&snapshot, &self.rights);
                self.send(&answers::subscribed(seen, self.heartbeat, self.media), ctx);
                self.write(&beat(), ctx);
            }
            WatcherInput::Happened(all, snapshot) => {
                let rights = self.rights.clone();
                for one in all.iter().filter_map(|one| seen(one, &snapshot, &rights)) {
                    self.write(&spell(&one, &snapshot), ctx);
                }
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

/// What happened, as far as its reader may see it; nothing if they may not.
fn seen<'a>(happening: &'a Happening, snapshot: &Snapshot, rights: &Rights) -> Option<Cow<'a, Happening>> {
    if rights.are_unlimited() {
        return Some(Cow::Borrowed(happening));
    }
    let sight = Sight(rights);
    let task_of = |id, task: Option<&Task>| {
        let framework = snapshot.frameworks.get(id)?;
        let sees = sight.sees(&framework.info) && task.is_some_and(|task| sight.task(&framework.info, task));
        sees.then_some(Cow::Borrowed(happening))
    };
    match happening {
        Happening::TaskAdded(task) => task_of(&task.framework_id, Some(&**task)),
        Happening::TaskUpdated { framework, status, .. } => {
            let known = snapshot.frameworks.get(framework)?;
            let (id, ended) = (&status.task_id, &known.completed_tasks);
            let running = known.tasks.get(id).or_else(|| known.unreachable_tasks.get(id));
            let task = running.or_else(|| ended.iter().rev().find(|task| task.id == *id));
            task_of(framework, task.map(|task| &**task))
        }
        Happening::AgentAdded(agent) => {
            Some(Cow::Owned(Happening::AgentAdded(Arc::new(sight.agent(agent, snapshot)))))
        }
        Happening::FrameworkAdded(known) => sight
            .sees(&known.info)
            .then(|| Cow::Owned(Happening::FrameworkAdded(Arc::new(sight.framework(known))))),
        Happening::FrameworkUpdated(known) => sight
            .sees(&known.info)
            .then(|| Cow::Owned(Happening::FrameworkUpdated(Arc::new(sight.framework(known))))),
        Happening::FrameworkRemoved(info) => sight.sees(info).then_some(Cow::Borrowed(happening)),
        Happening::AgentRemoved(_) => Some(Cow::Borrowed(happening)),
    }
}

/// As the operator API says it.
fn spell(happening: &Happening, snapshot: &Snapshot) -> Event {
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
            let framework_added = Some(event::FrameworkAdded { framework: frameworks::itself(added) });
            Event { framework_added, ..event(Type::FrameworkAdded) }
        }
        Happening::FrameworkUpdated(updated) => {
            let framework_updated = Some(event::FrameworkUpdated { framework: frameworks::itself(updated) });
            Event { framework_updated, ..event(Type::FrameworkUpdated) }
        }
        Happening::FrameworkRemoved(info) => {
            let framework_removed = Some(event::FrameworkRemoved { framework_info: (&**info).into() });
            Event { framework_removed, ..event(Type::FrameworkRemoved) }
        }
    }
}

#[cfg(test)]
mod tests {
    use security::{Acls, Local, Policy};

    use super::*;
    use crate::testing::Stage;

    /// What of everything that can happen somebody hears, by these rules.
    fn heard(rules: &str) -> Vec<String> {
        let mut stage = Stage::new();
        let (agent, framework) = (stage.agent(1, "cpus:4"), stage.framework());
        stage.running(&framework, &agent, "t");
        let world = &stage.state.world;
        let known = world.frameworks.get(&framework).unwrap().clone();
        let task = known.tasks.values().next().unwrap().clone();
        let status = Arc::new(task.statuses.last().unwrap().clone());
        let happened = [
            Happening::FrameworkAdded(known.clone()),
            Happening::TaskAdded(task.clone()),
            Happening::TaskUpdated { framework, status, state: task.state },
            Happening::AgentRemoved(agent),
            Happening::FrameworkRemoved(known.info.clone()),
        ];
        let acls = Acls::parse(rules).unwrap().acls;
        let rights = Policy::of(Arc::new(Local::new(acls))).rights_of(Some("ann"));
        let line = |one: Cow<'_, Happening>| one.to_string().split(' ').next().unwrap().to_owned();
        happened.iter().filter_map(|one| seen(one, world, &rights).map(line)).collect()
    }

    #[test]
    fn who_watches_hears_of_what_they_may_see() {
        let all = ["FRAMEWORK_ADDED", "TASK_ADDED", "TASK_UPDATED", "AGENT_REMOVED", "FRAMEWORK_REMOVED"];
        assert_eq!(heard("{}"), all);
        let but = |list: &str| {
            format!(r#"{{"{list}": [{{"principals": {{"type": "NONE"}}, "users": {{"type": "ANY"}}}}]}}"#)
        };
        assert_eq!(heard(&but("view_tasks")), ["FRAMEWORK_ADDED", "AGENT_REMOVED", "FRAMEWORK_REMOVED"]);
        assert_eq!(heard(&but("view_frameworks")), ["AGENT_REMOVED"]);
    }
}
