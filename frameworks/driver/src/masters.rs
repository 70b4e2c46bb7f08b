//! Where to connect next, and when.

use std::time::Duration;

use libprocess::toolbox::Backoff;

/// The masters we were told of, the one that is thought to lead, and how often it went wrong in a row.
#[derive(Debug)]
pub(crate) struct Masters {
    known: Vec<String>,
    next: usize,
    /// Named by another master; tried once.
    leader: Option<String>,
    redirects: u32,
    failures: u32,
    backoff: Backoff,
}

/// After so many redirects in a row without a stream, they are failures: two masters may name each other.
const REDIRECTS_MAX: u32 = 5;

impl Masters {
    pub(crate) fn new(backoff_min: Duration, backoff_max: Duration) -> Masters {
        let backoff = Backoff::new(backoff_min, backoff_max);
        Masters { known: Vec::new(), next: 0, leader: None, redirects: 0, failures: 0, backoff }
    }

    /// Masters are found here from now on, the first of them first.
    pub(crate) fn found(&mut self, known: Vec<String>) {
        (self.known, self.next, self.leader, self.failures) = (known, 0, None, 0);
    }

    /// The same masters, as they are named now.
    pub(crate) fn renamed(&mut self, known: Vec<String>) {
        self.known = known;
    }

    /// The master to try now; `None` when none was named at all.
    pub(crate) fn current(&mut self) -> Option<String> {
        self.leader.clone().or_else(|| self.known.get(self.next % self.known.len().max(1)).cloned())
    }

    /// A stream is open: the next failure is the first one again.
    pub(crate) fn connected(&mut self) {
        self.failures = 0;
        self.redirects = 0;
    }

    /// Another master leads. Returns how long to wait before trying it.
    pub(crate) fn redirected(&mut self, to: String, chance: f64) -> Duration {
        self.redirects += 1;
        if self.redirects > REDIRECTS_MAX {
            return self.failed(chance);
        }
        self.leader = Some(to);
        Duration::ZERO
    }

    /// The connection broke, or none was made. Returns how long to wait before the next attempt:
    /// longer each time, by a `chance` between 0 and 1.
    pub(crate) fn failed(&mut self, chance: f64) -> Duration {
        // The one that was named may be gone; the others know better.
        if self.leader.take().is_none() {
            self.next = self.next.wrapping_add(1);
        }
        self.failures = self.failures.saturating_add(1);
        self.backoff.delay(self.failures, chance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masters() -> Masters {
        let mut masters = Masters::new(Duration::from_millis(100), Duration::from_secs(1));
        masters.found(vec!["a:1".into(), "b:1".into()]);
        masters
    }

    #[test]
    fn each_failure_waits_longer_and_tries_the_next_master() {
        let mut masters = masters();
        assert_eq!(masters.current().as_deref(), Some("a:1"));
        let waits: Vec<_> = (0..5).map(|_| masters.failed(1.0).as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1000]);
        assert_eq!(masters.current().as_deref(), Some("b:1"));
        masters.connected();
        assert_eq!(masters.failed(0.0), Duration::from_millis(50));
    }

    #[test]
    fn a_redirect_is_followed_at_once_and_forgotten_when_it_fails() {
        let mut masters = masters();
        assert_eq!(masters.redirected("c:1".into(), 1.0), Duration::ZERO);
        assert_eq!(masters.current().as_deref(), Some("c:1"));
        masters.failed(1.0);
        assert_eq!(masters.current().as_deref(), Some("a:1"));
    }

    #[test]
    fn masters_that_name_each_other_are_not_followed_for_ever() {
        let mut masters = masters();
        let waits: Vec<_> = (0..6).map(|_| masters.redirected("c:1".into(), 1.0)).collect();
        assert!(waits[..5].iter().all(Duration::is_zero) && !waits[5].is_zero());
    }

    #[test]
    fn without_a_master_there_is_nowhere_to_go() {
        assert_eq!(Masters::new(Duration::ZERO, Duration::ZERO).current(), None);
    }

    #[test]
    fn a_leader_that_is_found_is_tried_before_any_other() {
        let mut masters = masters();
        masters.failed(1.0);
        masters.redirected("c:1".into(), 1.0);
        masters.found(vec!["d:1".into()]);
        assert_eq!(masters.current().as_deref(), Some("d:1"));
        assert_eq!(masters.failed(0.0), Duration::from_millis(50), "and the first failure is the first");
    }
}
