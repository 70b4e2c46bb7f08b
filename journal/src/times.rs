//! How long flushes took, counted so that percentiles can be told without keeping each.

use std::time::Duration;

/// Four steps to each doubling: a percentile is told a fifth too high at most.
const STEPS: u32 = 4;
/// From one microsecond to half a minute.
const BUCKETS: usize = 100;

/// How often a flush took about so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times([u32; BUCKETS]);

impl Default for Times {
    fn default() -> Times {
        Times([0; BUCKETS])
    }
}

impl Times {
    pub(crate) fn note(&mut self, took: Duration) {
        let count = &mut self.0[bucket(took)];
        *count = count.saturating_add(1);
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.0.iter().map(|count| u64::from(*count)).sum()
    }

    /// What so many of a hundred took at most; nothing, if none was counted.
    pub fn percentile(&self, percent: u32) -> Duration {
        let count = self.count();
        let rank = (count * u64::from(percent)).div_ceil(100).clamp(1, count.max(1));
        let mut seen = 0;
        let reached = self.0.iter().position(|count| {
            seen += u64::from(*count);
            seen >= rank
        });
        reached.map_or(Duration::ZERO, upper)
    }
}

fn bucket(took: Duration) -> usize {
    let micros = took.as_secs_f64() * 1e6;
    if micros <= 1.0 {
        return 0;
    }
    ((micros.log2() * f64::from(STEPS)).ceil() as usize).min(BUCKETS - 1)
}

/// The longest time of a bucket.
fn upper(bucket: usize) -> Duration {
    Duration::from_secs_f64((bucket as f64 / f64::from(STEPS)).exp2() / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_told_a_fifth_too_high_at_most() {
        let mut times = Times::default();
        assert_eq!(times.percentile(99), Duration::ZERO);
        for micros in 1..=10_000 {
            times.note(Duration::from_micros(micros));
        }
        for (percent, exact) in [(1, 100.0), (50, 5_000.0), (99, 9_900.0), (100, 10_000.0)] {
            let told = times.percentile(percent).as_secs_f64() * 1e6;
            assert!((exact * 0.999..exact * 1.2).contains(&told), "p{percent}: {told} µs of {exact}");
        }
        times.note(Duration::from_secs(3600));
        assert_eq!(times.count(), 10_001);
    }
}
