//! Which of several peers leads: the rule that finds out, and finds out again.
//!
//! [`Follow`] is the rule alone; whoever asks carries its [`Step`]s out, be it over HTTP with
//! redirects or with questions between processes, as [`Seeker`](super::Seeker) does.
//!
//! | from        | on                              | to          |
//! |-------------|---------------------------------|-------------|
//! | `Resting`   | the rest is over                | `Asking`    |
//! | `Asking`    | it leads                        | `Following` |
//! | `Asking`    | it names another                | `Asking`    |
//! | `Asking`    | no answer, and others are left  | `Asking`    |
//! | `Asking`    | no answer, and all were asked   | `Resting`   |
//! | `Following` | lost, or it leads no more       | `Resting`   |

use std::time::Duration;

use super::Backoff;

/// Finds the one peer that leads among those that are known, and notices when it is lost.
///
/// ```
/// use libprocess::toolbox::{Backoff, Follow, Heard, Step};
///
/// let mut follow = Follow::new(vec!["a", "b"], Backoff::default());
/// assert_eq!(follow.start(), [Step::Ask("a")]);
/// assert_eq!(follow.heard(Heard::Silence("a"), 1.0), [Step::Ask("b")]);
/// assert_eq!(follow.heard(Heard::Other("b", Some("c")), 1.0), [Step::Ask("c")]);
/// assert_eq!(follow.heard(Heard::Leads("c"), 1.0), [Step::Found("c")]);
/// assert_eq!(follow.leader(), Some(&"c"));
/// ```
#[derive(Clone, Debug)]
pub struct Follow<P> {
    known: Vec<P>,
    backoff: Backoff,
    at: At<P>,
    /// Which of those known is asked next, and how many are left to ask before a rest.
    next: usize,
    left: usize,
    /// How often in a row one named another.
    redirects: u32,
    /// How often in a row it had to rest.
    failures: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum At<P> {
    Resting,
    Asking(P),
    Following(P),
}

/// What may be heard of a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard<P> {
    /// It says that it leads.
    Leads(P),
    /// It says that it does not, and perhaps who does.
    Other(P, Option<P>),
    /// It does not answer, or the way to it broke.
    Silence(P),
    /// The rest is over.
    Rested,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step<P> {
    /// Ask it whether it leads.
    Ask(P),
    /// Wait, then say [`Heard::Rested`].
    Rest(Duration),
    /// It leads: stay with it, and say when the way to it breaks.
    Found(P),
    /// It led, and is lost.
    Lost(P),
}

/// Peers that name each other are followed so often before it is a failure.
const REDIRECTS_MAX: u32 = 5;

impl<P: Clone + PartialEq> Follow<P> {
    pub fn new(known: Vec<P>, backoff: Backoff) -> Follow<P> {
        let left = known.len();
        Follow { known, backoff, at: At::Resting, next: 0, left, redirects: 0, failures: 0 }
    }

    /// Begins; nothing happens without a peer to ask.
    pub fn start(&mut self) -> Vec<Step<P>> {
        self.round()
    }

    /// Who leads, as far as is known.
    pub fn leader(&self) -> Option<&P> {
        match &self.at {
            At::Following(leader) => Some(leader),
            At::Asking(_) | At::Resting => None,
        }
    }

    /// Decides what follows from what was heard; `chance`, between 0 and 1, spreads the rests.
    ///
    /// What is heard of a peer that is neither asked nor followed comes late, and changes nothing.
    pub fn heard(&mut self, heard: Heard<P>, chance: f64) -> Vec<Step<P>> {
        match (heard, &self.at) {
            (Heard::Rested, At::Resting) => self.round(),
            (Heard::Leads(peer), At::Asking(asked)) if peer == *asked => {
                self.at = At::Following(peer.clone());
                (self.redirects, self.failures) = (0, 0);
                vec![Step::Found(peer)]
            }
            (Heard::Other(peer, Some(named)), At::Asking(asked)) if peer == *asked && named != peer => {
                self.redirects += 1;
                if self.redirects > REDIRECTS_MAX { self.rest(chance) } else { self.ask(named) }
            }
            (Heard::Other(peer, _) | Heard::Silence(peer), At::Asking(asked)) if peer == *asked => {
                if self.left == 0 { self.rest(chance) } else { self.ask_next() }
            }
            // Those who followed it with us rest too, each for a while of its own.
            (Heard::Other(peer, _) | Heard::Silence(peer), At::Following(leader)) if peer == *leader => {
                let mut steps = vec![Step::Lost(peer)];
                steps.extend(self.rest(chance));
                steps
            }
            _ => Vec::new(),
        }
    }

    /// Asks all that are known, beginning behind the one that was asked last.
    fn round(&mut self) -> Vec<Step<P>> {
        (self.left, self.redirects) = (self.known.len(), 0);
        if self.left == 0 { Vec::new() } else { self.ask_next() }
    }

    fn ask_next(&mut self) -> Vec<Step<P>> {
        let peer = self.known[self.next % self.known.len()].clone();
        self.next = (self.next + 1) % self.known.len();
        self.left -= 1;
        self.ask(peer)
    }

    fn ask(&mut self, peer: P) -> Vec<Step<P>> {
        self.at = At::Asking(peer.clone());
        vec![Step::Ask(peer)]
    }

    fn rest(&mut self, chance: f64) -> Vec<Step<P>> {
        self.at = At::Resting;
        self.failures = self.failures.saturating_add(1);
        vec![Step::Rest(self.backoff.delay(self.failures, chance))]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn follow() -> Follow<&'static str> {
        let backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(4));
        let mut follow = Follow::new(vec!["a", "b"], backoff);
        assert_eq!(follow.start(), [Step::Ask("a")]);
        follow
    }

    fn rest(seconds: u64) -> Step<&'static str> {
        Step::Rest(Duration::from_secs(seconds))
    }

    #[test]
    fn all_are_asked_before_a_rest_and_each_rest_is_longer() {
        let mut follow = follow();
        for seconds in [1, 2, 4, 4] {
            assert_eq!(follow.heard(Heard::Silence("a"), 1.0), [Step::Ask("b")]);
            assert_eq!(follow.heard(Heard::Other("b", None), 1.0), [rest(seconds)]);
            assert_eq!(follow.heard(Heard::Rested, 1.0), [Step::Ask("a")]);
        }
        assert_eq!(follow.heard(Heard::Leads("a"), 1.0), [Step::Found("a")]);
    }

    #[test]
    fn a_leader_that_is_lost_is_said_to_be_and_looked_for_after_a_rest() {
        let mut follow = follow();
        follow.heard(Heard::Leads("a"), 1.0);
        assert_eq!(
            follow.heard(Heard::Silence("a"), 0.0),
            [Step::Lost("a"), Step::Rest(Duration::from_millis(500))]
        );
        assert_eq!(follow.leader(), None);
        assert_eq!(follow.heard(Heard::Rested, 1.0), [Step::Ask("b")]);
    }

    #[test]
    fn what_comes_late_changes_nothing() {
        let mut follow = follow();
        follow.heard(Heard::Silence("a"), 1.0);
        assert_eq!(follow.heard(Heard::Leads("a"), 1.0), []);
        assert_eq!(follow.heard(Heard::Rested, 1.0), []);
        assert_eq!(follow.heard(Heard::Leads("b"), 1.0), [Step::Found("b")]);
        assert_eq!(follow.heard(Heard::Silence("a"), 1.0), []);
    }

    #[test]
    fn peers_that_name_each_other_are_not_followed_for_ever() {
        let mut follow = follow();
        for (asked, named) in [("a", "b"), ("b", "a"), ("a", "b"), ("b", "a"), ("a", "b")] {
            assert_eq!(follow.heard(Heard::Other(asked, Some(named)), 1.0), [Step::Ask(named)]);
        }
        assert_eq!(follow.heard(Heard::Other("b", Some("a")), 1.0), [rest(1)]);
    }

    #[test]
    fn without_a_peer_there_is_nobody_to_ask() {
        assert_eq!(Follow::<&str>::new(vec![], Backoff::default()).start(), []);
    }

    proptest! {
        /// Whatever is heard, exactly one thing is on its way: a question, a rest, or a leader's end.
        #[test]
        fn no_history_leaves_it_stuck(history in proptest::collection::vec((0u8..4, 0u8..4, 0u8..4), 0..200)) {
            let mut follow = Follow::new(vec![0, 1, 2], Backoff::default());
            let mut open = follow.start().pop();
            for (kind, peer, other) in history {
                let heard = match kind {
                    0 => Heard::Leads(peer),
                    1 => Heard::Other(peer, Some(other).filter(|&other| other < 3)),
                    2 => Heard::Silence(peer),
                    _ => Heard::Rested,
                };
                let told = match (&open, &heard) {
                    (Some(Step::Ask(asked) | Step::Found(asked)), Heard::Other(peer, _) | Heard::Silence(peer)) => asked == peer,
                    (Some(Step::Ask(asked)), Heard::Leads(peer)) => asked == peer,
                    (Some(Step::Rest(_)), Heard::Rested) => true,
                    _ => false,
                };
                let steps = follow.heard(heard, 0.5);
                prop_assert_eq!(told, !steps.is_empty());
                if let Some(step) = steps.last() {
                    prop_assert!(!matches!(step, Step::Lost(_)));
                    open = Some(step.clone());
                }
            }
        }
    }
}
