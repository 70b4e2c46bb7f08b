//! The allocator's process: keeps the books up to date at once, and decides when it is worth deciding.
//!
//! ```text
//!   change ──► books ──► is something dirty? ──► told to itself: Woke, behind what waits already
//!                                                   │ so that one run serves a whole burst
//!   timer ─── filter expired, or the pause after ───┴─► run ──► report to the master
//!             a long run is over
//! ```
//! While runs are cheap, every change is decided on at once. A run that takes long is followed by a pause in proportion, so
//! that allocation takes a fifth of its thread at most; the pause is never longer than the allocation interval.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use libprocess::metrics::{Counter, Histogram, Provider, Sink};
use libprocess::{Actor, Context, Handler, Message, Process, Timer};
use model::Time;

use super::hold::{Hold, Recovery};
use super::why::Why;
use super::{Allocation, Allocator, Figures, Input};

/// How often the whitelist is read again. Source: flag `--whitelist`.
const WHITELIST_INTERVAL: Duration = Duration::from_secs(5);

/// The least time between two publications of figures, which cost more than a small run.
const FIGURES_INTERVAL: Duration = Duration::from_millis(500);

/// How many times the length of a run the pause after it is.
const PAUSE_FACTOR: u32 = 4;

/// How the process is run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Changes never gather longer than this.
    pub interval: Duration,
    /// A file with the hosts whose agents may be offered, one per line; all hosts, if absent.
    pub whitelist: Option<PathBuf>,
    /// For what is waited after a failover.
    pub recovery: Recovery,
}

/// Runs an [`Allocator`] as a process.
pub struct AllocatorActor {
    allocator: Box<dyn Allocator>,
    settings: Settings,
    report: Box<dyn Fn(Vec<Allocation>) + Send>,
    /// Why nothing is allocated yet.
    hold: Option<Hold>,
    /// Whether a `Woke` is on its way through the mailbox.
    summoned: bool,
    /// The timer that is set, and when it fires.
    timer: Option<(Timer, Time)>,
    /// No run before this.
    rested: Time,
    /// When the first change that waits for a run arrived.
    waiting_since: Option<Time>,
    figures: Arc<ArcSwap<Figures>>,
    /// Whether something changed since figures were published.
    unpublished: bool,
    published: Time,
    meters: Option<Meters>,
    provider: Option<Provider>,
}

/// What is measured while running.
struct Meters {
    runs: Counter,
    run: Histogram,
    latency: Histogram,
}

impl AllocatorActor {
    /// A process around an allocator; `report` carries what it decided to the master.
    pub fn new(
        allocator: Box<dyn Allocator>,
        settings: Settings,
        report: impl Fn(Vec<Allocation>) + Send + 'static,
    ) -> AllocatorActor {
        AllocatorActor {
            allocator,
            settings,
            report: Box::new(report),
            hold: None,
            summoned: false,
            timer: None,
            rested: Time::START,
            waiting_since: None,
            figures: Arc::default(),
            unpublished: true,
            published: Time::START,
            meters: None,
            provider: None,
        }
    }

    fn apply(&mut self, input: Input, now: Time) {
        let allocator = &mut self.allocator;
        match input {
            Input::AddFramework { framework, used, active } => {
                allocator.add_framework(framework, &used, active)
            }
            Input::UpdateFramework(framework) => allocator.update_framework(framework),
            Input::RemoveFramework(id) => allocator.remove_framework(&id),
            Input::ActivateFramework(id) => allocator.activate_framework(&id),
            Input::DeactivateFramework(id) => allocator.deactivate_framework(&id),
            Input::AddAgent { agent, used } => {
                self.hold.iter_mut().for_each(|hold| hold.came(&agent.id));
                allocator.add_agent(agent, &used);
            }
            Input::UpdateAgent(agent) => allocator.update_agent(agent),
            Input::RemoveAgent(id) => {
                self.hold.iter_mut().for_each(|hold| hold.went(&id));
                allocator.remove_agent(&id);
            }
            Input::ActivateAgent(id) => allocator.activate_agent(&id),
            Input::DeactivateAgent(id) => allocator.deactivate_agent(&id),
            Input::Recover { framework, agent, resources, refuse } => {
                allocator.recover(&framework, &agent, &resources, refuse, now);
            }
            Input::UpdateAllocation { framework, agent, before, after } => {
                allocator.update_allocation(&framework, &agent, &before, &after);
            }
            Input::UpdateAvailable { agent, before, after } => {
                allocator.update_available(&agent, &before, &after);
            }
            Input::Revive { framework, roles } => allocator.revive(&framework, &roles),
            Input::Suppress { framework, roles } => allocator.suppress(&framework, &roles),
            Input::Request { framework, requests } => allocator.request(&framework, &requests, now),
            Input::UpdateWeights(weights) => allocator.update_weights(&weights),
            Input::UpdateQuotas(quotas) => allocator.update_quotas(&quotas),
            Input::UpdateWhitelist(hosts) => allocator.update_whitelist(hosts),
            Input::Why { question, reply } => {
                let why = self.allocator.why(&question, now);
                reply.send(why.map(|why| Why { paused: self.hold.is_some(), ..why }));
            }
            Input::Recovered { agents } => self.hold = Hold::begin(agents, self.settings.recovery, now),
            Input::Woke | Input::ReadWhitelist => {}
        }
    }

    /// Decides, and tells the master.
    fn run(&mut self, ctx: &mut Context<Self>) {
        let began: Time = ctx.runtime().now().into();
        let allocations = self.allocator.allocate(began, ctx.rng());
        let took = Time::from(ctx.runtime().now()).since(began);
        self.rested = began + took + (took * PAUSE_FACTOR).min(self.settings.interval);
        if let Some(meters) = &self.meters {
            meters.runs.increment(1);
            meters.run.record(took.as_secs_f64() * 1e3);
            let waited = self.waiting_since.map_or(Duration::ZERO, |since| began.since(since));
            meters.latency.record(waited.as_secs_f64() * 1e3);
        }
        self.waiting_since = None;
        if !allocations.is_empty() {
            tracing::debug!(offers = allocations.len(), ?took, "allocated");
            (self.report)(allocations);
        }
    }

    /// Sees to it that the next run happens when it should, and not before.
    fn plan(&mut self, now: Time, ctx: &mut Context<Self>) {
        let publishing = self.unpublished.then_some(self.published + FIGURES_INTERVAL);
        let pending = self.hold.is_none() && self.allocator.pending();
        if pending {
            self.waiting_since.get_or_insert(now);
        }
        let wanted = match &self.hold {
            Some(hold) => Some(hold.until()),
            None if pending => Some(self.rested.max(now)),
            None => self.allocator.deadline().map(|deadline| deadline.max(self.rested)),
        };
        let wanted = match (wanted, publishing) {
            (Some(run), Some(publish)) => Some(run.min(publish)),
            (either, other) => either.or(other),
        };
        match wanted {
            // A full mailbox brings its own turns: each of them plans again.
            Some(at) if at <= now && pending => {
                self.summoned = self.summoned || ctx.pid().tell(Input::Woke).is_ok();
            }
            Some(at) if self.timer.as_ref().is_none_or(|(_, set)| at < *set) => {
                if let Some((timer, _)) = self.timer.take() {
                    ctx.cancel(timer);
                }
                self.timer = Some((ctx.after(at.since(now), Input::Woke), at));
            }
            _ => {}
        }
    }

    fn publish(&mut self, now: Time) {
        if self.unpublished && now.since(self.published) >= FIGURES_INTERVAL {
            self.published = now;
            self.unpublished = false;
            self.figures.store(Arc::new(self.allocator.figures()));
        }
    }
}

impl Actor for AllocatorActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        let metrics = ctx.runtime().metrics();
        self.meters = Some(Meters {
            runs: metrics.counter("allocator/mesos/allocation_runs"),
            run: metrics.timer("allocator/mesos/allocation_run"),
            latency: metrics.timer("allocator/mesos/allocation_run_latency"),
        });
        let figures = self.figures.clone();
        // The next reign's allocator shows its own.
        self.provider = Some(metrics.provide_while(move |sink| spell(&figures.load(), sink)));
        if self.settings.whitelist.is_some() {
            // Until the file was read, nobody is on it.
            self.allocator.update_whitelist(Some(BTreeSet::new()));
            self.read_whitelist(ctx);
            ctx.every(WHITELIST_INTERVAL, || Input::ReadWhitelist);
        }
    }
}

impl AllocatorActor {
    fn read_whitelist(&self, ctx: &mut Context<Self>) {
        let Some(path) = self.settings.whitelist.clone() else { return };
        ctx.blocking(
            move || std::fs::read_to_string(&path).map_err(|error| (path, error)),
            |read| match read {
                Ok(text) => {
                    let hosts = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned);
                    Input::UpdateWhitelist(Some(hosts.collect()))
                }
                Err((path, error)) => {
                    tracing::warn!(path = %path.display(), %error, "whitelist cannot be read, nobody is on it");
                    Input::UpdateWhitelist(Some(BTreeSet::new()))
                }
            },
        );
    }
}

/// Source: Mesos metrics, family `allocator/`.
fn spell(figures: &Figures, sink: &mut Sink<'_>) {
    sink.gauge("allocator/event_queue_dispatches", 0.0);
    sink.gauge("allocator/mesos/event_queue_dispatches", 0.0);
    for name in ["cpus", "mem", "disk"] {
        let of =
            |amounts: &std::collections::BTreeMap<String, f64>| amounts.get(name).copied().unwrap_or(0.0);
        sink.gauge(format!("allocator/mesos/resources/{name}/total"), of(&figures.total));
        sink.gauge(format!("allocator/mesos/resources/{name}/offered_or_allocated"), of(&figures.taken));
    }
    for (role, count) in &figures.filters {
        sink.gauge(format!("allocator/mesos/offer_filters/roles/{role}/active"), *count as f64);
    }
    for (role, share) in &figures.shares {
        sink.gauge(format!("allocator/mesos/roles/{role}/shares/dominant"), *share);
    }
}

impl Message for Input {
    type Result = ();
}

impl Process for AllocatorActor {
    const KIND: &'static str = "allocator";
    type Input = Input;
}

impl Handler<Input> for AllocatorActor {
    type Result = ();

    fn handle(&mut self, input: Input, ctx: &mut Context<Self>) {
        let now: Time = ctx.now().into();
        let woke = matches!(input, Input::Woke);
        match input {
            Input::ReadWhitelist => self.read_whitelist(ctx),
            input => self.apply(input, now),
        }
        self.unpublished |= !woke;
        if self.hold.take_if(|hold| hold.is_over(now)).is_some() {
            tracing::info!("offers are made again after the failover");
        }
        if woke {
            self.summoned = false;
            self.timer = self.timer.take().filter(|(_, at)| *at > now);
            let due =
                self.allocator.pending() || self.allocator.deadline().is_some_and(|deadline| deadline <= now);
            if due && self.hold.is_none() && self.rested <= now {
                self.run(ctx);
                self.unpublished = true;
            }
        }
        self.publish(now);
        self.plan(now, ctx);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc};

    use libprocess::{Pid, Runtime, Spawn};
    use model::{AgentCapabilities, AgentCapability, AgentInfo, FrameworkInfo, Resources};

    use super::super::{Agent, Framework, Hierarchical, hierarchical};
    use super::*;

    struct Stage {
        runtime: Runtime,
        allocator: Pid<AllocatorActor>,
        offers: mpsc::Receiver<Vec<Allocation>>,
    }

    impl Stage {
        fn new(whitelist: Option<PathBuf>) -> Stage {
            Stage::with(whitelist, Recovery::default())
        }

        fn with(whitelist: Option<PathBuf>, recovery: Recovery) -> Stage {
            let runtime = Runtime::start(libprocess::Config::default()).expect("loopback");
            let (report, offers) = mpsc::channel();
            let settings = Settings { interval: Duration::from_secs(1), whitelist, recovery };
            let allocator = runtime
                .spawn(Spawn::named("allocator"), move || {
                    let policy = Hierarchical::new(hierarchical::Settings::default());
                    AllocatorActor::new(Box::new(policy), settings, move |some| drop(report.send(some)))
                })
                .expect("once");
            let info = Arc::new(FrameworkInfo::new("f1", "root"));
            let framework =
                Framework { id: "f1".into(), info, suppressed: BTreeSet::new(), constraints: None };
            let stage = Stage { runtime, allocator, offers };
            stage.tell(Input::AddFramework { framework, used: Vec::new(), active: true });
            stage
        }

        fn tell(&self, input: Input) {
            self.allocator.tell(input).expect("room");
        }

        fn add_agent(&self, id: &str) {
            let total: Resources = "cpus:4;mem:1024".parse().expect("resources");
            let info = AgentInfo {
                id: None,
                hostname: format!("{id}.example"),
                port: 5051,
                resources: total.clone(),
                attributes: Default::default(),
                domain: None,
            };
            let capabilities = AgentCapabilities::from_iter(AgentCapability::ALL);
            let agent = Agent { id: id.into(), incarnation: 1, info: Arc::new(info), capabilities, total };
            self.tell(Input::AddAgent { agent, used: Vec::new() });
        }

        /// The next allocations, well before the allocation interval would bring them.
        fn soon(&self) -> Vec<Allocation> {
            self.offers.recv_timeout(Duration::from_millis(500)).expect("changes are decided on at once")
        }
    }

    impl Drop for Stage {
        fn drop(&mut self) {
            self.runtime.shutdown();
        }
    }

    #[test]
    fn what_comes_free_is_offered_at_once_and_a_filter_ends_by_itself() {
        let stage = Stage::new(None);
        stage.add_agent("a1");
        let offer = stage.soon().remove(0);
        let back = |refuse| Input::Recover {
            framework: offer.framework.clone(),
            agent: offer.agent.clone(),
            resources: offer.resources.clone(),
            refuse,
        };
        stage.tell(back(None));
        assert_eq!(stage.soon(), std::slice::from_ref(&offer));
        stage.tell(back(Some(Duration::from_millis(1))));
        assert!(
            stage.offers.recv_timeout(Duration::from_millis(600)).is_err(),
            "a filter lasts an interval at least"
        );
        let again = stage.offers.recv_timeout(Duration::from_secs(5)).expect("nobody has to ask");
        assert_eq!(again, [offer]);
    }

    #[test]
    fn after_a_failover_nothing_is_decided_before_enough_agents_are_back() {
        let stage = Stage::new(None);
        stage.tell(Input::Recovered { agents: 3 });
        stage.add_agent("a1");
        assert!(stage.offers.recv_timeout(Duration::from_millis(200)).is_err());
        stage.add_agent("a2");
        assert_eq!(stage.soon().len(), 2);
    }

    #[test]
    fn agents_that_do_not_come_back_are_not_waited_for_forever() {
        let timeout = Duration::from_millis(300);
        let stage = Stage::with(None, Recovery { timeout, ..Recovery::default() });
        stage.tell(Input::Recovered { agents: 3 });
        stage.add_agent("a1");
        let offers = stage.offers.recv_timeout(Duration::from_secs(5)).expect("the time is over");
        assert_eq!(offers.len(), 1);
    }

    #[test]
    fn only_hosts_on_the_list_are_offered() {
        let file = std::env::temp_dir().join(format!("hectare-whitelist-{}", std::process::id()));
        std::fs::write(&file, "a2.example\n\n").expect("a scratch file");
        let stage = Stage::new(Some(file.clone()));
        stage.add_agent("a1");
        stage.add_agent("a2");
        let offers = stage.offers.recv_timeout(Duration::from_secs(5)).expect("one is on the list");
        assert_eq!(offers.iter().map(|one| one.agent.as_str()).collect::<Vec<_>>(), ["a2"]);
        std::fs::remove_file(file).expect("it was written above");
    }
}
