//! For how long a framework does not want to see again what it refused.

use std::time::Duration;

use libprocess_wire as wire;

/// What comes with an answer to an offer.
#[wire::part]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Filters {
    /// Zero sets no filter.
    pub refuse: Duration,
}

impl Filters {
    /// What is assumed when nothing, or nonsense, is said.
    pub const DEFAULT_REFUSE: Duration = Duration::from_secs(5);
    /// Longer wishes are cut to this: 365 days.
    pub const REFUSE_MAX: Duration = Duration::from_secs(365 * 24 * 60 * 60);
    /// Sets no filter.
    pub const NONE: Filters = Filters { refuse: Duration::ZERO };

    /// Reads `refuse_seconds`: too long becomes a year; negative and not a number the default.
    ///
    /// Source: Mesos scheduler HTTP API, offers and filters, "DECLINE / filters".
    pub fn from_secs(seconds: f64) -> Self {
        let refuse = if seconds.is_nan() || seconds < 0.0 {
            Self::DEFAULT_REFUSE
        } else if seconds > Self::REFUSE_MAX.as_secs_f64() {
            Self::REFUSE_MAX
        } else {
            crate::time::duration_from_secs(seconds).unwrap_or(Self::DEFAULT_REFUSE)
        };
        Self { refuse }
    }
}

impl Default for Filters {
    fn default() -> Self {
        Self { refuse: Self::DEFAULT_REFUSE }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonsense_becomes_the_default_and_eternity_a_year() {
        assert_eq!(Filters::from_secs(f64::NAN).refuse, Duration::from_secs(5));
        assert_eq!(Filters::from_secs(-1.0).refuse, Duration::from_secs(5));
        assert_eq!(Filters::from_secs(1e300).refuse, Filters::REFUSE_MAX);
        assert_eq!(Filters::from_secs(f64::INFINITY).refuse, Filters::REFUSE_MAX);
        assert_eq!(Filters::from_secs(0.5).refuse, Duration::from_millis(500));
        assert_eq!(Filters::from_secs(0.0), Filters::NONE);
    }
}
