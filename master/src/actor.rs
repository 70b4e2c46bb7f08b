//! The shell: receives, decides, performs. It has no opinions and never waits.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use libprocess::{Actor, Context, Doors, Exit, Handler, Message, Pid, Process, Upid};
use model::StreamId;
use model::messages::{
    ExecutorExited, ExecutorMessage, Pong, RegisterAgent, ReregisterAgent, UnregisterAgent, UpdateStatus,
};

use crate::allocator::AllocatorActor;
use crate::config::{Config, Identity};
use crate::decide::decide;
use crate::effects::{Effect, Effects};
use crate::http::{Session, SessionInput};
use crate::messages::{Input, Woken};
use crate::registrar::{self, Registrar};
use crate::state::{Published, State};

/// A master.
pub struct Master {
    state: State,
    published: Published,
    sessions: BTreeMap<StreamId, Pid<Session>>,
    others: Option<Others>,
    config: Arc<Config>,
}

/// The processes a master works with. They need its address first, so they come after it.
struct Others {
    allocator: Pid<AllocatorActor>,
    registrar: Pid<Registrar>,
}

impl Master {
    /// A master that knows nothing yet.
    pub(crate) fn new(identity: Identity, config: Config) -> Self {
        let state = State::new(identity, config.settings.clone());
        let published = Arc::new(ArcSwap::from_pointee(state.world.clone()));
        Master { state, published, sessions: BTreeMap::new(), others: None, config: Arc::new(config) }
    }

    /// Shows readers what has changed. Comes before anybody is told anything, so that whoever was told can read it.
    fn publish(&mut self) {
        if self.state.take_touched() {
            self.published.store(Arc::new(self.state.world.clone()));
        }
    }

    fn perform(&mut self, effects: Effects, ctx: &mut Context<Self>) {
        for effect in effects {
            tracing::debug!(%effect);
            self.perform_one(effect, ctx);
        }
    }

    /// Sending fails when the other end is gone or far behind; whoever watches the link or the stream says so, and what
    /// was to be said is said again by the reconciliation that follows.
    fn perform_one(&mut self, effect: Effect, ctx: &mut Context<Self>) {
        match effect {
            Effect::Open { stream, outlet } => {
                if let Some(session) = outlet.session() {
                    self.sessions.insert(stream, session);
                }
            }
            Effect::Event { stream, event } => {
                if let Some(session) = self.sessions.get(&stream)
                    && let Err(error) = ctx.tell(session, SessionInput::Event(event))
                {
                    tracing::warn!(%stream, %error, "an event is lost");
                }
            }
            Effect::Close { stream } => {
                if let Some(session) = self.sessions.remove(&stream) {
                    let _ = ctx.tell(&session, SessionInput::Close);
                }
            }
            Effect::ToAgent { upid, message } => {
                if let Err(error) = message.send(&upid, ctx) {
                    tracing::warn!(agent = %upid, %error, "a message to an agent is lost");
                }
            }
            Effect::Link(upid) => ctx.link(&upid),
            Effect::Unlink(upid) => ctx.unlink(&upid),
            Effect::Allocator(input) => {
                let allocator = &self.others.as_ref().expect("effects come after `started`").allocator;
                ctx.tell(allocator, input).expect("the allocator lives as long as the master and keeps up");
            }
            Effect::Record(delta) => {
                let registrar = &self.others.as_ref().expect("effects come after `started`").registrar;
                ctx.tell(registrar, registrar::Input::Record(delta))
                    .expect("the registrar lives as long as the master and keeps up");
            }
            Effect::Answer { asker, answer } => asker.answer(answer),
            Effect::Alarm { after, alarm } => {
                ctx.after(after, Input::Woke(Woken(alarm)));
            }
        }
    }
}

impl Message for Input {
    type Result = ();
}

impl Actor for Master {
    type Context = Context<Self>;
}

impl Process for Master {
    const KIND: &'static str = "master";
    type Input = Input;

    fn doors(&self, doors: &mut Doors<Self>) {
        doors.message::<RegisterAgent>();
        doors.message::<ReregisterAgent>();
        doors.message::<UnregisterAgent>();
        doors.message::<UpdateStatus>();
        doors.message::<ExecutorExited>();
        doors.message::<ExecutorMessage>();
        doors.message::<Pong>();
    }

    fn exited(&mut self, peer: &Upid, _: Exit, ctx: &mut Context<Self>) {
        self.handle(Input::AgentExited { upid: peer.clone() }, ctx);
    }
}

impl Handler<Input> for Master {
    type Result = ();

    fn handle(&mut self, input: Input, ctx: &mut Context<Self>) {
        let now = ctx.now().into();
        let effects = decide(&mut self.state, input, now);
        self.publish();
        self.perform(effects, ctx);
    }
}
