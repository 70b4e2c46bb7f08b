//! The filters of one runtime: what they look at, and what comes of it.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::environment::Clock;
use crate::http::Request;
use crate::{Exit, Runtime, Upid};

/// What is about to be delivered.
pub(crate) struct Passing<'a> {
    pub(super) to: Option<&'a Upid>,
    pub(super) from: Option<&'a Upid>,
    pub(super) what: What<'a>,
}

pub(crate) enum What<'a> {
    Message {
        name: &'a str,
        /// In which versions; the newest first.
        said: &'a [(u32, Box<[u8]>)],
    },
    /// The input of some process, as it is about to be handled.
    Input {
        input: &'a dyn Any,
        timer: bool,
    },
    Exit(&'a Exit),
    Request(&'a Request),
}

/// What becomes of it.
#[derive(Clone)]
pub(crate) enum Verdict {
    Pass,
    Drop,
    Delay(Duration),
    Twice,
    Gather(Arc<Gather>),
}

/// Delivers what was held back.
pub(crate) type Go = Box<dyn FnOnce() + Send>;

/// One filter.
pub(super) trait Filter: Send + Sync {
    /// Whether it only looks: then others decide.
    fn only_looks(&self) -> bool;
    /// What it has to say of this; nothing if it means something else.
    fn judge(&self, passing: &Passing<'_>) -> Option<Verdict>;
}

/// What a runtime keeps of them. Cheap to clone; clones share the filters.
#[derive(Clone, Default)]
pub(crate) struct Filters(Arc<Inner>);

#[derive(Default)]
struct Inner {
    active: AtomicBool,
    installed: Mutex<Installed>,
    /// What was dropped, whole, until the runtime ends: a lost question is not a rejected one.
    lost: Mutex<Vec<Go>>,
    strictness: AtomicU8,
    clock: OnceLock<Arc<dyn Clock>>,
}

#[derive(Default)]
struct Installed {
    last: u64,
    filters: Vec<(u64, Arc<dyn Filter>)>,
}

const STRICT: u8 = 1;
const LENIENT: u8 = 2;

impl Filters {
    #[inline]
    pub(crate) fn is_active(&self) -> bool {
        self.0.active.load(Ordering::Relaxed)
    }

    pub(super) fn install(&self, filter: Arc<dyn Filter>) -> u64 {
        let mut installed = self.0.installed.lock();
        installed.last += 1;
        let number = installed.last;
        installed.filters.push((number, filter));
        self.0.active.store(true, Ordering::SeqCst);
        number
    }

    pub(super) fn remove(&self, number: u64) {
        let mut installed = self.0.installed.lock();
        let removed = installed.filters.extract_if(.., |(known, _)| *known == number).last();
        self.0.active.store(!installed.filters.is_empty(), Ordering::SeqCst);
        drop(installed);
        drop(removed);
    }

    /// All who only look see it; of the others the newest that has something to say decides.
    pub(super) fn judge(&self, passing: &Passing<'_>) -> Verdict {
        let filters: Vec<_> =
            self.0.installed.lock().filters.iter().rev().map(|(_, filter)| filter.clone()).collect();
        let mut verdict = None;
        for filter in filters {
            if filter.only_looks() {
                filter.judge(passing);
            } else if verdict.is_none() {
                verdict = filter.judge(passing);
            }
        }
        verdict.unwrap_or(Verdict::Pass)
    }

    /// Does what was decided; `go` delivers it to `to`.
    pub(super) fn apply(&self, runtime: &Runtime, verdict: Verdict, to: &Upid, go: Go) {
        match verdict {
            Verdict::Pass | Verdict::Twice => go(),
            Verdict::Drop => self.lose(go),
            Verdict::Delay(time) => later(runtime, time, go),
            Verdict::Gather(gather) => gather.add(to, go),
        }
    }

    /// By which what comes over HTTP is delayed.
    pub(crate) fn keep_time(&self, clock: &Arc<dyn Clock>) {
        let _ = self.0.clock.set(clock.clone());
    }

    pub(super) fn clock(&self) -> &Arc<dyn Clock> {
        self.0.clock.get().expect("set when the runtime was put together")
    }

    pub(super) fn lose(&self, go: Go) {
        self.0.lost.lock().push(go);
    }

    pub(super) fn be_strict(&self) {
        let _ = self.0.strictness.compare_exchange(0, STRICT, Ordering::SeqCst, Ordering::SeqCst);
    }

    pub(super) fn be_lenient(&self) {
        self.0.strictness.store(LENIENT, Ordering::SeqCst);
    }

    /// The runtime has ended while these lived: a test that did not mean it hears of it.
    pub(crate) fn ended(&self, alive: &[String]) {
        drop(std::mem::take(&mut *self.0.lost.lock()));
        let strict = self.0.strictness.load(Ordering::SeqCst) == STRICT;
        if strict && !alive.is_empty() && !std::thread::panicking() {
            panic!("the node ended while processes lived: {}", alive.join(", "));
        }
    }
}

/// Runs `go` after a while, on the first shard.
fn later(runtime: &Runtime, time: Duration, go: Go) {
    let environment = runtime.environment().clone();
    let work = move || {
        let sleep = environment.clock.sleep(time);
        let task = environment.spawner.local(Box::pin(async move {
            sleep.await;
            go();
        }));
        task.detach();
    };
    runtime.shards()[0].command(Box::new(|_| work()));
}

/// Gathers so many for each receiver, then lets them go in an order that a seed draws.
pub(crate) struct Gather {
    many: usize,
    state: Mutex<(ChaCha8Rng, BTreeMap<Upid, Vec<Go>>)>,
}

impl Gather {
    pub(super) fn new(many: usize, chance: ChaCha8Rng) -> Gather {
        Gather { many, state: Mutex::new((chance, BTreeMap::new())) }
    }

    pub(super) fn add(&self, to: &Upid, go: Go) {
        let mut state = self.state.lock();
        let (chance, gathered) = &mut *state;
        let waiting = gathered.entry(to.clone()).or_default();
        waiting.push(go);
        if waiting.len() < self.many {
            return;
        }
        let mut full = std::mem::take(waiting);
        full.shuffle(chance);
        drop(state);
        full.into_iter().for_each(|go| go());
    }

    /// Lets go of what is left, as it came.
    pub(super) fn end(&self) {
        let left = std::mem::take(&mut self.state.lock().1);
        left.into_values().flatten().for_each(|go| go());
    }
}
