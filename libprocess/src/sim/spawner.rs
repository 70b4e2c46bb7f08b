//! Work beside the handlers, for one simulated node.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::LocalBoxFuture;

use super::core::{Core, Ready};
use super::world::World;
use crate::environment::{Spawner, Task};
use crate::runtime::Driver;

/// The least a blocking job takes; the most is ten times that.
const JOB: Duration = Duration::from_micros(20);

pub(super) struct NodeSpawner {
    pub(super) core: Arc<Core>,
    pub(super) life: u32,
    /// How much longer each job takes. Unit: nanoseconds.
    slow: AtomicU64,
}

impl NodeSpawner {
    pub(super) fn new(core: Arc<Core>, life: u32) -> NodeSpawner {
        NodeSpawner { core, life, slow: AtomicU64::new(0) }
    }

    pub(super) fn set_slow(&self, slow: Duration) {
        self.slow.store(u64::try_from(slow.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

impl Spawner for NodeSpawner {
    fn local(&self, future: LocalBoxFuture<'static, ()>) -> Task {
        let world = World::current();
        let life = self.life;
        let task = world.tasks.spawn(&self.core, life, future);
        let world = std::rc::Rc::downgrade(&world);
        Task::new(move || {
            if let Some(world) = world.upgrade() {
                world.tasks.abort(life, task);
            }
        })
    }

    fn blocking(&self, job: Box<dyn FnOnce() + Send>) {
        let slow = Duration::from_nanos(self.slow.load(Ordering::Relaxed));
        self.core.job(self.life, JOB, slow, job);
    }

    fn has_threads(&self) -> bool {
        false
    }
}

/// What `Runtime::shutdown` of a simulated node asks for.
pub(super) struct NodeDriver {
    pub(super) core: Arc<Core>,
    pub(super) life: u32,
}

impl Driver for NodeDriver {
    fn shutdown(&self) {
        self.core.ready(Ready::Down { life: self.life });
    }

    fn is_real(&self) -> bool {
        false
    }
}
