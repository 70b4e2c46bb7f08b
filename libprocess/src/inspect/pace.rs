//! How often something may be asked for: whoever comes too early waits, and a long queue is refused.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::duration;
use crate::environment::Clock;

/// So often in so much time, evenly spaced; written `2/1secs`.
///
/// Source: libprocess' `LIBPROCESS_METRICS_SNAPSHOT_ENDPOINT_RATE_LIMIT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub permits: u32,
    pub within: Duration,
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Rate, String> {
        let Some((permits, within)) = text.split_once('/') else {
            return Err(format!("'{text}' is not a number of requests per duration, as in '2/1secs'"));
        };
        let permits = permits.parse().ok().filter(|permits| *permits > 0);
        let permits = permits.ok_or_else(|| format!("'{text}' does not begin with a number above zero"))?;
        let within = duration::parse(within)?;
        match within.is_zero() {
            true => Err(format!("'{text}' allows no time")),
            false => Ok(Rate { permits, within }),
        }
    }
}

/// How many may wait for their turn at a time.
const WAITING_MAX: u32 = 64;

/// Spaces turns evenly.
pub(crate) struct Pace {
    clock: Arc<dyn Clock>,
    /// Between two turns; nothing if there is no limit.
    gap: Option<Duration>,
    /// When the next turn is. Unit: time since the runtime started.
    next: Mutex<Duration>,
}

/// There are too many who wait.
#[derive(Debug)]
pub(crate) struct TooMany;

impl Pace {
    pub(crate) fn new(clock: Arc<dyn Clock>, rate: Option<Rate>) -> Pace {
        Pace { clock, gap: rate.map(|rate| rate.within / rate.permits), next: Mutex::default() }
    }

    /// Waits for a turn.
    pub(crate) async fn turn(&self) -> Result<(), TooMany> {
        let Some(gap) = self.gap else { return Ok(()) };
        let wait = {
            let mut next = self.next.lock();
            let now = self.clock.elapsed();
            let turn = (*next).max(now);
            if turn - now > gap * WAITING_MAX {
                return Err(TooMany);
            }
            *next = turn + gap;
            turn - now
        };
        if !wait.is_zero() {
            self.clock.sleep(wait).await;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_number_per_duration() {
        assert_eq!("2/1secs".parse(), Ok(Rate { permits: 2, within: Duration::from_secs(1) }));
        for wrong in ["", "2", "/1secs", "0/1secs", "-1/1secs", "x/1secs", "2/1", "2/0secs", "2/secs"] {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
        }
    }
}
