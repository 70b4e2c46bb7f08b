//! Where a journal does its writing: beside its owner, so that nobody waits for a disk but who asks to.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use libprocess::environment::{Clock, Environment, Spawner};

/// Where a journal does its writing.
#[derive(Clone)]
pub struct Lane {
    pub(crate) way: Way,
    clock: Option<Arc<dyn Clock>>,
}

#[derive(Clone)]
pub(crate) enum Way {
    /// On a thread of its own.
    Thread,
    /// As one job after another: a simulated node has no threads, and its jobs take their time.
    Jobs(Arc<dyn Spawner>),
    /// Where it is asked to, before the asking returns.
    Inline,
}

impl Lane {
    /// A thread, or in a simulation one job after another.
    pub fn of(environment: &Environment) -> Self {
        let way = match environment.spawner.has_threads() {
            true => Way::Thread,
            false => Way::Jobs(environment.spawner.clone()),
        };
        Self { way, clock: Some(environment.clock.clone()) }
    }

    /// A thread, without a clock: how long flushes take is not known.
    pub fn thread() -> Self {
        Self { way: Way::Thread, clock: None }
    }

    /// Whoever asks, waits.
    pub fn inline() -> Self {
        Self { way: Way::Inline, clock: None }
    }

    /// Time that only grows; always zero without a clock.
    pub(crate) fn elapsed(&self) -> Duration {
        self.clock.as_ref().map_or(Duration::ZERO, |clock| clock.elapsed())
    }

    /// Has something done once, beside. What comes back has to be kept until it is; dropped, it waits.
    pub(crate) fn aside(&self, name: &str, job: impl FnOnce() + Send + 'static) -> Aside {
        match &self.way {
            Way::Thread => Aside(thread::Builder::new().name(name.to_owned()).spawn(job).ok()),
            Way::Jobs(spawner) => {
                spawner.blocking(Box::new(job));
                Aside(None)
            }
            Way::Inline => {
                job();
                Aside(None)
            }
        }
    }
}

/// Something that is done beside.
pub(crate) struct Aside(Option<JoinHandle<()>>);

impl Drop for Aside {
    fn drop(&mut self) {
        if let Some(thread) = self.0.take() {
            // It tells by what it leaves; a panic there is no reason for one here.
            let _ = thread.join();
        }
    }
}
