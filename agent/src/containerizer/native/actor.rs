//! The shell of the native containerizer.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::pin::pin;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use agent_launch::Identity;
use agent_linux::packet::Packets;
use agent_linux::process::boot_id;
use futures_util::future::{Either, select};
use libprocess::metrics::{Histogram, Provider};
use libprocess::{Actor, Context, Handler, Message, Process, Reply};
use libprocess_wire as wire;
use model::ContainerId;
use tokio::sync::oneshot;
use tracing::{debug, warn};

use super::bring::{Bringer, not};
use super::decide::{decide, identities, running};
use super::done::{Done, Found, Line, Remains};
use super::effects::Effect;
use super::figures::Figures;
use super::state::State;
use super::{guard, recover, start, watch};
use crate::containerizer::launcher::Launcher;
use crate::containerizer::{ContainerConfig, ContainerEvent, Input, LaunchStep, Limitation, Usage, Work};
use crate::failpoint;
use crate::fetcher::{self, Cache, Fetcher};
use crate::isolators::{IsolationConfig, Isolators};
use crate::provisioner::{self, Provisioner, Reference};

/// How often a supervisor that does not answer is tried again.
const RETRY: Duration = Duration::from_secs(5);

/// How a containerizer is run.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where runtime files are: survives the agent, not a reboot.
    pub runtime_dir: PathBuf,
    /// How many launches may be under way at once; four per core if `None`.
    pub lanes: Option<usize>,
    /// What a fetch may cost.
    pub fetch: fetcher::Limits,
    /// What a relative URI is relative to, if it is allowed.
    pub frameworks_home: Option<PathBuf>,
    /// Where fetched URIs are kept for others; in the runtime directory if `None`. Emptied at the start.
    pub cache_dir: Option<PathBuf>,
    /// How much is kept of them. Unit: bytes.
    pub cache_bytes: u64,
    /// What sets containers apart.
    pub isolation: IsolationConfig,
    /// Root file systems of images; none if `None`.
    pub images: Option<provisioner::Config>,
}

impl Config {
    /// The usual, with runtime files in `runtime_dir`.
    pub fn new(runtime_dir: impl Into<PathBuf>) -> Self {
        Self {
            runtime_dir: runtime_dir.into(),
            lanes: None,
            fetch: fetcher::Limits::default(),
            frameworks_home: None,
            cache_dir: None,
            cache_bytes: 2 << 30,
            isolation: IsolationConfig::default(),
            images: None,
        }
    }
}

/// What `/metrics/snapshot` says of images and of what was fetched before, names and meanings being Mesos', and of containers.
struct Meters {
    pulls: Histogram,
    /// Shown for as long as the containerizer lives.
    _figures: [Provider; 2],
}

/// Containers made of plain processes.
pub struct Containerizer {
    state: State,
    config: Config,
    launcher: Launcher,
    isolators: Isolators,
    provisioner: Option<Provisioner>,
    /// Dropping one stops listening to that container's alarm.
    guards: BTreeMap<ContainerId, oneshot::Sender<()>>,
    /// Where supervisors are told things.
    lines: BTreeMap<ContainerId, Rc<Packets>>,
    /// Dropping one stops that fetch.
    fetching: BTreeMap<ContainerId, oneshot::Sender<()>>,
    /// What was fetched before.
    cache: Option<Cache>,
    meters: Option<Meters>,
    /// What containers use.
    figures: Figures,
    tell: Box<dyn Fn(ContainerEvent) + Send>,
}

impl Containerizer {
    /// A containerizer that tells what happens to `tell`.
    ///
    /// Errors: the runtime directory cannot be made, the launcher cannot be sealed, or the machine lacks what isolators need.
    pub fn new(config: Config, tell: Box<dyn Fn(ContainerEvent) + Send>) -> io::Result<Self> {
        let isolators = Isolators::new(&config.isolation).map_err(io::Error::other)?;
        let provisioner = config.images.clone().map(Provisioner::new).transpose()?;
        Self::with(config, isolators, provisioner, tell)
    }

    /// One whose isolators are made already, and its provisioner if there are images.
    pub(crate) fn with(
        config: Config,
        isolators: Isolators,
        provisioner: Option<Provisioner>,
        tell: Box<dyn Fn(ContainerEvent) + Send>,
    ) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o755).create(&config.runtime_dir)?;
        fs::DirBuilder::new().recursive(true).mode(0o700).create(config.runtime_dir.join("containers"))?;
        let launcher = Launcher::seal(&config.runtime_dir)?;
        let cores = thread::available_parallelism().map_or(2, usize::from);
        let mut state = State::new(config.lanes.unwrap_or(4 * cores));
        state.isolated = isolators.look_after();
        let cache = match config.cache_bytes {
            0 => None,
            bytes => {
                let usual = || config.runtime_dir.join("fetched");
                Some(Cache::new(&config.cache_dir.clone().unwrap_or_else(usual), bytes)?)
            }
        };
        let (lines, fetching, guards) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Ok(Self {
            state,
            config,
            launcher,
            isolators,
            provisioner,
            guards,
            lines,
            fetching,
            cache,
            meters: None,
            figures: Figures::default(),
            tell,
        })
    }

    fn perform(&mut self, effect: Effect, ctx: &mut Context<Self>) {
        failpoint::reach("containers", &effect);
        match effect {
            Effect::Fetch(id, config) => self.fetch(id, *config, ctx),
            Effect::StopFetch(id) => drop(self.fetching.remove(&id)),
            Effect::Start(id, config, pulled) => {
                let (launcher, root) = (self.launcher.clone(), self.config.runtime_dir.clone());
                let (isolators, provisioner) = (self.isolators.clone(), self.provisioner.clone());
                let around = config.inside.clone().or_else(|| id.parent());
                let around = around.and_then(|around| self.state.containers.get(&around)?.identity.clone());
                let job = move || {
                    let (root, provisioner) = (root.as_path(), provisioner.as_ref());
                    let with = start::With { launcher: &launcher, root, isolators: &isolators, provisioner };
                    Done::Started(
                        id.clone(),
                        start::start(with, &id, *config, pulled.as_ref(), around.as_ref()),
                    )
                };
                ctx.blocking(job, work);
            }
            Effect::Watch(id, line) => self.watch(id, line, ctx),
            Effect::Say(id, request) => {
                let Some(line) = self.lines.get(&id) else { return };
                if let Err(error) = line.send(&wire::encode(&request)) {
                    // A supervisor that is gone is noticed by its descriptor.
                    debug!(container = %id, %error, ?request, "a supervisor does not listen");
                }
            }
            Effect::Read(id) => {
                let dir = start::runtime_dir(&self.config.runtime_dir, &id);
                let job = move || match agent_launch::StatusRecord::read(&dir) {
                    Ok(record) => Done::Read(id, record),
                    Err(error) => {
                        warn!(container = %id, %error, "a status record is of no use");
                        Done::Read(id, None)
                    }
                };
                ctx.blocking(job, work);
            }
            Effect::Sweep(id, identity) => {
                let isolators = self.isolators.clone();
                let job = move || {
                    isolators.end(&id);
                    if let (Some(identity), Ok(boot)) = (identity, boot_id()) {
                        recover::end(&identity, &boot);
                    }
                    Done::Swept(id)
                };
                ctx.blocking(job, work);
            }
            Effect::Conclude(id) => {
                let isolators = self.isolators.clone();
                ctx.blocking(
                    move || {
                        let limitation = isolators.limitation(&id);
                        Done::Concluded(id, limitation)
                    },
                    work,
                );
            }
            Effect::Update(id, config) => {
                let isolators = self.isolators.clone();
                ctx.blocking(
                    move || {
                        let result = isolators.update(&id, &config);
                        Done::Updated(id, result)
                    },
                    work,
                );
            }
            Effect::Remove(id) => {
                let dir = start::runtime_dir(&self.config.runtime_dir, &id);
                let (isolators, provisioner) = (self.isolators.clone(), self.provisioner.clone());
                let job = move || {
                    isolators.cleanup(&id);
                    if let Some(provisioner) = provisioner {
                        provisioner.destroy(&id);
                    }
                    failpoint::reach("remove", &"directory");
                    match fs::remove_dir_all(&dir) {
                        Err(error) if error.kind() != io::ErrorKind::NotFound => {
                            warn!(dir = %dir.display(), %error, "a runtime directory cannot be removed");
                        }
                        _ => {}
                    }
                    Done::Nothing
                };
                ctx.blocking(job, work);
            }
            Effect::Recover(known) => {
                let root = self.config.runtime_dir.clone();
                let (isolators, provisioner) = (self.isolators.clone(), self.provisioner.clone());
                let job =
                    move || Done::Recovered(recover::recover(&root, known, &isolators, provisioner.as_ref()));
                ctx.blocking(job, work);
            }
            Effect::Retry { id, known, identity } => self.retry(id, known, identity, ctx),
            Effect::Tell(event) => (self.tell)(event),
        }
    }

    fn fetch(&mut self, id: ContainerId, config: ContainerConfig, ctx: &mut Context<Self>) {
        let fetcher = Fetcher {
            launcher: self.launcher.clone(),
            runtime: ctx.runtime().clone(),
            limits: self.config.fetch.clone(),
            frameworks_home: self.config.frameworks_home.clone(),
            cache: self.cache.clone(),
        };
        let (stop, stopped) = oneshot::channel();
        self.fetching.insert(id.clone(), stop);
        let (provisioner, meters) = (self.provisioner.clone(), self.meters.as_ref());
        let bringer = Bringer { fetcher, provisioner, pulls: meters.map(|meters| meters.pulls.clone()) };
        let fetching = bringer.bring(id.clone(), config);
        let until_stopped = async move {
            let result = match select(pin!(fetching), stopped).await {
                Either::Left((result, _)) => result,
                Either::Right(_) => Err(not(
                    LaunchStep::Destroyed,
                    "the container was destroyed while its image and URIs were fetched",
                )),
            };
            Done::Fetched(id, result)
        };
        ctx.task(until_stopped, work);
    }

    fn watch(&mut self, id: ContainerId, line: Line, ctx: &mut Context<Self>) {
        let Line { channel, pidfd, child, alarm } = line;
        if let Some(alarm) = alarm {
            let (stop, stopped) = oneshot::channel();
            self.guards.insert(id.clone(), stop);
            ctx.task(
                guard::guard(id.clone(), alarm, stopped, ctx.runtime().clone(), ctx.pid().clone()),
                work,
            );
        }
        let channel = Rc::new(channel);
        self.lines.insert(id.clone(), channel.clone());
        ctx.task(watch::watch(id, channel, pidfd, child, ctx.pid().clone()), work);
    }

    fn retry(&self, id: ContainerId, known: bool, identity: Option<Identity>, ctx: &mut Context<Self>) {
        warn!(container = %id, "a supervisor lives and does not answer; it is tried again");
        let dir = start::runtime_dir(&self.config.runtime_dir, &id);
        let (runtime, isolators, whose) = (ctx.runtime().clone(), self.isolators.clone(), id.clone());
        let looking = async move {
            runtime.sleep(RETRY).await;
            let expected = identity.clone();
            let look = move || {
                let mut found = recover::look(&dir, expected.as_ref(), &boot_id().unwrap_or_default());
                recover::settle(&whose, &mut found, &isolators);
                found
            };
            let what = fetcher::blocking(&runtime, look).await.unwrap_or(Remains::Mute { identity });
            Done::Retried(Found { id, known, what })
        };
        ctx.task(looking, work);
    }

    /// Answers from the pool: reading the process table takes a while on a busy machine.
    fn usage(&self, reply: Option<Reply<BTreeMap<ContainerId, Usage>>>, ctx: &mut Context<Self>) {
        let running = identities(&self.state);
        let (isolators, figures) = (self.isolators.clone(), self.figures.clone());
        let job = move || {
            let usage = figures.read(running, &isolators);
            if let Some(reply) = reply {
                reply.send(usage);
            }
            Done::Nothing
        };
        ctx.blocking(job, work);
    }
}

impl Containerizer {
    fn measure(&mut self, ctx: &Context<Self>) {
        let (cache, provisioner) = (self.cache.clone(), self.provisioner.clone());
        let metrics = ctx.runtime().metrics();
        let (shown, myself) = (self.figures.clone(), ctx.pid().clone());
        let containers = metrics.provide_while(move |sink| {
            shown.show(sink);
            if shown.want() && myself.tell(work(Done::Wanted)).is_err() {
                // Too busy; whoever looks next has it read.
                shown.unwant();
            }
        });
        let roots_can_be = self.config.isolation.has("filesystem/linux");
        let figures = metrics.provide_while(move |sink| {
            let (used, total) = cache.as_ref().map_or((0, 0), Cache::figures);
            let (roots, errors) = provisioner.as_ref().map_or((0, 0), Provisioner::figures);
            sink.gauge("containerizer/fetcher/cache_size_used_bytes", used as f64);
            sink.gauge("containerizer/fetcher/cache_size_total_bytes", total as f64);
            if roots_can_be {
                sink.gauge("containerizer/mesos/filesystem/containers_new_rootfs", roots as f64);
            }
            sink.gauge("containerizer/mesos/provisioner/remove_container_errors", errors as f64);
        });
        let pulls = metrics.timer("containerizer/mesos/provisioner/docker_store/image_pull");
        self.meters = Some(Meters { pulls, _figures: [figures, containers] });
    }

    /// Removes images nobody uses once the disk is too full, and looks again after a while.
    fn keep_room(&self, ctx: &mut Context<Self>) {
        let Some(provisioner) = self.provisioner.clone() else { return };
        let Some(interval) = provisioner.interval() else { return };
        let job = move || {
            if let Err(error) = provisioner.keep_room() {
                warn!(%error, "images nobody uses are not removed");
            }
            Done::Nothing
        };
        ctx.blocking(job, work);
        ctx.after(interval, work(Done::KeepRoom));
    }

    fn prune(&self, excluded: Vec<Reference>, reply: Reply<Result<(), String>>, ctx: &mut Context<Self>) {
        let provisioner = self.provisioner.clone();
        let job = move || {
            let pruned = match provisioner {
                Some(provisioner) => {
                    provisioner.prune(&excluded).map(drop).map_err(|error| error.to_string())
                }
                None => Ok(()),
            };
            reply.send(pruned);
            Done::Nothing
        };
        ctx.blocking(job, work);
    }

    /// Looks whether a container broke something; tells `reply` too, if somebody asked.
    fn look(&self, id: ContainerId, reply: Option<Reply<Option<Limitation>>>, ctx: &mut Context<Self>) {
        let isolators = self.isolators.clone();
        let job = move || {
            let limitation = isolators.limitation(&id);
            if let Some(reply) = reply {
                reply.send(limitation.clone());
            }
            Done::Looked(id, limitation)
        };
        ctx.blocking(job, work);
    }

    /// Has an isolator look at all that run, and does so again after a while.
    fn patrol(&self, who: &'static str, period: Duration, ctx: &mut Context<Self>) {
        let (isolators, ids) = (self.isolators.clone(), running(&self.state));
        ctx.blocking(move || Done::Patrolled(isolators.patrol(who, &ids)), work);
        ctx.after(period, work(Done::Patrol(who, period)));
    }
}

fn work(done: Done) -> Input {
    Input::Work(Work(done))
}

impl Message for Input {
    type Result = ();
}

impl Actor for Containerizer {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        self.measure(ctx);
        for (who, period) in self.isolators.patrols() {
            self.patrol(who, period, ctx);
        }
        self.keep_room(ctx);
    }
}

impl Process for Containerizer {
    const KIND: &'static str = "containerizer";
    type Input = Input;
}

impl Handler<Input> for Containerizer {
    type Result = ();

    fn handle(&mut self, input: Input, ctx: &mut Context<Self>) {
        match input {
            Input::Usage { reply } => self.usage(Some(reply), ctx),
            Input::Work(Work(Done::Wanted)) => self.usage(None, ctx),
            Input::Limitation { id, reply } => self.look(id, Some(reply), ctx),
            Input::Work(Work(Done::Rang(id))) => self.look(id, None, ctx),
            Input::Work(Work(Done::Patrol(who, period))) => self.patrol(who, period, ctx),
            Input::Work(Work(Done::KeepRoom)) => self.keep_room(ctx),
            Input::PruneImages { excluded, reply } => self.prune(excluded, reply, ctx),
            input => {
                match &input {
                    Input::Work(Work(Done::Gone(id))) => {
                        self.lines.remove(id);
                        self.guards.remove(id);
                    }
                    Input::Work(Work(Done::Fetched(id, _))) => drop(self.fetching.remove(id)),
                    _ => {}
                }
                for effect in decide(&mut self.state, input) {
                    debug!(%effect, "containerizer");
                    self.perform(effect, ctx);
                }
            }
        }
    }
}
