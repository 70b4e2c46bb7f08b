//! Time and chance of the machine.
#![expect(clippy::disallowed_methods, reason = "this is where the Runtime's time comes from")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rand::rngs::SysRng;
use rand::{SeedableRng, TryRng};
use rand_chacha::ChaCha8Rng;

use crate::environment::{Clock, Rng, Sleep};

/// The machine's clocks. Wall time stands still while the machine's is set back.
pub(super) struct RealClock {
    start: Instant,
    /// The latest wall time given. Unit: nanoseconds since 1970.
    latest: AtomicU64,
}

impl RealClock {
    pub(super) fn new() -> RealClock {
        RealClock { start: Instant::now(), latest: AtomicU64::new(0) }
    }
}

impl Clock for RealClock {
    fn now(&self) -> SystemTime {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let wall = u64::try_from(wall.as_nanos()).unwrap_or(u64::MAX);
        let before = self.latest.fetch_max(wall, Ordering::Relaxed);
        UNIX_EPOCH + Duration::from_nanos(before.max(wall))
    }

    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        Box::pin(async move { tokio::time::sleep(duration).await })
    }
}

/// Chance from the system.
pub(super) struct RealRng;

impl Rng for RealRng {
    fn stream(&self, _: &str) -> ChaCha8Rng {
        let mut seed = [0; 32];
        SysRng.try_fill_bytes(&mut seed).expect("the system has random bytes");
        ChaCha8Rng::from_seed(seed)
    }
}

/// Waits, with naps, until something is so; gives up after a while.
pub(crate) fn wait_until(patience: Duration, mut so: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    let mut naps = 0u32;
    while !so() {
        if start.elapsed() >= patience {
            return false;
        }
        naps += 1;
        if naps < 20 {
            std::thread::yield_now();
        } else {
            std::thread::sleep(Duration::from_micros(50));
        }
    }
    true
}
