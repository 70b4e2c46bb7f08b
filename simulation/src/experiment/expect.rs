//! What a plan expects at some time.

use std::fmt;
use std::time::Duration;

use super::Sample;
use crate::workload::Counts;

/// Something that must be so at some time.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    pub at: Duration,
    pub tally: Tally,
    pub relation: Relation,
    pub amount: u64,
    /// Of one framework, or of one role where it is a share; of all if `None`.
    pub of: Option<String>,
}

/// How a count relates to what is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    Is,
    Below,
    Above,
}

impl Relation {
    pub(crate) fn named(sign: &str) -> Option<Relation> {
        [Relation::Is, Relation::Below, Relation::Above].into_iter().find(|relation| relation.sign() == sign)
    }

    fn sign(self) -> &'static str {
        match self {
            Relation::Is => "=",
            Relation::Below => "<",
            Relation::Above => ">",
        }
    }
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tally {
    Pending,
    Live,
    Running,
    Finished,
    Failed,
    Killed,
    Lost,
    Agents,
    /// The dominant share of a role. Unit: percent.
    Share,
}

impl Tally {
    const ALL: [(&str, Tally); 9] = [
        ("pending", Tally::Pending),
        ("live", Tally::Live),
        ("running", Tally::Running),
        ("finished", Tally::Finished),
        ("failed", Tally::Failed),
        ("killed", Tally::Killed),
        ("lost", Tally::Lost),
        ("agents", Tally::Agents),
        ("share", Tally::Share),
    ];

    pub(crate) fn named(name: &str) -> Option<Tally> {
        Self::ALL.into_iter().find(|(known, _)| *known == name).map(|(_, tally)| tally)
    }

    fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(_, tally)| *tally == self).map_or("", |(name, _)| name)
    }

    fn of(self, counts: &Counts, sample: &Sample, whose: Option<&str>) -> u64 {
        match self {
            Tally::Pending => counts.pending as u64,
            Tally::Live => counts.live as u64,
            Tally::Running => counts.running as u64,
            Tally::Finished => counts.finished,
            Tally::Failed => counts.failed,
            Tally::Killed => counts.killed,
            Tally::Lost => counts.lost,
            Tally::Agents => sample.agents as u64,
            Tally::Share => {
                let found = sample.shares.iter().find(|(role, _)| Some(role.as_str()) == whose);
                found.map_or(0, |(_, share)| (share * 100.0).round() as u64)
            }
        }
    }
}

impl Expectation {
    /// What is so instead; `None` if all is as expected.
    pub(super) fn missed(&self, counts: &Counts, sample: &Sample) -> Option<String> {
        let found = self.tally.of(counts, sample, self.of.as_deref());
        let holds = match self.relation {
            // What is rounded may be off by one.
            Relation::Is if self.tally == Tally::Share => found.abs_diff(self.amount) <= 1,
            Relation::Is => found == self.amount,
            Relation::Below => found < self.amount,
            Relation::Above => found > self.amount,
        };
        (!holds).then(|| format!("expected {self}, and it is {found}"))
    }
}

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.tally.name(), self.relation.sign(), self.amount)?;
        match &self.of {
            Some(framework) => write!(f, " of {framework}"),
            None => Ok(()),
        }
    }
}
