//! How long to wait before the next attempt: longer each time, up to a limit, and not all at once.

use std::time::Duration;

use rand::{Rng, RngExt};

/// A rule for waits: doubled with each failure in a row, capped, and shortened by chance.
///
/// ```
/// use libprocess::toolbox::Backoff;
/// use std::time::Duration;
///
/// let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
/// let waits: Vec<_> = (1..=5).map(|failures| backoff.ceiling(failures).as_millis()).collect();
/// assert_eq!(waits, [100, 200, 400, 800, 1000]);
/// assert_eq!(backoff.delay(1, 0.0), Duration::from_millis(50)); // chance takes up to half away
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The longest wait after the first failure.
    pub min: Duration,
    /// The longest wait at all.
    pub max: Duration,
    pub jitter: Jitter,
}

/// How much of a wait chance may take away, so that many who failed together do not come back together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Jitter {
    /// Nothing.
    None,
    /// Up to half.
    #[default]
    Half,
    /// All of it.
    Full,
}

impl Backoff {
    pub const fn new(min: Duration, max: Duration) -> Backoff {
        Backoff { min, max, jitter: Jitter::Half }
    }

    pub const fn jitter(self, jitter: Jitter) -> Backoff {
        Backoff { jitter, ..self }
    }

    /// The longest wait after so many failures in a row.
    pub fn ceiling(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(63);
        let nanos = self.min.as_nanos().saturating_mul(1 << doublings).min(self.max.as_nanos());
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// The wait after so many failures in a row, by a `chance` between 0 and 1: at 1 it is the longest.
    pub fn delay(&self, failures: u32, chance: f64) -> Duration {
        let chance = chance.clamp(0.0, 1.0);
        self.ceiling(failures).mul_f64(match self.jitter {
            Jitter::None => 1.0,
            Jitter::Half => 0.5 + chance / 2.0,
            Jitter::Full => chance,
        })
    }

    /// The wait after so many failures in a row, by chance drawn here.
    pub fn draw(&self, failures: u32, rng: &mut impl Rng) -> Duration {
        self.delay(failures, rng.random())
    }
}

impl Default for Backoff {
    /// From 100 ms to 15 s.
    fn default() -> Backoff {
        Backoff::new(Duration::from_millis(100), Duration::from_secs(15))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff::new(Duration::from_nanos(1), Duration::MAX);

    #[test]
    fn waits_double_up_to_their_limit_and_never_overflow() {
        assert_eq!(BACKOFF.ceiling(0), BACKOFF.ceiling(1));
        assert_eq!(BACKOFF.ceiling(34), Duration::from_nanos(1 << 33));
        assert!(BACKOFF.ceiling(u32::MAX) >= BACKOFF.ceiling(64));
        let capped = Backoff { max: Duration::from_secs(1), ..BACKOFF };
        assert_eq!(capped.ceiling(u32::MAX), Duration::from_secs(1));
    }

    #[test]
    fn chance_takes_away_as_much_as_it_may() {
        let second = Duration::from_secs(1);
        let fixed = Backoff::new(second, second);
        let between = |jitter| [0.0, 1.0].map(|chance| fixed.jitter(jitter).delay(9, chance).as_millis());
        assert_eq!(between(Jitter::None), [1000, 1000]);
        assert_eq!(between(Jitter::Half), [500, 1000]);
        assert_eq!(between(Jitter::Full), [0, 1000]);
    }
}
