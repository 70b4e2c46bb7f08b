//! Time and chance of the machine.
#![expect(clippy::disallowed_methods, reason = "this is where the Runtime's time comes from")]

#[cfg(feature = "testing")]
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rand::rngs::SysRng;
use rand::{SeedableRng, TryRng};
use rand_chacha::ChaCha8Rng;

use crate::environment::{Clock, Rng, Sleep};
#[cfg(feature = "testing")]
use crate::testing::Hand;

/// The machine's clocks. Wall time stands still while the machine's is set back.
pub(super) struct RealClock {
    start: Instant,
    /// Tests move it.
    #[cfg(feature = "testing")]
    pub(super) hand: Arc<Hand>,
    /// The latest wall time given. Unit: nanoseconds since 1970.
    latest: AtomicU64,
}

impl RealClock {
    pub(super) fn new() -> RealClock {
        RealClock {
            start: Instant::now(),
            #[cfg(feature = "testing")]
            hand: Arc::default(),
            latest: AtomicU64::new(0),
        }
    }

    /// How much time has truly passed.
    #[cfg(feature = "testing")]
    pub(super) fn passed(&self) -> Duration {
        self.start.elapsed()
    }

    /// How far tests have moved it, backwards if it stands still.
    #[cfg(feature = "testing")]
    fn moved(&self, wall: u64) -> u64 {
        let nanos = |time: Duration| i64::try_from(time.as_nanos()).unwrap_or(i64::MAX);
        wall.saturating_add_signed(nanos(self.elapsed()).saturating_sub(nanos(self.start.elapsed())))
    }

    #[cfg(not(feature = "testing"))]
    fn moved(&self, wall: u64) -> u64 {
        wall
    }
}

impl Clock for RealClock {
    fn now(&self) -> SystemTime {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let wall = self.moved(u64::try_from(wall.as_nanos()).unwrap_or(u64::MAX));
        let before = self.latest.fetch_max(wall, Ordering::Relaxed);
        UNIX_EPOCH + Duration::from_nanos(before.max(wall))
    }

    #[cfg(feature = "testing")]
    fn elapsed(&self) -> Duration {
        self.hand.shown(|| self.start.elapsed())
    }

    #[cfg(not(feature = "testing"))]
    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    #[cfg(feature = "testing")]
    fn sleep(&self, duration: Duration) -> Sleep {
        let (hand, start) = (self.hand.clone(), self.start);
        let deadline = self.elapsed().saturating_add(duration);
        Box::pin(async move {
            loop {
                let moved = hand.moved.notified();
                let mut moved = std::pin::pin!(moved);
                moved.as_mut().enable();
                let left = deadline.saturating_sub(hand.shown(|| start.elapsed()));
                if left.is_zero() {
                    return;
                }
                match hand.stands() {
                    true => moved.await,
                    false => drop(tokio::time::timeout(left, moved).await),
                }
            }
        })
    }

    #[cfg(not(feature = "testing"))]
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
