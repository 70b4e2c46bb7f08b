//! The shell: receives, decides, performs.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use agent_linux::tree;
use detector::Detector;
use libprocess::{Actor, Context, Doors, Exit, Handler, Process, Upid};
use model::messages::{
    AcknowledgeOperation, AcknowledgeStatus, ApplyOperation, DrainAgent, FrameworkMessage, KillTask,
    LeaderIs, Ping, Registered, Reregistered, RunTask, RunTaskGroup, ShutdownAgent, ShutdownExecutor,
    ShutdownFramework, UpdateFramework,
};
use model::{ContainerId, Time};
use rand::RngExt;

use crate::alarms::{Alarm, Delay};
use crate::decide::decide;
use crate::effects::{Effect, Effects, ToMaster};
use crate::host::Host;
use crate::http::{self, Session, StreamNo};
use crate::messages::{Door, Input, Letter, Search};
use crate::operations::{directories, volumes};
use crate::public::Public;
use crate::recovery::{Durable, Ledger, snapshot};
use crate::removals::Removals;
use crate::state::{Key, State};
use crate::waiting::Waiting;
use crate::{containerizer, failpoint, gc, legacy, resources};

/// The process `slave(1)`.
pub struct Agent {
    state: State,
    public: Arc<Public>,
    ledger: Ledger,
    sessions: BTreeMap<StreamNo, Session>,
    linked: Option<Upid>,
    /// Looks for masters; away while it does.
    detector: Option<Box<Detector>>,
    /// What came with the call of this turn.
    door: Door,
    /// What it speaks for.
    host: Arc<dyn Host>,
    /// Who waits for what of which container.
    waiting: Waiting,
    removals: Removals,
    /// The work directory is this agent's for as long as it lives.
    _claim: Box<dyn Any + Send>,
}

impl Agent {
    pub(crate) fn new(
        state: State,
        public: Arc<Public>,
        ledger: Ledger,
        detector: Detector,
        host: Arc<dyn Host>,
        claim: Box<dyn Any + Send>,
    ) -> Self {
        Self {
            state,
            public,
            ledger,
            sessions: BTreeMap::new(),
            linked: None,
            detector: Some(Box::new(detector)),
            door: Door::default(),
            waiting: Waiting::default(),
            removals: Removals::default(),
            host,
            _claim: claim,
        }
    }
}

impl Actor for Agent {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.detect(ctx);
    }
}

impl Process for Agent {
    const KIND: &'static str = "agent";
    type Input = Letter;

    fn doors(&self, doors: &mut Doors<Self>) {
        doors
            .message::<Registered>()
            .message::<Reregistered>()
            .message::<Ping>()
            .message::<RunTask>()
            .message::<RunTaskGroup>()
            .message::<KillTask>()
            .message::<ShutdownExecutor>()
            .message::<ShutdownFramework>()
            .message::<FrameworkMessage>()
            .message::<AcknowledgeStatus>()
            .message::<UpdateFramework>()
            .message::<ShutdownAgent>()
            .message::<ApplyOperation>()
            .message::<AcknowledgeOperation>()
            .message::<DrainAgent>()
            .message::<LeaderIs>();
        http::open(doors, &self.public);
        legacy::doors(doors, &self.public);
    }

    fn exited(&mut self, peer: &Upid, _: Exit, ctx: &mut Context<Self>) {
        if self.linked.as_ref() == Some(peer) {
            self.linked = None;
        }
        self.handle(Letter(Input::Lost(peer.clone())), ctx);
    }
}

impl Handler<Letter> for Agent {
    type Result = ();

    fn handle(&mut self, Letter(mut input): Letter, ctx: &mut Context<Self>) {
        if let Input::Call { call, stream, door, .. } = &mut input {
            self.door = std::mem::take(door);
            let key = (call.framework_id.clone(), call.executor_id.clone());
            if let (Some(session), Some(stream)) = (&self.door.session, *stream) {
                watch(session, key, stream, ctx);
            }
        }
        if let Input::ContainerCall { door, .. } = &mut input {
            self.door = std::mem::take(door);
        }
        if let Input::Found(_, detector) = &mut input {
            self.detector = detector.0.take();
            self.detect(ctx);
        }
        if let Input::Woke(Alarm::Disk) = input {
            return self.watch_disk(ctx);
        }
        if let Input::Woke(Alarm::Correct) = input {
            input = Input::Loaded(self.host.load());
        }
        let now = Time::from(ctx.now());
        let effects = decide(&mut self.state, input, now);
        // Whoever is told something by these effects reads at least that.
        self.public.publish(self.state.clone());
        self.perform(effects, ctx);
        self.door = Door::default();
        self.ledger.compact_if_long(|| snapshot(&self.state));
    }
}

/// Has the agent told when nobody reads an executor's stream any more.
fn watch(session: &Session, executor: Key, stream: StreamNo, ctx: &Context<Agent>) {
    let agent = ctx.pid().clone();
    session.on_closed(move || {
        // An agent that has ended needs not know.
        let _ = agent.tell(Letter(Input::StreamEnded { executor, stream }));
    });
}

impl Agent {
    /// Waits for the next that is found.
    fn detect(&mut self, ctx: &mut Context<Self>) {
        let Some(mut detector) = self.detector.take() else { return };
        let found = async move { (detector.next().await, detector) };
        ctx.task(found, |(found, detector)| Letter(Input::Found(found, Search(Some(detector)))));
    }

    fn perform(&mut self, effects: Effects, ctx: &mut Context<Self>) {
        for effect in effects {
            tracing::debug!(%effect, "agent");
            failpoint::reach("agent", &effect);
            match effect {
                Effect::Answer(answer) => {
                    if let Some(reply) = self.door.reply.take() {
                        reply.send(answer);
                    }
                }
                Effect::Open(number) => {
                    if let Some(session) = self.door.session.take() {
                        self.sessions.insert(number, session);
                    }
                }
                Effect::Close(number) => {
                    if let Some(session) = self.sessions.remove(&number) {
                        session.close();
                    }
                }
                Effect::ToExecutor(number, event) => {
                    let Some(session) = self.sessions.get_mut(&number) else { continue };
                    if let Err(error) = session.send(&event) {
                        // It subscribes again; what it missed is found out then.
                        tracing::warn!(%number, %error, "executor does not read its events");
                        session.cut();
                        self.sessions.remove(&number);
                    }
                }
                Effect::Reconnect(driver) => {
                    if let Some(id) = &self.state.id {
                        let told = api::v0::executor::reconnect(id);
                        legacy::tell(ctx.runtime(), ctx.upid().bare(), driver, &told);
                    }
                }
                Effect::ToMaster(message) => self.to_master(message, ctx),
                Effect::Link(master) => {
                    if let Some(before) =
                        self.linked.replace(master.clone()).filter(|before| *before != master)
                    {
                        ctx.unlink(&before);
                    }
                    ctx.link(&master);
                }
                Effect::Record { records, then } => self.record(&records, then, ctx),
                Effect::Launch { id, config, latest } => {
                    if let Some(Err(error)) = self.host.has_files().then(|| point(&latest, &id)) {
                        tracing::warn!(latest = %latest.display(), %error, "sandbox is not linked");
                    }
                    self.containers(containerizer::Input::Launch { id, config });
                }
                Effect::LaunchContainer { id, config } => {
                    self.containers(containerizer::Input::Launch { id, config });
                }
                Effect::Signal(id, signal) => self.containers(containerizer::Input::Kill { id, signal }),
                Effect::Told(told) => {
                    if let Some(reply) = self.door.told.take() {
                        reply.send(told);
                    }
                }
                Effect::Hold(awaits, id) => {
                    if let Some(reply) = self.door.told.take() {
                        self.waiting.hold(awaits, id, reply);
                    }
                }
                Effect::Settle(awaits, id, told) => self.waiting.settle(awaits, &id, &told),
                Effect::RemoveSandbox { .. } if !self.host.has_files() => {}
                Effect::RemoveSandbox { within, name } => {
                    let remove = move || {
                        if let Err(error) = tree::remove_within(&within, &name) {
                            let sandbox = within.join(&name);
                            tracing::warn!(sandbox = %sandbox.display(), %error, "sandbox is not removed");
                        }
                    };
                    self.remove(remove, ctx);
                }
                Effect::Go(id) => self.containers(containerizer::Input::Go { id }),
                Effect::Destroy(id) => self.containers(containerizer::Input::Destroy { id }),
                Effect::Forget(id) => self.containers(containerizer::Input::Forget { id }),
                Effect::Update { id, config } => {
                    self.containers(containerizer::Input::Update { id, config });
                }
                Effect::Recover(known) => self.containers(containerizer::Input::Recover { known }),
                Effect::MakeVolumes(_) | Effect::RemoveVolumes(_) if !self.host.has_files() => {
                    let _ = ctx.pid().tell(Letter(Input::Carried(Ok(Vec::new()))));
                }
                Effect::TakeUpVolumes { .. } | Effect::Discard(_) if !self.host.has_files() => {}
                Effect::MakeVolumes(places) => {
                    ctx.blocking(move || directories::make(&places), |made| Letter(Input::Carried(made)));
                }
                Effect::RemoveVolumes(places) => {
                    ctx.blocking(move || directories::destroy(&places), |gone| Letter(Input::Carried(gone)));
                }
                Effect::TakeUpVolumes { places, bins } => {
                    ctx.blocking(move || directories::take_up(&places, &bins), |()| Letter(Input::Nothing));
                }
                Effect::Discard(paths) => {
                    self.remove(move || directories::discard(&paths), ctx);
                }
                Effect::Show { viewer, sandbox, links, user } => {
                    let shown = match self.host.has_files() {
                        true => volumes::show(&sandbox, &links, user.as_deref()),
                        false => Ok(()),
                    };
                    if let Err(why) = &shown {
                        tracing::error!(sandbox = %sandbox.display(), why, "volumes are not shown");
                    }
                    let _ = ctx.pid().tell(Letter(Input::Shown(viewer, shown)));
                }
                Effect::Wake(alarm, delay) => {
                    let delay = match delay {
                        Delay::Exactly(delay) => delay,
                        Delay::Within(most) => random(most, ctx),
                    };
                    ctx.after(delay, Letter(Input::Woke(alarm)));
                }
                Effect::Stop(why) => {
                    tracing::info!(why, "agent ends");
                    ctx.stop();
                }
                // Whoever watches this process hears of it as what it is.
                Effect::Fail(why) => panic!("the journal cannot be written: {why}"),
            }
        }
    }

    fn remove(&self, job: impl FnOnce() + Send + 'static, ctx: &mut Context<Self>) {
        if let Some(lane) = self.removals.line_up(job) {
            ctx.blocking(lane, |()| Letter(Input::Nothing));
        }
    }

    /// Looks how full the disk is, removes what is too old for that, and does so again after a while.
    fn watch_disk(&self, ctx: &mut Context<Self>) {
        if !self.host.has_files() {
            return;
        }
        let settings = Arc::clone(&self.state.settings);
        let executors = self.state.executors();
        let kept: BTreeSet<_> = executors.map(|executor| executor.directory.to_path_buf()).collect();
        let now = ctx.now();
        let look = move || {
            let used = resources::disk_used(settings.layout.work_dir()).unwrap_or(0.0);
            let age = settings.gc.age_max(used);
            gc::sweep(&settings.layout.agents(), &kept, age, now)
        };
        ctx.blocking(look, |swept| Letter(Input::Swept(swept)));
    }

    fn to_master(&self, message: ToMaster, ctx: &mut Context<Self>) {
        let Some(master) = self.state.link.master().cloned() else { return };
        let sent = match message {
            ToMaster::Register(message) => ctx.send(&master, *message),
            ToMaster::Reregister(message) => ctx.send(&master, *message),
            ToMaster::Unregister(message) => ctx.send(&master, message),
            ToMaster::Update(message) => ctx.send(&master, *message),
            ToMaster::Exited(message) => ctx.send(&master, message),
            ToMaster::Message(message) => ctx.send(&master, message),
            ToMaster::Pong(message) => ctx.send(&master, message),
            ToMaster::Oversubscribed(message) => ctx.send(&master, message),
            ToMaster::Operation { update, .. } => ctx.send(&master, *update),
        };
        if let Err(error) = sent {
            // What matters is sent again by its own alarm.
            tracing::debug!(%master, %error, "not sent");
        }
    }

    fn record(&mut self, records: &[crate::recovery::Record], then: Vec<Durable>, ctx: &mut Context<Self>) {
        let agent = ctx.pid().clone();
        if records.is_empty() {
            if !then.is_empty() {
                let _ = agent.tell(Letter(Input::Durable(then)));
            }
            return;
        }
        self.ledger.write(records, move |written| {
            let input = match written {
                Ok(()) if then.is_empty() => return,
                Ok(()) => Input::Durable(then),
                Err(why) => Input::JournalFailed(why),
            };
            let _ = agent.tell(Letter(input));
        });
    }

    fn containers(&self, input: containerizer::Input) {
        if let Some(Err(error)) = self.public.containers().map(|containers| containers.tell(input)) {
            tracing::error!(%error, "nobody makes containers any more");
        }
    }
}

/// Some part of `most`.
fn random(most: Duration, ctx: &mut Context<Agent>) -> Duration {
    most.mul_f64(ctx.rng().random_range(0.0..1.0))
}

/// Makes `latest` lead to the run in its container.
fn point(latest: &Path, container: &ContainerId) -> std::io::Result<()> {
    if let Some(runs) = latest.parent() {
        std::fs::create_dir_all(runs)?;
    }
    match std::fs::remove_file(latest) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    std::os::unix::fs::symlink(container.value(), latest)
}
