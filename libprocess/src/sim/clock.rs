//! Time and chance of one simulated node.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rand_chacha::ChaCha8Rng;

use super::core::{Core, stream};
use crate::environment::{Clock, Rng, Sleep};

/// The wall time at which every simulation begins: 2026-01-01, midnight UTC.
pub(super) const BEGIN: Duration = Duration::from_secs(1_767_225_600);

/// The simulation's time as one node sees it.
pub(super) struct NodeClock {
    core: Arc<Core>,
    /// Unit: time since the simulation began.
    pub(super) started: Duration,
    /// How far the wall clock is ahead of the true time. Unit: nanoseconds.
    ahead: AtomicI64,
    /// The latest wall time given. Unit: nanoseconds since 1970.
    latest: AtomicU64,
}

impl NodeClock {
    pub(super) fn new(core: Arc<Core>) -> NodeClock {
        let started = core.now();
        NodeClock { core, started, ahead: AtomicI64::new(0), latest: AtomicU64::new(0) }
    }

    pub(super) fn set_ahead(&self, nanos: i64) {
        self.ahead.store(nanos, Ordering::Relaxed);
    }
}

impl Clock for NodeClock {
    fn now(&self) -> SystemTime {
        let wall = u64::try_from((BEGIN + self.core.now()).as_nanos()).unwrap_or(u64::MAX);
        let wall = wall.saturating_add_signed(self.ahead.load(Ordering::Relaxed));
        let before = self.latest.fetch_max(wall, Ordering::Relaxed);
        UNIX_EPOCH + Duration::from_nanos(before.max(wall))
    }

    fn elapsed(&self) -> Duration {
        self.core.now() - self.started
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        Box::pin(self.core.sleep(duration))
    }
}

/// Chance of one life of a node.
pub(super) struct NodeRng {
    pub(super) seed: u64,
    /// Address and life.
    pub(super) node: String,
}

impl Rng for NodeRng {
    fn stream(&self, purpose: &str) -> ChaCha8Rng {
        stream(self.seed, &[&self.node, purpose])
    }
}
