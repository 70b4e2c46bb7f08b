//! How often each principal may call.
//!
//! ```json
//! {"limits": [{"principal": "ann", "qps": 10, "capacity": 100}],
//!  "aggregate_default_qps": 50, "aggregate_default_capacity": 1000}
//! ```
//!
//! Calls of a principal are spaced evenly; those that come sooner wait in line, and where `capacity` of them wait already
//! the next is refused. One who is listed without `qps` is not limited; all who are not listed share the default, and are
//! not limited if there is none. Source: Mesos framework rate limiting.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

/// What `--rate_limits` says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RateLimits {
    /// Shape: principal → its limit; `None` is no limit.
    listed: BTreeMap<String, Option<Limit>>,
    others: Option<Limit>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Limit {
    /// Between two calls.
    interval: Duration,
    /// How many may wait; any number, if nothing is said.
    capacity: Option<u64>,
}

/// Too many calls wait already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("capacity({capacity}) exceeded")]
pub struct Exceeded {
    pub capacity: u64,
}

/// When each may call next.
#[derive(Debug)]
pub struct Throttle {
    limits: RateLimits,
    /// Shape: principal, or `None` for all who are not listed → when the next call is due.
    next: BTreeMap<Option<String>, Duration>,
}

impl RateLimits {
    /// Reads the JSON form.
    ///
    /// Errors: no JSON, a field of the wrong shape, a rate that is not positive, a principal that is there twice.
    pub fn parse(text: &str) -> Result<RateLimits, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| format!("is no JSON: {error}"))?;
        let Value::Object(fields) = value else {
            return Err("must be a JSON object, as in {\"limits\": []}".to_owned());
        };
        let mut limits = RateLimits {
            others: limit(&fields, "", "aggregate_default_qps", "aggregate_default_capacity")?,
            ..RateLimits::default()
        };
        let list = match fields.get("limits") {
            None | Some(Value::Null) => &[],
            Some(Value::Array(list)) => list.as_slice(),
            Some(_) => return Err("limits: must be a list".to_owned()),
        };
        for (at, one) in list.iter().enumerate() {
            let place = format!("limits[{at}].");
            let Some(fields) = one.as_object() else {
                return Err(format!("limits[{at}]: must be an object"));
            };
            let Some(principal) = fields.get("principal").and_then(Value::as_str) else {
                return Err(format!("{place}principal: is missing"));
            };
            let limit = limit(fields, &place, "qps", "capacity")?;
            if limits.listed.insert(principal.to_owned(), limit).is_some() {
                return Err(format!("{place}principal: '{principal}' is there twice"));
            }
        }
        Ok(limits)
    }
}

fn limit(
    fields: &Map<String, Value>,
    place: &str,
    qps: &str,
    capacity: &str,
) -> Result<Option<Limit>, String> {
    let room = match fields.get(capacity) {
        None | Some(Value::Null) => None,
        Some(value) => match value.as_u64() {
            Some(capacity) => Some(capacity),
            None => return Err(format!("{place}{capacity}: must be a whole number, and not negative")),
        },
    };
    match fields.get(qps) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            let rate = value.as_f64().filter(|rate| *rate > 0.0);
            let interval = rate.and_then(|rate| Duration::try_from_secs_f64(1.0 / rate).ok());
            match interval {
                Some(interval) => Ok(Some(Limit { interval, capacity: room })),
                None => Err(format!("{place}{qps}: must be a positive number of calls a second")),
            }
        }
    }
}

impl Throttle {
    pub fn new(limits: RateLimits) -> Throttle {
        Throttle { limits, next: BTreeMap::new() }
    }

    /// Takes a place in line; gives how long it is until the call may be heard. `now` only has to go forward.
    ///
    /// Errors: the line is full; the call must not be heard.
    pub fn admit(&mut self, principal: Option<&str>, now: Duration) -> Result<Duration, Exceeded> {
        let listed = principal.and_then(|name| Some((name, self.limits.listed.get(name)?)));
        let (line, limit) = match listed {
            Some((name, limit)) => (Some(name.to_owned()), *limit),
            None => (None, self.limits.others),
        };
        let Some(Limit { interval, capacity }) = limit else { return Ok(Duration::ZERO) };
        let next = self.next.entry(line).or_default();
        let wait = next.saturating_sub(now);
        // One interval is that of the call heard last; each who waits takes one more.
        let waiting = wait.as_nanos().div_ceil(interval.as_nanos().max(1)).saturating_sub(1);
        if let Some(capacity) =
            capacity.filter(|capacity| !wait.is_zero() && waiting >= u128::from(*capacity))
        {
            return Err(Exceeded { capacity });
        }
        *next = now.max(*next).saturating_add(interval);
        Ok(wait)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: &str = r#"{"limits": [{"principal": "ann", "qps": 2, "capacity": 2}, {"principal": "free"}],
                          "aggregate_default_qps": 1, "aggregate_default_capacity": 1}"#;

    fn throttle() -> Throttle {
        Throttle::new(RateLimits::parse(ALL).unwrap())
    }

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn calls_are_spaced_and_a_full_line_refuses() {
        let mut throttle = throttle();
        let admits: Vec<_> = [0, 0, 0, 0, 500, 10_000].map(|now| throttle.admit(Some("ann"), ms(now))).into();
        let full = Err(Exceeded { capacity: 2 });
        assert_eq!(admits, [Ok(ms(0)), Ok(ms(500)), Ok(ms(1000)), full, Ok(ms(1000)), Ok(ms(0))]);
    }

    #[test]
    fn who_is_listed_without_a_rate_is_free_and_others_share_one_line() {
        let mut throttle = throttle();
        for _ in 0..100 {
            assert_eq!(throttle.admit(Some("free"), ms(0)), Ok(ms(0)));
        }
        assert_eq!(throttle.admit(Some("bob"), ms(0)), Ok(ms(0)));
        assert_eq!(throttle.admit(None, ms(0)), Ok(ms(1000)));
        assert_eq!(throttle.admit(None, ms(0)), Err(Exceeded { capacity: 1 }));
        assert_eq!(throttle.admit(None, ms(3000)), Ok(ms(0)));
        assert_eq!(Exceeded { capacity: 1 }.to_string(), "capacity(1) exceeded");
        let mut none = Throttle::new(RateLimits::default());
        assert_eq!(none.admit(None, ms(0)), Ok(ms(0)));
    }

    #[test]
    fn what_is_no_limit_is_refused_by_its_place() {
        for (text, said) in [
            ("x", "is no JSON"),
            ("[]", "must be a JSON object"),
            (r#"{"limits": {}}"#, "limits: must be a list"),
            (r#"{"limits": [7]}"#, "limits[0]: must be an object"),
            (r#"{"limits": [{"qps": 1}]}"#, "limits[0].principal: is missing"),
            (r#"{"limits": [{"principal": "a", "qps": 0}]}"#, "limits[0].qps: must be a positive"),
            (r#"{"limits": [{"principal": "a", "capacity": -1}]}"#, "limits[0].capacity: must be a whole"),
            (
                r#"{"limits": [{"principal": "a"}, {"principal": "a"}]}"#,
                "limits[1].principal: 'a' is there twice",
            ),
            (r#"{"aggregate_default_qps": "fast"}"#, "aggregate_default_qps: must be a positive"),
        ] {
            let why = RateLimits::parse(text).expect_err(text);
            assert!(why.starts_with(said), "{text}: {why}");
        }
    }

    proptest! {
        /// Whatever comes when, calls are heard no closer than the rate says, and no more wait than there is room for.
        #[test]
        fn no_history_of_calls_is_heard_faster_than_its_rate(pauses in proptest::collection::vec(0u64..900, 1..50)) {
            let mut throttle = throttle();
            let (mut now, mut heard) = (ms(0), Vec::new());
            for pause in pauses {
                now += ms(pause);
                if let Ok(wait) = throttle.admit(Some("ann"), now) {
                    prop_assert!(wait <= ms(1000));
                    heard.push(now + wait);
                }
            }
            prop_assert!(heard.windows(2).all(|two| two[1] - two[0] >= ms(500)));
        }
    }
}
