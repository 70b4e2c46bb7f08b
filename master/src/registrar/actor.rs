//! The process `registrar(1)`: takes changes in order, writes them in batches, answers what was committed.

use std::collections::VecDeque;
use std::future::ready;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use libprocess::http::{Response, Route};
use libprocess::metrics::{Gauge, Histogram};
use libprocess::{Actor, Context, Doors, Handler, Message, Process};
use libprocess_wire as wire;
use model::MasterInfo;

use super::delta::{CHANGE_MAX, Delta, Refused};
use super::registry::{Registry, RegistryLimits};
use super::sizes::Sizes;
use super::store::{Store, StoreError};
use crate::http::realms::READ_ONLY;
use crate::views;

/// How long a failed store is left alone before the next attempt.
const RETRY: Duration = Duration::from_millis(250);

/// All that can arrive at the registrar.
#[expect(clippy::large_enum_variant, reason = "the content comes once, and first")]
#[derive(Debug)]
pub enum Input {
    /// The master wants this change recorded. Answered by one [`Report::Recorded`], in the order of asking.
    Record(Delta),
    /// The store gave its content.
    Loaded(Result<Registry, StoreError>),
    /// The store committed the batch in flight, or did not.
    Stored(Result<(), StoreError>),
    /// Try the store again.
    Retry,
    /// Time to forget old agents.
    Collect,
}

impl Message for Input {
    type Result = ();
}

/// What the registrar tells the master.
#[expect(clippy::large_enum_variant, reason = "the content comes once, and first")]
#[derive(Clone, Debug, PartialEq)]
pub enum Report {
    /// The content was read; the master may take agents and frameworks now. Comes once, first.
    Recovered(Registry),
    /// A change is committed, or needed no writing (`Ok(false)`), or does not fit.
    Recorded {
        /// The change as it was asked for.
        delta: Arc<Delta>,
        /// Whether it changed anything.
        outcome: Result<bool, Refused>,
    },
    /// Old agents were forgotten, on the registrar's own initiative.
    Pruned(Arc<Delta>),
}

/// How the registrar keeps its lists short.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How often old entries are looked for.
    pub interval: Duration,
    /// What counts as too old and too many.
    pub limits: RegistryLimits,
}

/// The registrar's process.
pub struct Registrar {
    store: Box<dyn Store>,
    settings: Settings,
    report: Box<dyn Fn(Report) + Send>,
    leader: Option<MasterInfo>,
    /// The content including everything queued: what new changes are judged by.
    proposed: Registry,
    /// The content as committed, for everybody to read.
    committed: Arc<ArcSwap<Registry>>,
    /// Who leads by it, once there is content.
    led: Arc<OnceLock<MasterInfo>>,
    phase: Phase,
    queue: VecDeque<Queued>,
    flight: Vec<Queued>,
    /// When the store was asked last.
    asked: SystemTime,
    /// Of the committed content.
    sizes: Sizes,
    meters: Option<Meters>,
}

/// What is measured. Source: Mesos metrics, family `registrar/`.
struct Meters {
    queued: Gauge,
    size: Gauge,
    fetch: Histogram,
    store: Histogram,
}

/// Whether there is content to judge by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Waiting for the store's content.
    Loading,
    /// Content is here; nothing is being written.
    Idle,
    /// The batch in `flight` is being written.
    Writing,
}

/// A change waiting for its turn, and what it did to `proposed`.
struct Queued {
    delta: Arc<Delta>,
    outcome: Result<bool, Refused>,
    own: bool,
    /// What it takes when it is stored. Unit: bytes.
    size: usize,
}

impl Registrar {
    /// A registrar over a store; `report` carries its answers to the master.
    pub fn new(store: impl Store, settings: Settings, report: impl Fn(Report) + Send + 'static) -> Registrar {
        Registrar {
            store: Box::new(store),
            settings,
            report: Box::new(report),
            leader: None,
            proposed: Registry::default(),
            committed: Arc::default(),
            led: Arc::default(),
            phase: Phase::Loading,
            queue: VecDeque::new(),
            flight: Vec::new(),
            asked: SystemTime::UNIX_EPOCH,
            sizes: Sizes::default(),
            meters: None,
        }
    }

    /// The same, which shows whose it is.
    pub fn led_by(self, leader: MasterInfo) -> Registrar {
        Registrar { leader: Some(leader), ..self }
    }

    /// The committed content, for readers on any thread.
    pub fn registry(&self) -> Arc<ArcSwap<Registry>> {
        self.committed.clone()
    }

    fn record(&mut self, delta: Delta, own: bool) {
        let size = wire::encode(&delta).len();
        let outcome = match size > CHANGE_MAX {
            true => Err(Refused::TooLarge(size)),
            false => self.proposed.apply(&delta),
        };
        let size = if outcome == Ok(true) { size } else { 0 };
        self.queue.push_back(Queued { delta: Arc::new(delta), outcome, own, size });
    }

    /// Sends what is queued to the store, as much as it takes at once; what needs no writing travels along, so that answers keep
    /// their order.
    fn write(&mut self, ctx: &mut Context<Self>) {
        if self.phase != Phase::Idle || (self.queue.is_empty() && self.flight.is_empty()) {
            return;
        }
        let mut size: usize = self.flight.iter().map(|queued| queued.size).sum();
        let fits = |next: &Queued, size: usize| size + next.size <= CHANGE_MAX;
        while self.queue.front().is_some_and(|next| fits(next, size)) {
            let next = self.queue.pop_front().expect("it was looked at");
            size += next.size;
            self.flight.push(next);
        }
        let deltas: Vec<Arc<Delta>> = self
            .flight
            .iter()
            .filter(|queued| queued.outcome == Ok(true))
            .map(|queued| queued.delta.clone())
            .collect();
        if deltas.is_empty() {
            return self.answer();
        }
        self.phase = Phase::Writing;
        self.asked = ctx.runtime().now();
        ctx.task(self.store.append(deltas), Input::Stored);
    }

    fn answer(&mut self) {
        let mut registry = Registry::clone(&self.committed.load());
        for queued in &self.flight {
            if queued.outcome == Ok(true) {
                registry.apply(&queued.delta).expect("it was judged against the same history");
                self.sizes.changed(&queued.delta, queued.size);
            }
        }
        self.committed.store(Arc::new(registry));
        for Queued { delta, outcome, own, .. } in self.flight.drain(..) {
            (self.report)(match own {
                true => Report::Pruned(delta),
                false => Report::Recorded { delta, outcome },
            });
        }
    }
}

impl Registrar {
    /// Shows what waits and how large the content is; after an answer of the store, how long that took.
    fn measure(&self, answered: Option<fn(&Meters) -> &Histogram>, ctx: &Context<Self>) {
        let Some(meters) = &self.meters else { return };
        meters.queued.set((self.queue.len() + self.flight.len()) as f64);
        meters.size.set(self.sizes.sum() as f64);
        if let Some(timer) = answered {
            let took = ctx.runtime().now().duration_since(self.asked).unwrap_or_default();
            timer(meters).record(took.as_secs_f64() * 1e3);
        }
    }
}

impl Actor for Registrar {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        let metrics = ctx.runtime().metrics();
        self.meters = Some(Meters {
            queued: metrics.gauge("registrar/queued_operations"),
            size: metrics.gauge("registrar/registry_size_bytes"),
            fetch: metrics.timer("registrar/state_fetch"),
            store: metrics.timer("registrar/state_store"),
        });
        self.asked = ctx.runtime().now();
        ctx.task(self.store.load(), Input::Loaded);
        ctx.every(self.settings.interval, || Input::Collect);
    }
}

impl Process for Registrar {
    const KIND: &'static str = "registrar";
    type Input = Input;

    /// Source: Mesos endpoints, "other processes in the master binary".
    fn doors(&self, doors: &mut Doors<Self>) {
        let (committed, led) = (self.committed.clone(), self.led.clone());
        let route = Route::any("/registry").help("What the log keeps of this cluster.").realm(READ_ONLY);
        doors.route(route, move |_, _| {
            ready(Response::json(views::registry::body(committed.load_full(), led.get())))
        });
    }
}

impl Handler<Input> for Registrar {
    type Result = ();

    fn handle(&mut self, input: Input, ctx: &mut Context<Self>) {
        match input {
            Input::Record(delta) if self.phase == Phase::Loading => {
                // Judged when the content is known; the master waits for `Recovered` before it asks, so this is rare.
                self.queue.push_back(Queued {
                    delta: Arc::new(delta),
                    outcome: Ok(false),
                    own: false,
                    size: 0,
                });
                return;
            }
            Input::Record(delta) => self.record(delta, false),
            Input::Loaded(Ok(registry)) => {
                self.phase = Phase::Idle;
                self.sizes = Sizes::of(&registry);
                self.measure(Some(|meters| &meters.fetch), ctx);
                self.proposed = registry.clone();
                self.committed.store(Arc::new(registry.clone()));
                if let Some(leader) = self.leader.take() {
                    drop(self.led.set(leader));
                }
                (self.report)(Report::Recovered(registry));
                for early in std::mem::take(&mut self.queue) {
                    self.record(Delta::clone(&early.delta), false);
                }
            }
            Input::Stored(Ok(())) => {
                self.phase = Phase::Idle;
                self.answer();
                self.measure(Some(|meters| &meters.store), ctx);
            }
            Input::Loaded(Err(error)) | Input::Stored(Err(error)) => {
                tracing::warn!(%error, "registry store failed, trying again");
                self.phase = if self.phase == Phase::Loading { Phase::Loading } else { Phase::Idle };
                ctx.after(RETRY, Input::Retry);
                return;
            }
            Input::Retry if self.phase == Phase::Loading => {
                self.asked = ctx.runtime().now();
                ctx.task(self.store.load(), Input::Loaded);
                return;
            }
            Input::Retry => {}
            Input::Collect => {
                if let Some(delta) = self.proposed.overdue(self.settings.limits, ctx.now().into()) {
                    self.record(delta, true);
                }
            }
        }
        self.write(ctx);
        self.measure(None, ctx);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use libprocess::{Runtime, Spawn};
    use model::{AgentInfo, Weight};

    use super::super::store::Storing;
    use super::*;

    /// Fails the first write, keeps the sizes of all.
    struct Shaky {
        writes: mpsc::Sender<usize>,
        failures: usize,
    }

    impl Store for Shaky {
        fn load(&mut self) -> Storing<Registry> {
            Box::pin(ready(Ok(Registry::default())))
        }

        fn append(&mut self, deltas: Vec<Arc<Delta>>) -> Storing<()> {
            let fails = self.failures > 0;
            self.failures = self.failures.saturating_sub(1);
            self.writes.send(deltas.len()).expect("the test listens");
            Box::pin(async move {
                match fails {
                    true => Err(StoreError::Failed("disk".to_owned())),
                    false => Ok(()),
                }
            })
        }
    }

    #[test]
    fn answers_come_in_order_after_the_store_and_a_failed_write_is_repeated() {
        let runtime = Runtime::start(libprocess::Config::default()).expect("loopback");
        let (reports, told) = mpsc::channel();
        let (writes, written) = mpsc::channel();
        let limits = RegistryLimits { age: Duration::from_secs(1), count: 9 };
        let settings = Settings { interval: Duration::from_secs(60), limits };
        let registrar = runtime
            .spawn(Spawn::prefixed("registrar"), move || {
                Registrar::new(Shaky { writes, failures: 1 }, settings, move |report| {
                    drop(reports.send(report))
                })
            })
            .expect("once");
        let info = Arc::new(AgentInfo {
            id: None,
            hostname: "h".into(),
            port: 1,
            resources: Default::default(),
            attributes: Default::default(),
            domain: None,
        });
        assert_eq!(told.recv(), Ok(Report::Recovered(Registry::default())));
        for id in ["a", "a", "b"] {
            registrar
                .tell(Input::Record(Delta::AdmitAgent { id: id.into(), info: info.clone() }))
                .expect("room");
        }
        let outcomes: Vec<(String, Result<bool, Refused>)> = (0..3)
            .map(|_| match told.recv() {
                Ok(Report::Recorded { delta, outcome }) => (delta.to_string(), outcome),
                other => panic!("{other:?}"),
            })
            .collect();
        let said = |text: &str, changed| (text.to_owned(), Ok(changed));
        assert_eq!(
            outcomes,
            [said("admit agent a", true), said("admit agent a", false), said("admit agent b", true)]
        );
        runtime.shutdown();
        let written: Vec<usize> = written.try_iter().collect();
        assert!(
            written.len() >= 2 && written.iter().sum::<usize>() >= 3,
            "the first write is repeated: {written:?}"
        );
    }

    #[test]
    fn what_is_too_large_is_refused_and_nothing_waits_behind_it() {
        let runtime = Runtime::start(libprocess::Config::default()).expect("loopback");
        let (reports, told) = mpsc::channel();
        let limits = RegistryLimits { age: Duration::from_secs(1), count: 9 };
        let settings = Settings { interval: Duration::from_secs(60), limits };
        let registrar = runtime
            .spawn(Spawn::prefixed("registrar"), move || {
                Registrar::new(Picky, settings, move |report| drop(reports.send(report)))
            })
            .expect("once");
        assert_eq!(told.recv(), Ok(Report::Recovered(Registry::default())));
        // One that never fits, then more than fits at once.
        let sizes = [4 << 20, 2 << 20, 1 << 20, 2 << 20, 10, 3_000_000];
        for (number, size) in (0_u8..).zip(sizes) {
            let role = char::from(b'a' + number).to_string().repeat(size);
            let weight = Weight::new(role.into(), 2.0).expect("it is positive");
            registrar.tell(Input::Record(Delta::UpdateWeights { weights: vec![weight] })).expect("room");
        }
        for size in sizes {
            let Ok(Report::Recorded { outcome, .. }) = told.recv() else { panic!("an answer") };
            match size > CHANGE_MAX {
                true => {
                    assert!(matches!(outcome, Err(Refused::TooLarge(took)) if took > size), "{outcome:?}")
                }
                false => assert_eq!(outcome, Ok(true)),
            }
        }
        runtime.shutdown();
    }

    /// Takes no more at once than the log.
    struct Picky;

    impl Store for Picky {
        fn load(&mut self) -> Storing<Registry> {
            Box::pin(ready(Ok(Registry::default())))
        }

        fn append(&mut self, deltas: Vec<Arc<Delta>>) -> Storing<()> {
            let deltas: Vec<Delta> = deltas.iter().map(|delta| Delta::clone(delta)).collect();
            assert!(wire::encode(&deltas).len() < 4 << 20);
            Box::pin(ready(Ok(())))
        }
    }
}
