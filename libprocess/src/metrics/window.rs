//! The last samples of a timer.

use std::collections::VecDeque;

use metrics::HistogramFn;
use parking_lot::Mutex;

/// How many samples are kept; older ones are forgotten.
const KEPT: usize = 1000;

/// Samples of one timer. Unit: milliseconds.
#[derive(Debug, Default)]
pub(super) struct Window {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    samples: VecDeque<f64>,
    all: u64,
    sum: f64,
}

/// What a window says of itself.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Summary {
    pub(super) last: f64,
    /// Samples since the start, and their sum.
    pub(super) all: u64,
    pub(super) sum: f64,
    /// The kept ones, the smallest first. Not empty.
    sorted: Vec<f64>,
}

/// The percentiles shown, by the end of their names.
pub(super) const PERCENTILES: [(&str, f64); 6] =
    [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p999", 0.999), ("p9999", 0.9999)];

impl HistogramFn for Window {
    fn record(&self, value: f64) {
        if !value.is_finite() {
            return;
        }
        let mut kept = self.kept.lock();
        if kept.samples.len() == KEPT {
            kept.samples.pop_front();
        }
        kept.samples.push_back(value);
        kept.all += 1;
        kept.sum += value;
    }
}

impl Window {
    /// `None` before the first sample.
    pub(super) fn summary(&self) -> Option<Summary> {
        let kept = self.kept.lock();
        let last = *kept.samples.back()?;
        let (all, sum) = (kept.all, kept.sum);
        let mut sorted: Vec<f64> = kept.samples.iter().copied().collect();
        drop(kept);
        sorted.sort_unstable_by(f64::total_cmp);
        Some(Summary { last, all, sum, sorted })
    }
}

impl Summary {
    pub(super) fn count(&self) -> usize {
        self.sorted.len()
    }

    pub(super) fn min(&self) -> f64 {
        self.sorted[0]
    }

    pub(super) fn max(&self) -> f64 {
        self.sorted[self.sorted.len() - 1]
    }

    /// Interpolates between the two samples around `part` of the way.
    pub(super) fn percentile(&self, part: f64) -> f64 {
        let position = part * (self.sorted.len() - 1) as f64;
        let below = position.floor() as usize;
        let above = (below + 1).min(self.sorted.len() - 1);
        let between = position - below as f64;
        self.sorted[below] + (self.sorted[above] - self.sorted[below]) * between
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn percentiles_are_interpolated() {
        let window = Window::default();
        (1..=5).for_each(|sample| window.record(f64::from(sample)));
        let summary = window.summary().unwrap();
        assert_eq!((summary.min(), summary.percentile(0.5), summary.max()), (1.0, 3.0, 5.0));
        assert_eq!(summary.percentile(0.9), 4.6);
        assert_eq!(summary.last, 5.0);
    }

    proptest! {
        #[test]
        fn every_percentile_lies_between_least_and_greatest(samples in proptest::collection::vec(0.0f64..1e9, 1..3000)) {
            let window = Window::default();
            samples.iter().for_each(|&sample| window.record(sample));
            let summary = window.summary().unwrap();
            prop_assert_eq!(summary.count(), samples.len().min(KEPT));
            for (_, part) in PERCENTILES {
                let value = summary.percentile(part);
                prop_assert!(summary.min() <= value && value <= summary.max());
            }
        }
    }
}
