//! Rules as an operator writes them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Who, or what, a rule speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entity {
    /// These; of roles, `a/%` means every role beneath `a`.
    Some(BTreeSet<String>),
    /// Everybody and everything.
    Any,
    /// Nobody and nothing.
    None,
}

/// Who may do something, to what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub principals: Entity,
    pub objects: Entity,
}

/// All rules of a cluster, or of one agent.
///
/// Shape: name of a list → its rules, in the order in which they are tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acls {
    /// Whether what no rule speaks of is allowed.
    pub permissive: bool,
    pub lists: BTreeMap<&'static str, Vec<Rule>>,
}

impl Default for Acls {
    /// No rules: everything is allowed.
    fn default() -> Acls {
        Acls { permissive: true, lists: BTreeMap::new() }
    }
}

impl Entity {
    /// These.
    pub fn some<T: Into<String>>(values: impl IntoIterator<Item = T>) -> Entity {
        Entity::Some(values.into_iter().map(Into::into).collect())
    }
}

impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Entity::Any => f.write_str("ANY"),
            Entity::None => f.write_str("NONE"),
            Entity::Some(values) => {
                let values: Vec<String> = values.iter().map(|value| format!("'{value}'")).collect();
                f.write_str(&values.join(", "))
            }
        }
    }
}
