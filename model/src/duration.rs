//! Durations and sizes as flags and environment variables spell them: `15mins`, `1.5secs`, `2GB`.

use std::time::Duration;

/// Why a text is no duration or size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    #[error("'{0}' is not a number followed by one of ns, us, ms, secs, mins, hrs, days, weeks")]
    Duration(String),
    #[error("'{0}' is not an integer followed by one of B, KB, MB, GB, TB")]
    Bytes(String),
}

/// Largest first.
const UNITS: [(&str, u64); 8] = [
    ("weeks", 604_800_000_000_000),
    ("days", 86_400_000_000_000),
    ("hrs", 3_600_000_000_000),
    ("mins", 60_000_000_000),
    ("secs", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// Reads a number and a unit, as in `1.5secs`; `s`, `m`, `h`, `d` and `w` are understood too.
///
/// Source: Mesos flags, durations.
pub fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    let wrong = || UnitError::Duration(text.to_owned());
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
    let (number, unit) = text.split_at(end);
    let unit = match unit {
        "s" => "secs",
        "m" => "mins",
        "h" => "hrs",
        "d" => "days",
        "w" => "weeks",
        unit => unit,
    };
    let (_, nanos) = UNITS.into_iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || number.ends_with('.') {
        return Err(wrong());
    }
    let whole: u64 = whole.parse().map_err(|_| wrong())?;
    let part: f64 = if part.is_empty() { 0.0 } else { format!("0.{part}").parse().map_err(|_| wrong())? };
    let nanos =
        whole.checked_mul(nanos).and_then(|sum| sum.checked_add((part * nanos as f64).round() as u64));
    nanos.map(Duration::from_nanos).ok_or_else(wrong)
}

/// Writes a duration in the largest unit that is whole: `10mins`, `1weeks`, `1500ms`.
pub fn format_duration(duration: Duration) -> String {
    let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    if nanos == 0 {
        return "0ns".to_owned();
    }
    let (name, unit) = UNITS
        .into_iter()
        .find(|(_, unit)| nanos.is_multiple_of(*unit))
        .expect("one nanosecond divides everything");
    format!("{}{name}", nanos / unit)
}

/// Reads a size, as in `2GB`. Unit: bytes; each step is 1024 of the one before.
pub fn parse_bytes(text: &str) -> Result<u64, UnitError> {
    let wrong = || UnitError::Bytes(text.to_owned());
    let end = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(end);
    let power = ["B", "KB", "MB", "GB", "TB"]
        .iter()
        .position(|name| name.eq_ignore_ascii_case(unit))
        .ok_or_else(wrong)?;
    let number: u64 = number.parse().map_err(|_| wrong())?;
    number.checked_mul(1 << (10 * power)).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_written_as_it_was_read() {
        for text in ["0ns", "15mins", "1weeks", "2secs", "6hrs", "1500ms", "10days"] {
            assert_eq!(format_duration(parse_duration(text).unwrap()), text);
        }
        assert_eq!(parse_duration("1.5secs"), Ok(Duration::from_millis(1500)));
        assert_eq!(parse_duration("2m"), Ok(Duration::from_secs(120)));
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in [
            "",
            "5",
            "secs",
            "-1secs",
            "1sec",
            "1..5secs",
            ".5secs",
            "5.secs",
            "99999999999999weeks",
            "1 secs",
        ] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_size_needs_its_unit() {
        assert_eq!(parse_bytes("2GB"), Ok(2 << 30));
        assert_eq!(parse_bytes("10kb"), Ok(10 << 10));
        for text in ["2", "2.5GB", "GB", "1PB", "99999999999TB"] {
            assert!(parse_bytes(text).is_err(), "{text}");
        }
    }
}
