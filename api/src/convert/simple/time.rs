//! Moments and lengths of time.

use std::time::Duration;

use model::{Time, Unavailability};

use super::super::ConvertError;
use crate::v1;

impl From<v1::TimeInfo> for Time {
    fn from(time: v1::TimeInfo) -> Self {
        Time::from_nanos(time.nanoseconds)
    }
}

impl From<Time> for v1::TimeInfo {
    fn from(time: Time) -> Self {
        v1::TimeInfo { nanoseconds: time.nanos() }
    }
}

/// A length of time; a negative one is refused.
pub(in crate::convert) fn duration(info: v1::DurationInfo) -> Result<Duration, ConvertError> {
    u64::try_from(info.nanoseconds)
        .map(Duration::from_nanos)
        .map_err(|_| ConvertError::new("must be non-negative"))
}

/// A length of time as the API counts it; what it cannot count becomes the longest it can.
pub(in crate::convert) fn duration_info(duration: Duration) -> v1::DurationInfo {
    v1::DurationInfo { nanoseconds: i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX) }
}

/// Seconds as a double; negative ones, and those no duration can hold, are refused.
pub(in crate::convert) fn seconds(seconds: f64, field: &str) -> Result<Duration, ConvertError> {
    if seconds < 0.0 {
        return Err(ConvertError::new(format!("Expecting '{field}' to be non-negative")));
    }
    model::time::duration_from_secs(seconds).map_err(|error| ConvertError::new(format!("'{field}': {error}")))
}

impl TryFrom<v1::Unavailability> for Unavailability {
    type Error = ConvertError;

    fn try_from(unavailability: v1::Unavailability) -> Result<Self, ConvertError> {
        Ok(Unavailability {
            start: unavailability.start.into(),
            duration: unavailability
                .duration
                .map(duration)
                .transpose()
                .map_err(|error| error.at("duration"))?,
        })
    }
}

impl From<&Unavailability> for v1::Unavailability {
    fn from(unavailability: &Unavailability) -> Self {
        v1::Unavailability {
            start: unavailability.start.into(),
            duration: unavailability.duration.map(duration_info),
        }
    }
}
