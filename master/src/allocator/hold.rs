//! After a failover, while roles have quota: nothing is offered before enough of the agents are back.
//!
//! What roles have of their quota is on agents that have yet to say so. Until then it looks as if they had nothing: they would
//! be given what a limit forbids, and others would go without what they were promised.
//!
//! Source: Mesos hierarchical allocator, recovery.

use std::collections::BTreeSet;
use std::time::Duration;

use model::{AgentId, Time};

/// For what is waited.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recovery {
    /// Which part of the agents that were known has to be back, from 0 to 1.
    pub agent_factor: f64,
    /// How long at most.
    pub timeout: Duration,
}

/// Offers are held back.
#[derive(Debug)]
pub(super) struct Hold {
    awaited: usize,
    back: BTreeSet<AgentId>,
    until: Time,
}

impl Default for Recovery {
    fn default() -> Recovery {
        Recovery { agent_factor: 0.8, timeout: Duration::from_secs(600) }
    }
}

impl Hold {
    /// Begins to wait for some of the agents that were known, if there are any to wait for.
    pub(super) fn begin(known: usize, recovery: Recovery, now: Time) -> Option<Hold> {
        let awaited = (known as f64 * recovery.agent_factor) as usize;
        let hold = Hold { awaited, back: BTreeSet::new(), until: now + recovery.timeout };
        (!hold.is_over(now)).then_some(hold)
    }

    /// An agent came. It may be one that nobody knew: what counts is how many can be offered.
    pub(super) fn came(&mut self, agent: &AgentId) {
        self.back.insert(agent.clone());
    }

    pub(super) fn went(&mut self, agent: &AgentId) {
        self.back.remove(agent);
    }

    /// When the wait ends, whoever is back.
    pub(super) fn until(&self) -> Time {
        self.until
    }

    pub(super) fn is_over(&self, now: Time) -> bool {
        self.back.len() >= self.awaited || now >= self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hold(known: usize, agent_factor: f64) -> Option<Hold> {
        let recovery = Recovery { agent_factor, timeout: Duration::from_secs(60) };
        Hold::begin(known, recovery, Time::START)
    }

    #[test]
    fn it_ends_when_enough_agents_are_back() {
        let mut hold = hold(5, 0.5).expect("two are awaited");
        hold.came(&"a".into());
        hold.came(&"a".into());
        assert!(!hold.is_over(Time::START), "one came twice");
        hold.went(&"a".into());
        hold.came(&"b".into());
        assert!(!hold.is_over(Time::START), "one left again");
        hold.came(&"c".into());
        assert!(hold.is_over(Time::START));
    }

    #[test]
    fn it_ends_when_its_time_is_over() {
        let hold = hold(5, 1.0).expect("five are awaited");
        assert!(!hold.is_over(Time::START + Duration::from_millis(59_999)));
        assert!(hold.is_over(hold.until()));
    }

    #[test]
    fn nobody_is_waited_for_where_nobody_was() {
        assert!(hold(0, 1.0).is_none());
        assert!(hold(1, 0.9).is_none(), "less than one agent is none");
        assert!(hold(9, 0.0).is_none());
    }
}
