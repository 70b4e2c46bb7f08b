//! Saying something now and then, however often it happens.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How often one thing is said aloud.
const SAY_EVERY: Duration = Duration::from_secs(10);

/// Speaks at most once in a while, and then says how often it held its tongue.
#[derive(Debug, Default)]
pub(crate) struct Voice {
    /// Unit: milliseconds since the runtime started.
    next: AtomicU64,
    unsaid: AtomicU64,
}

impl Voice {
    /// How often it was silent since it last spoke, if it may speak now.
    pub(crate) fn speak(&self, now: Duration) -> Option<u64> {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let next = self.next.load(Ordering::Relaxed);
        let later = millis(now.saturating_add(SAY_EVERY));
        let mine = millis(now) >= next
            && self.next.compare_exchange(next, later, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if mine {
            return Some(self.unsaid.swap(0, Ordering::Relaxed));
        }
        self.unsaid.fetch_add(1, Ordering::Relaxed);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_said_once_in_a_while() {
        let voice = Voice::default();
        let said = |at: u64| voice.speak(Duration::from_secs(at));
        assert_eq!([said(1), said(2), said(10), said(11), said(12)], [Some(0), None, None, Some(2), None]);
    }
}
