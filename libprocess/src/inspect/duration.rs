//! Durations as flags and queries spell them: a number and a unit, `250ms`, `1.5mins`.

use std::time::Duration;

use libprocess_wire::brief;

/// Shape: unit → nanoseconds.
const UNITS: [(&str, f64); 8] = [
    ("ns", 1.0),
    ("us", 1e3),
    ("ms", 1e6),
    ("secs", 1e9),
    ("mins", 60e9),
    ("hrs", 3_600e9),
    ("days", 86_400e9),
    ("weeks", 604_800e9),
];

/// Errors: what is wrong with it, as the original says it.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    if text.starts_with('-') {
        return Err(format!("Invalid duration '{}', none is negative", brief(text)));
    }
    let Some(end) = text.find(|c: char| !c.is_ascii_digit() && c != '.') else {
        return Err(format!("Invalid duration '{}'", brief(text)));
    };
    let (number, unit) = text.split_at(end);
    let Ok(number) = number.parse::<f64>() else {
        return Err(format!("Failed to convert '{}' to number", brief(number)));
    };
    match UNITS.iter().find(|(name, _)| *name == unit) {
        Some((_, nanos)) => Duration::try_from_secs_f64(number * nanos / 1e9).map_err(|_| {
            format!("Argument out of the range that a Duration can represent: '{}'", brief(text))
        }),
        None => Err(format!("Unknown duration unit '{}'", brief(unit))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_number_with_a_unit() {
        assert_eq!(parse("2.5secs"), Ok(Duration::from_millis(2_500)));
        assert_eq!(parse("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse("1weeks"), Ok(Duration::from_secs(604_800)));
        assert_eq!(parse("zzz"), Err("Failed to convert '' to number".to_owned()));
        assert_eq!(parse("5"), Err("Invalid duration '5'".to_owned()));
        assert_eq!(parse(""), Err("Invalid duration ''".to_owned()));
        assert_eq!(parse("5parsecs"), Err("Unknown duration unit 'parsecs'".to_owned()));
        assert!(parse(&format!("{}weeks", "9".repeat(300))).is_err());
        assert_eq!(parse("-1secs"), Err("Invalid duration '-1secs', none is negative".to_owned()));
        assert!(parse(&"z".repeat(1 << 20)).is_err_and(|why| why.len() < 200));
    }
}
