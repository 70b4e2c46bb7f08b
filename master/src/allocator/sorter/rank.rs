//! A place in line.

use std::cmp::Ordering;
use std::sync::Arc;

use super::tally::{Names, Tally};

/// What decides who comes first: the lower level, then the smaller share, then who was given something less often, then the
/// name.
#[derive(Clone, Debug)]
pub(crate) struct Rank {
    /// Zero for all, where the order knows no levels.
    pub(crate) level: f64,
    pub(crate) share: f64,
    pub(crate) count: u64,
    pub(crate) name: Arc<str>,
}

/// The largest fraction of the cluster that `held` is, over all resources that count, seen through a weight.
pub(crate) fn share(held: &Tally, total: &Tally, names: &Names, weight: f64) -> f64 {
    let fraction = |position: usize| match total.at(position) {
        all if all > 0 && names.counts(position) => held.at(position) as f64 / all as f64,
        _ => 0.0,
    };
    (0..held.len()).map(fraction).fold(0.0, f64::max) / weight
}

impl Ord for Rank {
    fn cmp(&self, other: &Rank) -> Ordering {
        let by_share = self.level.total_cmp(&other.level).then(self.share.total_cmp(&other.share));
        by_share.then(self.count.cmp(&other.count)).then_with(|| self.name.cmp(&other.name))
    }
}

impl PartialOrd for Rank {
    fn partial_cmp(&self, other: &Rank) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Rank {
    fn eq(&self, other: &Rank) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Rank {}
