//! Which agents a framework wants offers from.

use std::{collections::BTreeMap, sync::Arc};

use libprocess_wire as wire;

use crate::Role;

/// Constraints per role; a role without an entry takes any agent.
#[wire::part]
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OfferConstraints(pub BTreeMap<Role, RoleConstraints>);

/// An agent passes when one group passes.
#[wire::part]
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoleConstraints {
    pub groups: Vec<ConstraintGroup>,
}

/// A group passes when all its constraints hold.
#[wire::part]
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConstraintGroup {
    pub constraints: Vec<AttributeConstraint>,
}

/// One thing that must be true of an agent.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttributeConstraint {
    pub selector: Selector,
    pub predicate: Predicate,
}

/// What is looked at.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Selector {
    /// The first attribute of this name.
    Attribute(Arc<str>),
    Hostname,
    Region,
    Zone,
}

/// What must be true of it.
///
/// | predicate      | missing | text        | other type |
/// |----------------|---------|-------------|------------|
/// | `Exists`       | false   | true        | true       |
/// | `NotExists`    | true    | false       | false      |
/// | `Equals`       | false   | equal       | true       |
/// | `NotEquals`    | true    | different   | true       |
/// | `Matches`      | false   | whole match | true       |
/// | `NotMatches`   | true    | no match    | true       |
///
/// Source: Mesos scheduler HTTP API, offers and filters, "Offer constraints".
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Predicate {
    Exists,
    NotExists,
    Equals(Arc<str>),
    NotEquals(Arc<str>),
    /// A regular expression for the whole text.
    Matches(Arc<str>),
    NotMatches(Arc<str>),
}

/// Why constraints are refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConstraintError {
    #[error("'OfferConstraints' specify `role_constraints` for role '{0}' with no groups")]
    NoGroups(Role),
    #[error("'OfferConstraints' specify an empty group for role '{0}'")]
    EmptyGroup(Role),
}

impl OfferConstraints {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Judges all but regular expressions, which whoever compiles them judges.
    pub fn check(&self) -> Result<(), ConstraintError> {
        for (role, constraints) in &self.0 {
            if constraints.groups.is_empty() {
                return Err(ConstraintError::NoGroups(role.clone()));
            }
            if constraints.groups.iter().any(|group| group.constraints.is_empty()) {
                return Err(ConstraintError::EmptyGroup(role.clone()));
            }
        }
        Ok(())
    }
}
