//! A framework that runs jobs: it takes what is offered for what waits, the oldest first.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use driver::{Calls, Scheduler};
use libprocess::Runtime;
use model::call::Call;
use model::{
    AgentId, Attributes, CommandInfo, Filters, FrameworkId, Offer, OfferId, OfferOperation, OperationKind,
    TaskId, TaskInfo, TaskState, TaskStatus,
};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::record::{self, Shared};
use super::{Job, Style};
use crate::machine::{Behaviour, Ending};

/// How many of the tasks that wait are tried on an offer before it is given back: an odd one at the head must not make
/// all others wait, nor a long queue make an offer dear.
const LOOKS_MAX: usize = 64;

/// A framework of jobs.
pub(crate) struct Jobs {
    record: Shared,
    /// Time since the cluster was switched on is that of this node and this much.
    node: Runtime,
    born: Duration,
    chance: ChaCha8Rng,
    /// Shape: job → what is left to do of it.
    waiting: VecDeque<Waiting>,
    jobs: BTreeMap<Arc<str>, Arc<Job>>,
    /// Offers kept for a gang until there are enough.
    kept: Vec<Offer>,
    suppressed: bool,
}

/// Tasks that are to be launched.
struct Waiting {
    job: Arc<Job>,
    submitted: Duration,
    /// The number of the next task.
    next: usize,
    left: usize,
    /// How often they were tried before.
    attempt: u32,
}

impl Jobs {
    pub(crate) fn new(record: Shared, node: Runtime, born: Duration, chance: ChaCha8Rng) -> Jobs {
        Jobs {
            record,
            node,
            born,
            chance,
            waiting: VecDeque::new(),
            jobs: BTreeMap::new(),
            kept: Vec::new(),
            suppressed: false,
        }
    }

    fn now(&self) -> Duration {
        self.born + self.node.elapsed()
    }

    /// A job has arrived.
    pub(crate) fn submit(&mut self, calls: &mut Calls, job: Arc<Job>) {
        self.record.lock().counts.pending += job.tasks;
        self.jobs.insert(job.name.as_str().into(), job.clone());
        let submitted = self.now();
        self.waiting.push_back(Waiting { submitted, next: 0, left: job.tasks, attempt: 0, job });
        self.wake(calls);
    }

    /// Ends a job: what waits is forgotten, what runs is killed.
    pub(crate) fn cancel(&mut self, calls: &mut Calls, name: &str) {
        let (gone, left): (Vec<_>, Vec<_>) =
            self.waiting.drain(..).partition(|waiting| waiting.job.name == name);
        self.waiting = left.into();
        let mut record = self.record.lock();
        record.counts.pending -= gone.iter().map(|waiting| waiting.left).sum::<usize>();
        self.jobs.remove(name);
        let prefix = format!("{name}.");
        for id in record.live.keys().filter(|id| id.as_str().starts_with(&prefix)) {
            calls.kill(id.clone(), None);
        }
    }

    /// Wants offers if it did not.
    fn wake(&mut self, calls: &mut Calls) {
        if std::mem::replace(&mut self.suppressed, false) && !calls.framework().as_str().is_empty() {
            calls.revive(Vec::new());
        }
    }

    /// A task has to be done again.
    fn again(&mut self, calls: &mut Calls, job: Arc<Job>, number: usize, attempt: u32) {
        self.record.lock().counts.pending += 1;
        let submitted = self.now();
        self.waiting.push_back(Waiting { job, submitted, next: number, left: 1, attempt: attempt + 1 });
        self.wake(calls);
    }

    /// Takes of an offer what it is good for.
    fn fill(&mut self, offer: &Offer) -> Vec<TaskInfo> {
        let mut free = offer.resources.unallocate();
        let (now, mut tasks) = (self.now(), Vec::new());
        let mut at = 0;
        while at < self.waiting.len().min(LOOKS_MAX) {
            let fits = |waiting: &Waiting| {
                waiting.job.style != Style::Gang
                    && allows(&waiting.job, &offer.attributes)
                    && free.contains(&waiting.job.resources)
            };
            if !fits(&self.waiting[at]) {
                at += 1;
                continue;
            }
            free -= &self.waiting[at].job.resources;
            tasks.push(self.take(at, &offer.agent_id, now));
        }
        tasks
    }

    /// The next task of what waits at a place in the queue.
    fn take(&mut self, at: usize, agent: &AgentId, now: Duration) -> TaskInfo {
        let waiting = &mut self.waiting[at];
        let (job, number, attempt) = (waiting.job.clone(), waiting.next, waiting.attempt);
        waiting.next += 1;
        waiting.left -= 1;
        let submitted = waiting.submitted;
        if waiting.left == 0 {
            self.waiting.remove(at);
        }
        let id = TaskId::new(match attempt {
            0 => format!("{}.{number}", job.name),
            _ => format!("{}.{number}.{attempt}", job.name),
        });
        let mut record = self.record.lock();
        record.counts.pending -= 1;
        record.launched(id.clone(), now, submitted);
        drop(record);
        let mut task = TaskInfo::new(id, agent.clone(), job.resources.clone());
        task.command = Some(CommandInfo::shell(self.behaviour(&job).command()));
        task
    }

    fn behaviour(&mut self, job: &Job) -> Behaviour {
        let mut behaviour = Behaviour { lasts: job.lasts.draw(&mut self.chance), ..Behaviour::FOREVER };
        let roll: f64 = self.chance.random();
        let faults = &job.faults;
        if roll < faults.hangs {
            behaviour = Behaviour { lasts: None, complies: None, ..behaviour };
        } else if roll < faults.hangs + faults.crashes {
            behaviour.ends = Ending::Crash;
        } else if roll < faults.hangs + faults.crashes + faults.fails {
            behaviour.ends = Ending::Exit(1);
        }
        behaviour
    }

    /// Begins the gang at the head of the queue if what is kept suffices for all of it. Says whether it did.
    fn begin_gang(&mut self, calls: &mut Calls) -> bool {
        let Some(at) = self.waiting.iter().position(|waiting| waiting.job.style == Style::Gang) else {
            return false;
        };
        let (job, mut left) = (self.waiting[at].job.clone(), self.waiting[at].left);
        let mut plan: Vec<(usize, usize)> = Vec::new();
        for (number, offer) in self.kept.iter().enumerate() {
            let mut free = offer.resources.unallocate();
            let mut here = 0;
            while left > 0 && allows(&job, &offer.attributes) && free.contains(&job.resources) {
                free -= &job.resources;
                (left, here) = (left - 1, here + 1);
            }
            plan.extend((here > 0).then_some((number, here)));
        }
        if left > 0 {
            return false;
        }
        let now = self.now();
        let kept = std::mem::take(&mut self.kept);
        for (number, here) in &plan {
            let offer = &kept[*number];
            let tasks = (0..*here).map(|_| self.take_of(&job, &offer.agent_id, now)).collect();
            launch(calls, offer.id.clone(), tasks);
        }
        let used: Vec<usize> = plan.into_iter().map(|(number, _)| number).collect();
        let rest = kept.into_iter().enumerate().filter(|(number, _)| !used.contains(number));
        self.kept = rest.map(|(_, offer)| offer).collect();
        true
    }

    fn take_of(&mut self, job: &Arc<Job>, agent: &AgentId, now: Duration) -> TaskInfo {
        let at = self.waiting.iter().position(|waiting| Arc::ptr_eq(&waiting.job, job));
        self.take(at.expect("a gang that waits"), agent, now)
    }

    /// Gives back what was kept for a gang in vain, so that nobody waits for what nobody uses.
    pub(crate) fn release(&mut self, calls: &mut Calls) {
        if !self.kept.is_empty() {
            calls.decline(self.kept.drain(..).map(|offer| offer.id), Filters::default());
        }
    }

    /// Whether offers are to be kept.
    fn has_gang(&self) -> bool {
        self.waiting.iter().any(|waiting| waiting.job.style == Style::Gang)
    }
}

/// Whether a job may run on a machine that says this of itself.
fn allows(job: &Job, attributes: &Attributes) -> bool {
    let Some((name, value)) = &job.only else { return true };
    attributes.get(name).is_some_and(|found| found.to_string() == *value)
}

/// Launches on an offer; what is left of it may come back at once.
fn launch(calls: &mut Calls, offer: OfferId, tasks: Vec<TaskInfo>) {
    let kind = OperationKind::Launch(tasks.into_iter().map(Ok).collect());
    let filters = Filters { refuse: Duration::ZERO };
    calls.accept([offer], vec![OfferOperation { id: None, kind }], filters);
}

/// The number of a task within its job, and which attempt it is: `<job>.<number>[.<attempt>]`.
fn number_of(id: &TaskId, job: &str) -> Option<(usize, u32)> {
    let rest = id.as_str().strip_prefix(job)?.strip_prefix('.')?;
    match rest.split_once('.') {
        None => Some((rest.parse().ok()?, 0)),
        Some((number, attempt)) => Some((number.parse().ok()?, attempt.parse().ok()?)),
    }
}

impl Scheduler for Jobs {
    fn subscribed(&mut self, calls: &mut Calls, _: &FrameworkId) {
        self.kept.clear();
        self.suppressed = false;
        if self.waiting.is_empty() {
            self.suppressed = true;
            calls.suppress(Vec::new());
        }
    }

    fn offers(&mut self, calls: &mut Calls, offers: Vec<Offer>) {
        let mut unused = Vec::new();
        for offer in offers {
            let tasks = self.fill(&offer);
            match tasks.is_empty() {
                true if self.has_gang() => self.kept.push(offer),
                true => unused.push(offer.id),
                false => launch(calls, offer.id, tasks),
            }
        }
        while self.begin_gang(calls) {}
        if !self.has_gang() {
            unused.extend(self.kept.drain(..).map(|offer| offer.id));
        }
        if !unused.is_empty() {
            calls.decline(unused, Filters::default());
        }
        if self.waiting.is_empty() && !std::mem::replace(&mut self.suppressed, true) {
            calls.suppress(Vec::new());
        }
    }

    fn rescinded(&mut self, _: &mut Calls, offer: OfferId) {
        self.kept.retain(|kept| kept.id != offer);
    }

    fn update(&mut self, calls: &mut Calls, status: &TaskStatus) {
        let now = self.now();
        let mut record = self.record.lock();
        if !record.update(&status.task_id, status.state, now) {
            let runs = !status.state.is_terminal() && !record::is_vague(status.state);
            // It was lost, with its agent; another does its work by now.
            if runs && record.ended.contains_key(&status.task_id) {
                calls.kill(status.task_id.clone(), None);
            }
            return;
        }
        drop(record);
        let id = status.task_id.as_str();
        let name = id.split_once('.').map_or(id, |(name, _)| name);
        let Some(job) = self.jobs.get(name).cloned() else { return };
        let Some((number, attempt)) = number_of(&status.task_id, name) else { return };
        match (job.style, status.state) {
            (Style::Batch | Style::Gang, TaskState::Finished) => {}
            // A gang is not whole any more; its other tasks go on, as those of MPI jobs that checkpoint.
            _ => self.again(calls, job, number, attempt),
        }
    }

    fn refused(&mut self, calls: &mut Calls, call: &Call, _: &str) {
        let Call::Accept(accept) = call else { return };
        // They may have arrived or not; whoever knows will say.
        let launched = accept.operations.iter().flat_map(|operation| match &operation.kind {
            OperationKind::Launch(tasks) => tasks.iter().flatten().collect(),
            _ => Vec::new(),
        });
        let asked: Vec<_> = launched.map(|task| (task.id.clone(), Some(task.agent_id.clone()))).collect();
        if !asked.is_empty() {
            calls.reconcile(asked);
        }
    }
}
