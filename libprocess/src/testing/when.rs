//! What is meant, what is done with it, and what was seen of it.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tokio::sync::mpsc;

use super::filters::{Filter, Filters, Gather, Passing, Verdict, What};
use crate::{Pid, Process, Runtime, Upid};

/// How many that were seen are kept until somebody takes them; more are only counted.
const SEEN_MAX: usize = 65_536;

/// A process a filter means: this life of it, any life, or any of that name.
#[derive(Clone, Debug)]
pub struct Who(Means);

#[derive(Clone, Debug)]
enum Means {
    Upid(Upid),
    Id(String),
}

impl Who {
    fn is(&self, upid: &Upid) -> bool {
        match &self.0 {
            Means::Upid(meant) if meant.epoch().is_some() => meant == upid,
            Means::Upid(meant) => *meant == upid.bare(),
            Means::Id(id) => id == upid.id(),
        }
    }
}

impl From<&Upid> for Who {
    fn from(upid: &Upid) -> Who {
        Who(Means::Upid(upid.clone()))
    }
}

impl<A: Process> From<&Pid<A>> for Who {
    fn from(pid: &Pid<A>) -> Who {
        pid.upid().into()
    }
}

impl From<&str> for Who {
    fn from(id: &str) -> Who {
        Who(Means::Id(id.to_owned()))
    }
}

/// What is meant; ends in what is done with it.
#[must_use = "nothing happens before it is said what"]
pub struct When<T> {
    runtime: Runtime,
    sight: Sight<T>,
    to: Option<Who>,
    from: Option<Who>,
    copied: bool,
}

type Sight<T> = Box<dyn Fn(&What<'_>) -> Option<T> + Send + Sync>;

impl<T: Send + 'static> When<T> {
    pub(super) fn new(
        runtime: &Runtime,
        sight: impl Fn(&What<'_>) -> Option<T> + Send + Sync + 'static,
    ) -> When<T> {
        When { runtime: runtime.clone(), sight: Box::new(sight), to: None, from: None, copied: false }
    }

    /// It can be delivered twice.
    pub(super) fn copied(self) -> When<T> {
        When { copied: true, ..self }
    }

    /// Only what this one receives. Requests are received by nobody; their path says it.
    pub fn to(self, who: impl Into<Who>) -> When<T> {
        When { to: Some(who.into()), ..self }
    }

    /// Only what this one sent, or of whose end an exit tells. Inputs do not know who sent them.
    pub fn from(self, who: impl Into<Who>) -> When<T> {
        When { from: Some(who.into()), ..self }
    }

    /// Only what this holds of.
    pub fn that(self, holds: impl Fn(&T) -> bool + Send + Sync + 'static) -> When<T> {
        let sight = self.sight;
        When { sight: Box::new(move |what| sight(what).filter(|seen| holds(seen))), ..self }
    }

    /// Sees it, and lets it pass.
    pub fn observe(self) -> Seen<T> {
        self.act(Action::Observe)
    }

    /// The first is lost.
    pub fn drop_once(self) -> Seen<T> {
        self.drop_first(1)
    }

    /// The first so many are lost.
    pub fn drop_first(self, many: u64) -> Seen<T> {
        self.act(Action::Drop(AtomicU64::new(many)))
    }

    /// All are lost.
    pub fn drop_all(self) -> Seen<T> {
        self.drop_first(u64::MAX)
    }

    /// Each arrives so much later, behind what overtakes it meanwhile.
    pub fn delay(self, time: Duration) -> Seen<T> {
        self.act(Action::Say(Verdict::Delay(time)))
    }

    /// Each arrives twice. A question is answered by the first.
    ///
    /// Panics: for what is no message, as nobody can copy it.
    pub fn duplicate(self) -> Seen<T> {
        assert!(self.copied, "only messages and questions can be delivered twice");
        self.act(Action::Say(Verdict::Twice))
    }

    /// Gathers so many for each receiver and lets them go in an order that `seed` draws. What was
    /// gathered by the end of the filter goes as it came.
    pub fn reorder(self, many: usize, seed: u64) -> Seen<T> {
        let chance = ChaCha8Rng::seed_from_u64(seed);
        self.act(Action::Say(Verdict::Gather(Arc::new(Gather::new(many, chance)))))
    }

    /// None is to come while the handle lives: if one did, dropping the handle panics.
    #[must_use = "it is checked when the handle is dropped"]
    pub fn never(self) -> Seen<T> {
        self.act(Action::Never)
    }

    fn act(self, action: Action) -> Seen<T> {
        let When { runtime, sight, to, from, .. } = self;
        let (sender, receiver) = mpsc::channel(SEEN_MAX);
        let rule = Arc::new(Rule { sight, to, from, action, count: AtomicU64::new(0), sender });
        let filters = runtime.filters().clone();
        let number = filters.install(rule.clone());
        Seen { filters, number, rule, receiver: Mutex::new(receiver) }
    }
}

enum Action {
    Observe,
    /// So many more.
    Drop(AtomicU64),
    Say(Verdict),
    Never,
}

struct Rule<T> {
    sight: Sight<T>,
    to: Option<Who>,
    from: Option<Who>,
    action: Action,
    count: AtomicU64,
    sender: mpsc::Sender<T>,
}

impl<T: Send> Filter for Rule<T> {
    fn only_looks(&self) -> bool {
        matches!(self.action, Action::Observe | Action::Never)
    }

    fn judge(&self, passing: &Passing<'_>) -> Option<Verdict> {
        let meant = |who: &Option<Who>, whom: Option<&Upid>| match who {
            Some(who) => whom.is_some_and(|whom| who.is(whom)),
            None => true,
        };
        if !meant(&self.to, passing.to) || !meant(&self.from, passing.from) {
            return None;
        }
        let seen = (self.sight)(&passing.what)?;
        let verdict = match &self.action {
            Action::Observe | Action::Never => Verdict::Pass,
            Action::Say(verdict) => verdict.clone(),
            Action::Drop(left) => {
                let one_less = |left: u64| left.checked_sub(1);
                left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).ok()?;
                Verdict::Drop
            }
        };
        self.count.fetch_add(1, Ordering::SeqCst);
        let _ = self.sender.try_send(seen);
        Some(verdict)
    }
}

/// What a filter has caught. The filter works while this lives.
#[must_use = "the filter works while this lives"]
pub struct Seen<T: Send + 'static> {
    filters: Filters,
    number: u64,
    rule: Arc<Rule<T>>,
    receiver: Mutex<mpsc::Receiver<T>>,
}

impl<T: Send + 'static> Seen<T> {
    /// The next that was caught, once there is one.
    pub async fn taken(&self) -> T {
        poll_fn(|poller| self.receiver.lock().poll_recv(poller)).await.expect("the rule holds the other end")
    }

    /// The next that was caught, if there is one.
    pub fn try_taken(&self) -> Option<T> {
        self.receiver.lock().try_recv().ok()
    }

    /// How many were caught so far.
    pub fn count(&self) -> u64 {
        self.rule.count.load(Ordering::SeqCst)
    }
}

impl<T: Send + 'static> Drop for Seen<T> {
    fn drop(&mut self) {
        self.filters.remove(self.number);
        if let Action::Say(Verdict::Gather(gather)) = &self.rule.action {
            gather.end();
        }
        if matches!(self.rule.action, Action::Never) && self.count() > 0 && !std::thread::panicking() {
            panic!("{} times came what was never to: {}", self.count(), std::any::type_name::<T>());
        }
    }
}
