//! Moments, and the seconds-as-double in which the outside spells durations.

use std::{
    fmt,
    ops::{Add, Sub},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use libprocess_wire as wire;

/// A moment of the runtime's clock.
///
/// Unit: nanoseconds since the Unix epoch.
#[wire::part]
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time {
    nanos: i64,
}

const NANOS_PER_SECOND: i64 = 1_000_000_000;

impl Time {
    /// The epoch itself; where simulated histories begin.
    pub const START: Time = Time { nanos: 0 };

    /// A moment by its distance from the epoch.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self { nanos }
    }

    /// Distance from the epoch.
    pub const fn nanos(self) -> i64 {
        self.nanos
    }

    /// A moment from seconds as the outside writes them.
    ///
    /// Splits before scaling, so that what was read is written again with the same digits.
    ///
    /// Errors: when not finite or beyond what nanoseconds can count.
    pub fn from_secs_f64(secs: f64) -> Result<Self, TimeError> {
        let whole = secs.floor();
        if !secs.is_finite() || whole.abs() > (i64::MAX / NANOS_PER_SECOND - 1) as f64 {
            return Err(TimeError);
        }
        let part = ((secs - whole) * NANOS_PER_SECOND as f64).round() as i64;
        Ok(Self { nanos: whole as i64 * NANOS_PER_SECOND + part })
    }

    /// Seconds since the epoch as the outside writes them.
    pub fn as_secs_f64(self) -> f64 {
        let whole = self.nanos.div_euclid(NANOS_PER_SECOND);
        let part = self.nanos.rem_euclid(NANOS_PER_SECOND);
        whole as f64 + part as f64 / NANOS_PER_SECOND as f64
    }

    /// This moment, unless it is not after `last` for those who read seconds as doubles: then the first that is.
    pub fn after(self, last: Option<Time>) -> Time {
        // Until 2106, such doubles lie less than half a microsecond apart.
        const NEXT: Duration = Duration::from_micros(1);
        last.map_or(self, |last| self.max(last + NEXT))
    }

    /// How long after `earlier` this is; zero if it is not.
    pub fn since(self, earlier: Time) -> Duration {
        Duration::from_nanos(u64::try_from(self.nanos.saturating_sub(earlier.nanos)).unwrap_or(0))
    }
}

/// A number of seconds that is no moment or duration we can count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Argument larger than the maximum number of seconds that a Duration can represent")]
pub struct TimeError;

/// A duration from seconds as the outside writes them.
///
/// Errors: when negative, not finite, or longer than 64 bits of nanoseconds.
pub fn duration_from_secs(secs: f64) -> Result<Duration, TimeError> {
    if !(0.0..=(i64::MAX / NANOS_PER_SECOND - 1) as f64).contains(&secs) {
        return Err(TimeError);
    }
    let whole = secs.floor();
    let part = ((secs - whole) * NANOS_PER_SECOND as f64).round() as u64;
    Ok(Duration::from_secs(whole as u64) + Duration::from_nanos(part))
}

impl From<SystemTime> for Time {
    fn from(time: SystemTime) -> Self {
        let nanos = match time.duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |nanos| -nanos),
        };
        Self { nanos }
    }
}

impl Add<Duration> for Time {
    type Output = Time;

    fn add(self, duration: Duration) -> Time {
        let nanos = i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
        Time { nanos: self.nanos.saturating_add(nanos) }
    }
}

impl Sub<Duration> for Time {
    type Output = Time;

    fn sub(self, duration: Duration) -> Time {
        let nanos = i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
        Time { nanos: self.nanos.saturating_sub(nanos) }
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}s", self.as_secs_f64())
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_moment_after_another_differs_for_who_reads_doubles() {
        let now = Time::from_nanos(1_795_219_200_123_456_789);
        assert_eq!(now.after(None), now);
        assert_eq!(now.after(Some(now - Duration::from_secs(1))), now);
        let mut last = now;
        for _ in 0..1000 {
            // The clock may have been set back meanwhile.
            let next = (now - Duration::from_secs(5)).after(Some(last));
            assert!(next.as_secs_f64() > last.as_secs_f64(), "{next:?}");
            last = next;
        }
    }

    #[test]
    fn seconds_that_cannot_be_counted_are_refused() {
        for secs in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e300] {
            assert_eq!(Time::from_secs_f64(secs), Err(TimeError));
            assert_eq!(duration_from_secs(secs), Err(TimeError));
        }
        assert_eq!(duration_from_secs(-0.001), Err(TimeError));
        assert_eq!(duration_from_secs(0.5), Ok(Duration::from_millis(500)));
    }

    proptest! {
        #[test]
        fn a_timestamp_is_written_with_the_digits_it_was_read_with(micros in 1_000_000_000_000_000i64..2_000_000_000_000_000) {
            let secs = micros as f64 / 1e6;
            prop_assert_eq!(Time::from_secs_f64(secs).unwrap().as_secs_f64(), secs);
        }
    }
}
