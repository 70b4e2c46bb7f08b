//! The process around a scheduler: keeps it connected, feeds it, and sends what it says.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

use detector::{Detector, Found};
use libprocess::{
    Actor, AskError, Context, Handler, Message, Pid, Process, Runtime, Spawn, SpawnError, Timer,
};
use model::FrameworkId;
use model::call::{Call, Subscribe};
use model::event::Event;
use rand::RngExt;
use tracing::{debug, info, warn};

use crate::masters::Masters;
use crate::stream::{self, Events, NotOpened, Voice};
use crate::{Calls, Config, Scheduler};

/// After so many heartbeats that did not come, the master is given up.
const HEARTBEATS_MISSED_MAX: u32 = 5;

/// All that can happen to a driver.
pub enum Input<S> {
    /// Time to try the next master.
    Connect,
    /// A master has said where it leads; with it comes what goes on looking.
    Found(Found, Search),
    /// Whether the subscription of this generation was taken.
    Opened(u64, Box<Result<(Opened, String), Unopened>>),
    /// Events, or the end of the stream of this generation.
    Read(u64, Box<Result<(Opened, Vec<Event>), String>>),
    /// The oldest call was sent, or why not.
    Sent(Box<Result<(), (Call, String)>>),
    /// Time to ask about the tasks that are still in doubt.
    Ask,
    /// Time to see whether heartbeats still come.
    Listen(u64),
    /// Something the outside wants done with the scheduler.
    With(Work<S>),
}

/// Something to be done with a scheduler, between its own turns.
type Work<S> = Box<dyn FnOnce(&mut S, &mut Calls) + Send>;

/// What looks for the leading master.
pub struct Search(Box<Detector>);

/// A stream on its way between the process and whoever reads it.
pub struct Opened(Events);

/// Why a subscription was not taken.
pub struct Unopened(NotOpened);

impl<S: 'static> Message for Input<S> {
    type Result = ();
}

/// A scheduler and its connection.
///
/// ```text
///   waiting ──► connecting ──► subscribed ──► ended (torn down, stopped or refused)
///      ▲             │              │
///      └─────────────┴──────────────┘  the stream breaks, or heartbeats stay away
/// ```
pub struct Driver<S: Scheduler> {
    scheduler: S,
    config: Config,
    calls: Calls,
    /// Where masters are named, unless ZooKeeper is asked.
    named: Option<detector::Masters>,
    masters: Masters,
    /// The next attempt, while it is waited for.
    attempt: Option<Timer>,
    /// The master and stream id of the open subscription.
    subscribed: Option<(String, String)>,
    /// Counts connections, so that news of an old one is not mistaken for news of this one.
    generation: u64,
    heard: SystemTime,
    heartbeat: Duration,
    /// The next question about tasks in doubt, while answers are waited for.
    question: Option<Timer>,
    /// Calls that wait, the oldest first; they go out one after the other, so that order is kept.
    outgoing: VecDeque<Call>,
    sending: bool,
    ended: bool,
}

/// Starts a driver for a scheduler that `scheduler` makes on its own shard.
///
/// Errors: when the runtime has ended.
pub fn spawn<S: Scheduler>(
    runtime: &Runtime,
    config: Config,
    scheduler: impl FnOnce() -> S + Send + 'static,
) -> Result<Handle<S>, SpawnError> {
    let pid = runtime.spawn(Spawn::prefixed("scheduler"), move || Driver::new(scheduler(), config))?;
    Ok(Handle { pid })
}

/// A driver, seen from outside.
pub struct Handle<S: Scheduler> {
    pid: Pid<Driver<S>>,
}

impl<S: Scheduler> Clone for Handle<S> {
    fn clone(&self) -> Self {
        Handle { pid: self.pid.clone() }
    }
}

impl<S: Scheduler> Handle<S> {
    /// Does something with the scheduler, between its other work; nothing if it has ended.
    pub fn with(&self, work: impl FnOnce(&mut S, &mut Calls) + Send + 'static) {
        let _ = self.pid.tell(Input::With(Box::new(work)));
    }

    /// Asks the scheduler something.
    ///
    /// Errors: when it has ended, or does not answer in time.
    pub async fn ask<T: Send + 'static>(
        &self,
        within: Duration,
        question: impl FnOnce(&mut S, &mut Calls) -> T + Send + 'static,
    ) -> Result<T, AskError> {
        let input = |reply: libprocess::Reply<T>| {
            Input::With(Box::new(move |scheduler, calls| reply.send(question(scheduler, calls))))
        };
        self.pid.call(within, input).await
    }

    /// Returns when the driver has ended.
    pub async fn wait(&self) {
        self.pid.wait().await;
    }
}

impl<S: Scheduler> Driver<S> {
    fn new(scheduler: S, config: Config) -> Driver<S> {
        let id = config.framework.id.clone().unwrap_or_else(|| FrameworkId::new(""));
        Driver {
            scheduler,
            calls: Calls::new(id),
            named: None,
            masters: Masters::new(config.backoff_min, config.backoff_max),
            attempt: None,
            subscribed: None,
            generation: 0,
            heard: SystemTime::UNIX_EPOCH,
            heartbeat: Duration::from_secs(15),
            question: None,
            outgoing: VecDeque::new(),
            sending: false,
            ended: false,
            config,
        }
    }

    /// Finds out where masters are, and turns to the first.
    fn begin(&mut self, ctx: &mut Context<Self>) {
        let masters: detector::Masters = match self.config.masters.join(",").parse() {
            Ok(masters) => masters,
            Err(error) => {
                self.scheduler.error(&mut self.calls, &format!("no master was named: {error}"));
                return ctx.stop();
            }
        };
        match masters.names() {
            Some(names) => {
                self.masters.found(names.unwrap_or_default());
                self.named = Some(masters);
                self.connect(ctx);
            }
            None => {
                let detector = Detector::new(ctx.runtime(), &masters, self.config.zookeeper_session_timeout);
                self.search(Search(Box::new(detector)), ctx);
            }
        }
    }

    /// Waits for the next leader that is found.
    fn search(&mut self, Search(mut detector): Search, ctx: &mut Context<Self>) {
        let found = async move { (detector.next().await, detector) };
        ctx.task(found, |(found, detector)| Input::Found(found, Search(detector)));
    }

    /// A master has said that it leads: it is turned to at once, whoever was spoken to before.
    fn found(&mut self, found: &Found, ctx: &mut Context<Self>) {
        let found: Vec<String> = found.addresses().iter().map(ToString::to_string).collect();
        let at = self.subscribed.as_ref().map(|(master, _)| master.clone());
        if at.is_some_and(|at| found.contains(&at)) {
            return self.masters.renamed(found);
        }
        info!(?found, "a leading master");
        // News of the connection before, if there is one or it is being made, is of no interest any more.
        self.generation += 1;
        let subscribed = self.subscribed.is_some();
        self.masters.found(found);
        if subscribed && !self.leave("another master leads", ctx) {
            return;
        }
        self.connect(ctx);
    }

    /// Tries again after a while.
    fn connect_after(&mut self, wait: Duration, ctx: &mut Context<Self>) {
        if let Some(before) = self.attempt.replace(ctx.after(wait, Input::Connect)) {
            ctx.cancel(before);
        }
    }

    fn connect(&mut self, ctx: &mut Context<Self>) {
        if let Some(attempt) = self.attempt.take() {
            ctx.cancel(attempt);
        }
        let Some(master) = self.masters.current() else {
            self.scheduler.error(&mut self.calls, "no master was named");
            return ctx.stop();
        };
        self.generation += 1;
        debug!(master, "subscribing");
        let subscribe = Call::Subscribe(Subscribe {
            framework_id: self.config.framework.id.clone(),
            framework: Ok(self.config.framework.clone()),
            suppressed_roles: Vec::new(),
            constraints: Default::default(),
        });
        let opening = stream::open(self.voice(ctx), master.clone(), subscribe);
        let generation = self.generation;
        ctx.task(opening, move |opened| {
            let opened = opened.map(|(events, stream)| (Opened(events), format!("{master} {stream}")));
            Input::Opened(generation, Box::new(opened.map_err(Unopened)))
        });
    }

    fn voice(&self, ctx: &Context<Self>) -> Voice {
        let (media, credential) = (self.config.media, self.config.credential.clone());
        Voice { client: ctx.runtime().client(), media, credential }
    }

    fn opened(&mut self, opened: Result<(Opened, String), Unopened>, ctx: &mut Context<Self>) {
        let chance = chance(ctx);
        match opened {
            Ok((events, at)) => {
                self.masters.connected();
                let (master, stream) = at.split_once(' ').unwrap_or((&at, ""));
                self.subscribed = Some((master.to_owned(), stream.to_owned()));
                self.heard = ctx.now();
                self.read(events, ctx);
                self.listen(ctx);
            }
            Err(Unopened(NotOpened::Elsewhere(leader))) => {
                let wait = self.masters.redirected(leader, chance);
                self.connect_after(wait, ctx);
            }
            Err(Unopened(NotOpened::Failed(why))) => self.retry(&why, ctx),
            Err(Unopened(NotOpened::Refused(why))) => self.refused(&why, ctx),
        }
    }

    /// The stream is gone, and what was not sent is lost; gives whether the scheduler wants another.
    fn leave(&mut self, why: &str, ctx: &mut Context<Self>) -> bool {
        self.subscribed = None;
        self.outgoing.clear();
        if let Some(question) = self.question.take() {
            ctx.cancel(question);
        }
        if self.ended || self.calls.stopping {
            ctx.stop();
            return false;
        }
        warn!(why, "not subscribed");
        self.scheduler.disconnected(&mut self.calls, why);
        // Without a stream there is nobody to say anything to.
        self.calls.said.clear();
        if self.calls.stopping {
            ctx.stop();
        }
        !self.calls.stopping
    }

    /// Makes a new connection after a while.
    fn retry(&mut self, why: &str, ctx: &mut Context<Self>) {
        if !self.leave(why, ctx) {
            return;
        }
        let wait = self.masters.failed(chance(ctx));
        // A file may name others by now; one that cannot be read changes nothing.
        if let Some(Some(Ok(names))) = self.named.as_ref().map(detector::Masters::names) {
            self.masters.renamed(names);
        }
        self.connect_after(wait, ctx);
    }

    fn refused(&mut self, why: &str, ctx: &mut Context<Self>) {
        self.scheduler.error(&mut self.calls, why);
        self.ended = true;
        ctx.stop();
    }

    /// Waits for the next events of this connection.
    fn read(&mut self, mut events: Opened, ctx: &mut Context<Self>) {
        let generation = self.generation;
        let next = async move {
            let next = events.0.next().await;
            next.map(|heard| (events, heard))
        };
        ctx.task(next, move |read| Input::Read(generation, Box::new(read)));
    }

    fn heard(&mut self, read: Result<(Opened, Vec<Event>), String>, ctx: &mut Context<Self>) {
        match read {
            Ok((events, heard)) => {
                self.heard = ctx.now();
                for event in heard {
                    self.event(event, ctx);
                    if self.ended {
                        return;
                    }
                }
                self.read(events, ctx);
                self.flush(ctx);
            }
            Err(why) => self.retry(&why, ctx),
        }
    }

    fn event(&mut self, event: Event, ctx: &mut Context<Self>) {
        let (scheduler, calls) = (&mut self.scheduler, &mut self.calls);
        match event {
            Event::Subscribed { framework_id, heartbeat_interval, .. } => {
                info!(framework = %framework_id, "subscribed");
                self.heartbeat = heartbeat_interval;
                let before = self.config.framework.id.replace(framework_id.clone());
                calls.framework = framework_id.clone();
                scheduler.subscribed(calls, &framework_id);
                if before.is_some() && self.config.reconcile {
                    calls.running.doubt_all();
                    self.ask(ctx);
                    // What another scheduler of this framework launched is the master's to tell.
                    self.calls.reconcile(Vec::new());
                }
            }
            Event::Offers(offers) => {
                let own = |offer| std::sync::Arc::unwrap_or_clone(offer);
                scheduler.offers(calls, offers.into_iter().map(own).collect());
            }
            Event::Rescind { offer_id } => scheduler.rescinded(calls, offer_id),
            Event::Update(status) => {
                calls.running.heard(&status);
                scheduler.update(calls, &status);
                if self.config.acknowledge {
                    calls.acknowledge(&status);
                }
            }
            Event::Message { agent_id, executor_id, data } => {
                scheduler.message(calls, agent_id, executor_id, data)
            }
            Event::Failure { agent_id, executor_id, status } => {
                let lost = agent_id.clone().filter(|_| executor_id.is_none() && self.config.reconcile);
                scheduler.failure(calls, agent_id, executor_id, status);
                if let Some(agent) = lost {
                    calls.running.doubt_on(&agent);
                    self.ask(ctx);
                }
            }
            Event::Error { message } => self.refused(&message, ctx),
            // Inverse offers and operations are answered by schedulers that ask for them; this SDK does not yet.
            Event::InverseOffers(_)
            | Event::RescindInverseOffer { .. }
            | Event::UpdateOperationStatus(_)
            | Event::Heartbeat => {}
        }
    }

    /// Asks about the tasks in doubt, and again after a while about those nobody answered for.
    fn ask(&mut self, ctx: &mut Context<Self>) {
        if let Some(before) = self.question.take() {
            ctx.cancel(before);
        }
        // To name no task would ask for all.
        if self.calls.running.is_in_doubt() {
            let (tasks, wait) = self.calls.running.ask();
            self.calls.reconcile(tasks);
            self.question = Some(ctx.after(wait, Input::Ask));
        }
    }

    /// Moves what the scheduler said to the way out, and sends the oldest.
    fn flush(&mut self, ctx: &mut Context<Self>) {
        self.outgoing.extend(self.calls.said.drain(..));
        if self.sending {
            return;
        }
        let Some((master, stream)) = &self.subscribed else {
            // Nobody is there to be told; whoever wants to leave may.
            if self.calls.stopping {
                ctx.stop();
            }
            return;
        };
        match self.outgoing.pop_front() {
            Some(call) => {
                self.sending = true;
                let (master, stream) = (master.clone(), stream.clone());
                let sent = stream::send(self.voice(ctx), master, call, stream);
                ctx.task(sent, |sent| Input::Sent(Box::new(sent)));
            }
            None if self.calls.stopping => ctx.stop(),
            // What was said in a burst, such as the acknowledgements of all tasks, needs no room any more.
            None => (self.outgoing, self.calls.said) = Default::default(),
        }
    }

    fn sent(&mut self, sent: Result<(), (Call, String)>, ctx: &mut Context<Self>) {
        self.sending = false;
        if let Err((call, why)) = sent {
            warn!(call = call.name(), why, "a call was refused");
            self.scheduler.refused(&mut self.calls, &call, &why);
        }
        self.flush(ctx);
    }

    /// Looks again after a heartbeat's time.
    fn listen(&mut self, ctx: &mut Context<Self>) {
        ctx.after(self.heartbeat, Input::Listen(self.generation));
    }

    fn listened(&mut self, ctx: &mut Context<Self>) {
        let silence = ctx.now().duration_since(self.heard).unwrap_or_default();
        if silence > self.heartbeat * HEARTBEATS_MISSED_MAX {
            // The old stream may still be half open: its news is told apart by its generation.
            self.generation += 1;
            return self.retry("the master has fallen silent", ctx);
        }
        self.listen(ctx);
    }
}

/// A number from 0 to 1.
fn chance<S: Scheduler>(ctx: &mut Context<Driver<S>>) -> f64 {
    ctx.rng().random()
}

impl<S: Scheduler> Actor for Driver<S> {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.begin(ctx);
    }
}

impl<S: Scheduler> Process for Driver<S> {
    const KIND: &'static str = "scheduler";
    type Input = Input<S>;
}

impl<S: Scheduler> Handler<Input<S>> for Driver<S> {
    type Result = ();

    fn handle(&mut self, input: Input<S>, ctx: &mut Context<Self>) {
        match input {
            Input::Connect => self.connect(ctx),
            Input::Found(found, search) => {
                self.search(search, ctx);
                self.found(&found, ctx);
            }
            Input::Opened(generation, opened) if generation == self.generation => self.opened(*opened, ctx),
            Input::Read(generation, read) if generation == self.generation => self.heard(*read, ctx),
            Input::Listen(generation) if generation == self.generation => self.listened(ctx),
            Input::Opened(..) | Input::Read(..) | Input::Listen(_) => {}
            Input::Ask => {
                self.ask(ctx);
                self.flush(ctx);
            }
            Input::Sent(sent) => self.sent(*sent, ctx),
            Input::With(work) => {
                work(&mut self.scheduler, &mut self.calls);
                self.flush(ctx);
            }
        }
    }
}
