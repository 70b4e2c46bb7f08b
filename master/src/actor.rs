//! The shell: receives, decides, performs. It has no opinions and never waits.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use detector::{Announcer, Stand};
use libprocess::{
    Actor, Bound, Context, Doors, Exit, Handler, Lane, Message, OnPanic, Pid, Process, Runtime, SendError,
    Shard, Spawn, SpawnError, Timer, Upid,
};
use model::StreamId;
use model::messages::{
    ExecutorExited, ExecutorMessage, Oversubscribed, Pong, RegisterAgent, ReregisterAgent, UnregisterAgent,
    UpdateOperation, UpdateStatus,
};

use crate::alarms::Slot;
use crate::allocator::AllocatorActor;
use crate::config::{Config, Identity};
use crate::decide::decide;
use crate::effects::{Effect, Effects};
use crate::http::{self, Session, SessionInput, Watcher, WatcherInput};
use crate::legacy;
use crate::messages::{Input, Woken};
use crate::registrar::{self, Registrar};
use crate::reign;
use crate::start::{MAILBOX, Office};
use crate::state::{Published, State};

/// A master.
pub struct Master {
    state: State,
    published: Published,
    sessions: BTreeMap<StreamId, Pid<Session>>,
    watchers: BTreeMap<StreamId, Pid<Watcher>>,
    timers: BTreeMap<Slot, Timer>,
    allocator: Arc<ArcSwapOption<Pid<AllocatorActor>>>,
    registrar: Option<Pid<Registrar>>,
    office: Office,
    announcer: Option<Announcer>,
    config: Config,
    runtime: Runtime,
    /// Decided in this turn and not done yet.
    pending: Effects,
}

impl Master {
    /// A master that knows nothing yet.
    pub(crate) fn new(
        identity: Identity,
        config: Config,
        office: Office,
        published: Published,
        announcer: Option<Announcer>,
        runtime: Runtime,
    ) -> Self {
        let mut state = State::new(identity, config.settings.clone());
        state.world.weights = config.sharing.weights.clone().into_iter().collect();
        // No two of one program are the same, whichever master published them.
        state.world.version = published.load().version + 1;
        published.store(Arc::new(state.world.clone()));
        Master {
            state,
            published,
            sessions: BTreeMap::new(),
            watchers: BTreeMap::new(),
            timers: BTreeMap::new(),
            allocator: Arc::default(),
            registrar: None,
            office,
            announcer,
            config,
            runtime,
            pending: Effects::none(),
        }
    }

    /// Starts the allocator. Whatever it reports waits in the mailbox until this turn is over.
    fn start_allocator(&mut self, ctx: &mut Context<Self>) -> Result<(), SpawnError> {
        let (sharing, settings) = (self.config.sharing.clone(), self.config.allocator.clone());
        let policy = self.config.policy.clone();
        let master = ctx.pid().clone();
        let spawn = vital("hierarchical-drf-allocator(1)").mailbox(Bound::messages(MAILBOX));
        let allocator = ctx.runtime().spawn(spawn, move || {
            let report = move |allocations| report(&master, Input::Allocated(allocations));
            AllocatorActor::new(policy.make(&sharing), settings, report)
        })?;
        self.allocator.store(Some(Arc::new(allocator)));
        Ok(())
    }

    /// Starts the registrar of this reign, which reads the registry first.
    fn start_registrar(&mut self, epoch: u64, ctx: &mut Context<Self>) -> Result<(), SpawnError> {
        let (settings, master, store) = (self.config.registrar, ctx.pid().clone(), self.office.store(epoch));
        let leader = self.state.world.identity.info();
        self.registrar = Some(ctx.runtime().spawn(vital("registrar(1)"), move || {
            let report = move |told| report(&master, Input::Registrar(told));
            Registrar::new(store, settings, report).led_by(leader)
        })?);
        Ok(())
    }

    /// Without its processes a master is none.
    fn started_or_stop(&self, started: Result<(), SpawnError>, ctx: &mut Context<Self>) {
        if let Err(error) = started {
            tracing::error!(%error, "a master needs its allocator and its registrar");
            ctx.stop();
        }
    }

    /// An event could not be handed over: the session is gone, or so far behind that it counts as gone.
    fn cut(&mut self, stream: StreamId, ctx: &mut Context<Self>) {
        if let Some(session) = self.sessions.remove(&stream) {
            session.terminate(Lane::System);
        }
        ctx.after(Duration::ZERO, Input::StreamClosed { stream });
    }

    /// Whether what this master has begun to lead it leads still, for sure. One that never led has nothing to lose.
    fn in_office(&self) -> bool {
        !self.state.world.leading || self.office.holds(self.state.epoch(), self.runtime.elapsed())
    }

    /// Shows readers what has changed. Comes before anybody is told anything, so that whoever was told can read it.
    fn publish(&mut self) {
        if self.state.take_touched() || self.published.load().tally != self.state.world.tally {
            self.state.world.version += 1;
            self.published.store(Arc::new(self.state.world.clone()));
        }
    }

    /// Has those told who look in ZooKeeper.
    fn announce(&self, certain: bool) {
        let Some(announcer) = &self.announcer else { return };
        announcer.tell(match (self.state.world.leading, certain) {
            (true, true) => Stand::Leads,
            (true, false) => Stand::Unsure,
            (false, _) => Stand::Follows,
        });
    }

    /// Publishes what was decided and does it. What came together is published once: each time costs copies of all that changes
    /// after it.
    fn settle(&mut self, ctx: &mut Context<Self>) {
        self.publish();
        self.announce(self.in_office());
        for effect in std::mem::take(&mut self.pending) {
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
                    tracing::warn!(%stream, %error, "a scheduler's session does not take its events");
                    self.cut(stream, ctx);
                }
            }
            Effect::Learn { stream, capabilities } => {
                if let Some(session) = self.sessions.get(&stream) {
                    // A session that is gone has nothing to spell.
                    let _ = ctx.tell(session, SessionInput::Learn(capabilities));
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
            Effect::Watch { stream, watcher } => {
                if let Some(watcher) = watcher.watcher() {
                    let _ = ctx.tell(&watcher, WatcherInput::Begin(self.published.load_full()));
                    self.watchers.insert(stream, watcher);
                }
            }
            Effect::Happened(all) => {
                for (stream, watcher) in &self.watchers {
                    let told = WatcherInput::Happened(all.clone(), self.published.load_full());
                    if ctx.tell(watcher, told).is_err() {
                        // It is gone, or so far behind that it counts as gone.
                        watcher.terminate(Lane::System);
                        ctx.after(Duration::ZERO, Input::WatchClosed { stream: stream.clone() });
                    }
                }
            }
            Effect::Unwatch(stream) => {
                if let Some(watcher) = self.watchers.remove(&stream) {
                    let _ = ctx.tell(&watcher, WatcherInput::Close);
                }
            }
            Effect::Link(upid) => ctx.link(&upid),
            Effect::Unlink(upid) => ctx.unlink(&upid),
            Effect::Allocator(input) => {
                let allocator = self.allocator.load();
                let allocator = allocator.as_ref().expect("effects come after `started`");
                let told = ctx.tell(allocator, input);
                must(told, ctx);
            }
            Effect::Record(delta) => {
                let registrar = self.registrar.as_ref().expect("only who leads has anything to record");
                let told = ctx.tell(registrar, registrar::Input::Record(delta));
                must(told, ctx);
            }
            Effect::ReadRegistry { epoch } => {
                let started = self.start_registrar(epoch, ctx);
                self.started_or_stop(started, ctx);
            }
            Effect::Answer { asker, answer } => asker.answer(answer),
            Effect::Alarm { after, alarm } => {
                let slot = alarm.slot();
                let timer = ctx.after(after, Input::Woke(Woken(alarm)));
                if let Some(before) = slot.and_then(|slot| self.timers.insert(slot, timer)) {
                    ctx.cancel(before);
                }
            }
            // Its program ends with it, as with whatever it cannot do without.
            Effect::End(why) => panic!("{why}"),
            Effect::Disarm(slot) => {
                if let Some(timer) = self.timers.remove(&slot) {
                    ctx.cancel(timer);
                }
            }
        }
    }
}

/// One without which a master is none: when it panics, the program ends and begins anew.
fn vital(name: &str) -> Spawn {
    Spawn::named(name).shard(Shard::Own).on_panic(OnPanic::Escalate)
}

/// What the allocator and the registrar are told must reach them. They are gone when the runtime ends; then so is the
/// master. One whose mailbox is full has long ceased to keep up, and the master begins anew.
fn must(told: Result<(), SendError>, ctx: &mut Context<Master>) {
    match told {
        Ok(()) => {}
        Err(SendError::Full) => panic!("the allocator or the registrar does not keep up"),
        Err(_) => ctx.stop(),
    }
}

/// Hands the master what must not be lost: resources given away, a change that is written.
///
/// A master that is gone takes its books with it. One whose mailbox is full has long ceased to keep up, and begins anew.
fn report(master: &Pid<Master>, input: Input) {
    if let Err(SendError::Full) = master.tell(input) {
        panic!("the master's mailbox is full");
    }
}

impl Message for Input {
    type Result = ();
}

impl Actor for Master {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let started = self.start_allocator(ctx);
        self.started_or_stop(started, ctx);
        if let Office::Alone { epoch } = self.office {
            self.handle(Input::Leads { epoch }, ctx);
            self.settle(ctx);
        }
    }

    /// Whoever reads a stream or works for this master does so no more.
    fn stopped(&mut self, _: &mut Self::Context) {
        if let Some(announcer) = &self.announcer {
            announcer.tell(Stand::Follows);
        }
        for session in self.sessions.values() {
            session.terminate(Lane::System);
        }
        if let Some(allocator) = self.allocator.swap(None) {
            allocator.terminate(Lane::System);
        }
        if let Some(registrar) = &self.registrar {
            registrar.terminate(Lane::System);
        }
    }
}

impl Process for Master {
    const KIND: &'static str = "master";
    type Input = Input;

    fn doors(&self, doors: &mut Doors<Self>) {
        doors.message::<RegisterAgent>();
        doors.message::<ReregisterAgent>();
        doors.message::<UnregisterAgent>();
        doors.message::<UpdateStatus>();
        doors.message::<UpdateOperation>();
        doors.message::<ExecutorExited>();
        doors.message::<ExecutorMessage>();
        doors.message::<Pong>();
        doors.message::<Oversubscribed>();
        let chance: Box<dyn rand::Rng + Send> = Box::new(self.runtime.environment().rng.stream("streams"));
        let gate = http::scheduler::Gate {
            published: self.published.clone(),
            chance: Mutex::new(chance),
            backlog_events: self.config.backlog_events,
            backlog_bytes: self.config.backlog_bytes,
            pace: http::Pace::new(&self.config.rate_limits, self.runtime.metrics()),
            proofs: legacy::Proofs::new(
                self.config.drivers.clone(),
                self.state.world.identity.hostname.clone(),
            ),
        };
        let gate = Arc::new(gate);
        http::redirect::guard(doors, &self.published);
        http::scheduler::doors(doors, &gate);
        legacy::doors(doors, &gate);
        let readers = Arc::new(http::Readers {
            published: self.published.clone(),
            config: Arc::new(self.config.clone()),
            pid: doors.pid().upid().to_string(),
            allocator: self.allocator.clone(),
        });
        http::classic::doors(doors, &readers);
        http::files::doors(doors, &readers);
        http::commands::doors(doors, &readers);
        http::operator::doors(doors, &readers);
        http::why::doors(doors, &readers);
        http::redirect::doors(doors, &self.published);
        http::redirect::no_registrar(doors);
    }

    fn exited(&mut self, peer: &Upid, _: Exit, ctx: &mut Context<Self>) {
        self.handle(Input::AgentExited { upid: peer.clone() }, ctx);
    }

    fn turned(&mut self, ctx: &mut Context<Self>) {
        self.settle(ctx);
    }
}

impl Handler<Input> for Master {
    type Result = ();

    fn handle(&mut self, input: Input, ctx: &mut Context<Self>) {
        if let Input::Woke(Woken(alarm)) = &input
            && let Some(slot) = alarm.slot()
        {
            self.timers.remove(&slot);
        }
        let now = ctx.now().into();
        let certain = self.in_office();
        let effects = match certain {
            true => decide(&mut self.state, input, now),
            false => match reign::without_lease(&self.state, input) {
                ControlFlow::Break(effects) => effects,
                ControlFlow::Continue(input) => decide(&mut self.state, input, now),
            },
        };
        // Who watches is shown each change beside what it made of things, and no later one.
        let watched =
            effects.iter().any(|effect| matches!(effect, Effect::Watch { .. } | Effect::Happened(_)));
        self.pending.extend(effects);
        if watched {
            self.settle(ctx);
        }
    }
}
