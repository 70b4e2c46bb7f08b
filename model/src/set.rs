//! Named items, such as disks by name.

use std::{collections::BTreeSet, fmt, str::FromStr, sync::Arc};

use libprocess_wire as wire;

/// Distinct items in order.
#[wire::part]
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Set(BTreeSet<Arc<str>>);

/// Why items are refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetError {
    #[error("duplicated elements")]
    Duplicate,
    #[error("expecting a set as in {{a, b}}")]
    Syntax,
}

impl Set {
    /// Takes items that are all different, as a resource must.
    pub fn distinct(items: impl IntoIterator<Item = Arc<str>>) -> Result<Self, SetError> {
        let mut set = BTreeSet::new();
        for item in items {
            if !set.insert(item) {
                return Err(SetError::Duplicate);
            }
        }
        Ok(Self(set))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn count(&self) -> u64 {
        self.0.len() as u64
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Arc<str>> {
        self.0.iter()
    }

    pub fn contains(&self, other: &Set) -> bool {
        other.0.is_subset(&self.0)
    }

    pub fn overlaps(&self, other: &Set) -> bool {
        !self.0.is_disjoint(&other.0)
    }

    pub fn union(&self, other: &Set) -> Set {
        Set(self.0.union(&other.0).cloned().collect())
    }

    pub fn difference(&self, other: &Set) -> Set {
        Set(self.0.difference(&other.0).cloned().collect())
    }
}

impl FromIterator<Arc<str>> for Set {
    fn from_iter<I: IntoIterator<Item = Arc<str>>>(items: I) -> Self {
        Self(items.into_iter().collect())
    }
}

impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (index, item) in self.0.iter().enumerate() {
            write!(f, "{}{item}", if index == 0 { "" } else { ", " })?;
        }
        f.write_str("}")
    }
}

impl fmt::Debug for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Set {
    type Err = SetError;

    fn from_str(text: &str) -> Result<Self, SetError> {
        let inner =
            text.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).ok_or(SetError::Syntax)?;
        Self::distinct(inner.split(',').map(str::trim).filter(|item| !item.is_empty()).map(Into::into))
    }
}
