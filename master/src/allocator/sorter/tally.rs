//! Amounts of scalar resources, by name: what shares are computed from.

use std::sync::Arc;

use model::Scalar;
use smallvec::SmallVec;

/// Known from the beginning, in this order.
const USUAL: [&str; 4] = ["cpus", "mem", "disk", "gpus"];

/// Names of scalar resources, each with a position; names are never forgotten, there are few.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    names: Vec<Arc<str>>,
    /// Names that count for nobody's share.
    excluded: Vec<bool>,
    exclude: Vec<String>,
}

impl Names {
    /// Knows the usual names already; `exclude` are those that do not count for shares.
    pub(crate) fn new(exclude: &[String]) -> Names {
        let mut names = Names { names: Vec::new(), excluded: Vec::new(), exclude: exclude.to_vec() };
        for name in USUAL {
            names.position(name);
        }
        names
    }

    /// Where amounts of this name stand in a [`Tally`].
    pub(crate) fn position(&mut self, name: &str) -> usize {
        if let Some(position) = self.find(name) {
            return position;
        }
        self.names.push(name.into());
        self.excluded.push(self.exclude.iter().any(|excluded| excluded == name));
        self.names.len() - 1
    }

    /// The same for a name that may never have been seen.
    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        match USUAL.iter().position(|usual| *usual == name) {
            Some(position) if position < self.names.len() => Some(position),
            _ => self.names.iter().position(|known| &**known == name),
        }
    }

    /// Names and amounts of a tally, those that are not zero.
    pub(crate) fn spell<'a>(&'a self, tally: &'a Tally) -> impl Iterator<Item = (&'a str, Scalar)> {
        let amounts = self.names.iter().zip(&tally.amounts);
        amounts
            .filter(|(_, amount)| **amount != 0)
            .map(|(name, amount)| (&**name, Scalar::from_thousandths(*amount)))
    }

    pub(crate) fn counts(&self, position: usize) -> bool {
        !self.excluded.get(position).copied().unwrap_or(false)
    }
}

/// Amounts by the position of their name. Unit: thousandths of the resource's own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    amounts: SmallVec<[i64; 4]>,
}

impl Tally {
    pub(crate) fn add(&mut self, position: usize, amount: Scalar) {
        if self.amounts.len() <= position {
            self.amounts.resize(position + 1, 0);
        }
        self.amounts[position] = self.amounts[position].saturating_add(amount.thousandths());
    }

    pub(crate) fn plus(&mut self, other: &Tally) {
        self.merge(other, i64::saturating_add);
    }

    pub(crate) fn minus(&mut self, other: &Tally) {
        self.merge(other, i64::saturating_sub);
    }

    /// Keeps what is not in `other`, and nothing that would be less than nothing.
    pub(crate) fn lack(&mut self, other: &Tally) {
        self.merge(other, |mine, theirs| mine.saturating_sub(theirs).max(0));
    }

    pub(crate) fn is_zero(&self) -> bool {
        self.amounts.iter().all(|amount| *amount == 0)
    }

    /// Thousandths at a position; zero beyond the end.
    pub(crate) fn at(&self, position: usize) -> i64 {
        self.amounts.get(position).copied().unwrap_or(0)
    }

    pub(crate) fn len(&self) -> usize {
        self.amounts.len()
    }

    fn merge(&mut self, other: &Tally, with: impl Fn(i64, i64) -> i64) {
        if self.amounts.len() < other.amounts.len() {
            self.amounts.resize(other.amounts.len(), 0);
        }
        for (mine, theirs) in self.amounts.iter_mut().zip(&other.amounts) {
            *mine = with(*mine, *theirs);
        }
    }
}
