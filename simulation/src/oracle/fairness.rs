//! Whether what becomes free goes to who has least for its weight.

use std::collections::BTreeMap;
use std::time::Duration;

/// How long a calm has to last before anything follows from it: offers that were declined before it are shown again, and
/// all that was under way has arrived.
const CALM: Duration = Duration::from_secs(8);
/// Over how long launches are counted.
const WINDOW: Duration = Duration::from_secs(10);
/// By how many tasks a richer role may be ahead: what was on its way when it became the richer one.
const AHEAD_MAX: u64 = 4;

/// One role at one look.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Standing {
    /// Its dominant share by its weight.
    pub(crate) share: f64,
    /// Whether tasks of its wait.
    pub(crate) hungry: bool,
    /// How many tasks it has launched so far.
    pub(crate) launched: u64,
}

/// What was seen since the last calm began. Only for plans in which every task is as good as every other: else what is
/// too small for one role is rightly another's.
#[derive(Debug, Default)]
pub(crate) struct Fairness {
    calm_since: Option<Duration>,
    /// Shape: (poor role, rich role) → since when the one waits and has less, and what both had launched then.
    pairs: BTreeMap<(String, String), (Duration, u64, u64)>,
}

impl Fairness {
    /// Something happened that may move shares about.
    pub(crate) fn disturb(&mut self) {
        *self = Fairness::default();
    }

    /// Looks at all roles; says which was passed over.
    pub(crate) fn look(&mut self, now: Duration, roles: &BTreeMap<String, Standing>) -> Vec<String> {
        let calm_since = *self.calm_since.get_or_insert(now);
        if now.saturating_sub(calm_since) < CALM {
            return Vec::new();
        }
        let (mut wrongs, before) = (Vec::new(), std::mem::take(&mut self.pairs));
        for (poor, its) in roles.iter().filter(|(_, its)| its.hungry) {
            for (rich, theirs) in roles.iter().filter(|(_, theirs)| theirs.share > its.share) {
                let key = (poor.clone(), rich.clone());
                let (since, own, other) =
                    before.get(&key).copied().unwrap_or((now, its.launched, theirs.launched));
                let (own_new, other_new) = (its.launched - own, theirs.launched - other);
                if now.saturating_sub(since) < WINDOW {
                    self.pairs.insert(key, (since, own, other));
                } else if other_new > own_new + AHEAD_MAX {
                    wrongs.push(format!(
                        "role {poor} waits with a share of {:.3}, and in {:?} launched {own_new} tasks where {rich}, with \
                         {:.3}, launched {other_new}",
                        its.share,
                        now - since,
                        theirs.share
                    ));
                }
            }
        }
        wrongs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(poor_launches: u64, rich_launches: u64, hungry: bool) -> Vec<String> {
        let mut fairness = Fairness::default();
        let mut wrongs = Vec::new();
        for second in 0..30 {
            let poor = Standing { share: 0.1, hungry, launched: second * poor_launches };
            let rich = Standing { share: 0.2, hungry: true, launched: second * rich_launches };
            let roles = [("poor".to_owned(), poor), ("rich".to_owned(), rich)].into();
            wrongs.extend(fairness.look(Duration::from_secs(second), &roles));
        }
        wrongs
    }

    #[test]
    fn who_waits_and_has_less_is_served_first() {
        assert_eq!(judged(3, 0, true), Vec::<String>::new());
        assert!(judged(0, 1, true)[0].contains("role poor waits"));
        assert_eq!(judged(0, 1, false), Vec::<String>::new(), "who wants nothing is not passed over");
    }
}
