//! Roles: who resources are for. A role is a path in a tree; `*` is everybody.

use std::{borrow::Borrow, fmt, sync::Arc};

use libprocess_wire::{self as wire, brief};

/// A role, such as `*`, `web` or `web/api`.
///
/// Any text can be held, as with ids; `check()` judges it.
#[wire::part]
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Role(Arc<str>);

/// Why a role is refused. The texts are public.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RoleError {
    #[error("Empty role name is invalid")]
    Empty,
    #[error("Role name '{}' cannot start with a slash", brief(.0.as_str()))]
    LeadingSlash(Role),
    #[error("Role name '{}' cannot end with a slash", brief(.0.as_str()))]
    TrailingSlash(Role),
    #[error("Role name '{}' cannot contain two adjacent slashes", brief(.0.as_str()))]
    DoubleSlash(Role),
    #[error("Role '{}' cannot include '{}' as a component", brief(.0.as_str()), .1)]
    Component(Role, String),
    #[error("Role name '{}' has a path component starting with a dash", brief(.0.as_str()))]
    Dash(Role),
    #[error("Role name '{}' contains whitespace or a backspace", brief(.0.as_str()))]
    Character(Role),
    #[error("Role name '{}' contains a control character", brief(&.0.as_str().escape_debug().to_string()))]
    Control(Role),
    #[error("Role name '{}' is too long: between slashes at most 255 bytes, in all at most 1024", brief(.0.as_str()))]
    TooLong(Role),
}

impl Role {
    /// The name of the role that is everybody.
    pub const ANY: &str = "*";

    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }

    /// The role that is everybody: `*`.
    pub fn any() -> Self {
        Self(Self::ANY.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn is_any(&self) -> bool {
        &*self.0 == Self::ANY
    }

    /// Whether it has more than one component, which old agents cannot hold.
    pub fn is_hierarchical(&self) -> bool {
        self.0.contains('/')
    }

    /// The roles above it, nearest first: `a/b/c` gives `a/b`, `a`.
    pub fn ancestors(&self) -> impl Iterator<Item = Role> + '_ {
        let mut rest: &str = &self.0;
        std::iter::from_fn(move || {
            rest = &rest[..rest.rfind('/')?];
            Some(Role(rest.into()))
        })
    }

    /// The name of the role at the top of the tree that it is in: `a` for `a/b/c`, and for `a`.
    pub fn top(&self) -> &str {
        self.0.split_once('/').map_or(&*self.0, |(top, _)| top)
    }

    /// The role directly above it.
    pub fn parent(&self) -> Option<Role> {
        self.ancestors().next()
    }

    /// Whether it lies below `other` in the tree; no role lies below itself.
    pub fn is_strict_descendant_of(&self, other: &Role) -> bool {
        self.0.strip_prefix(&*other.0).is_some_and(|rest| rest.starts_with('/'))
    }

    /// Judges the name.
    ///
    /// Source: roles documentation, "invalid role names".
    pub fn check(&self) -> Result<(), RoleError> {
        if self.is_any() {
            return Ok(());
        }
        if self.0.is_empty() {
            return Err(RoleError::Empty);
        }
        // Volumes are kept in directories of these names; and names are in figures, logs and answers.
        if self.0.len() > 1024 || self.0.split('/').any(|component| component.len() > 255) {
            return Err(RoleError::TooLong(self.clone()));
        }
        if self.0.starts_with('/') {
            return Err(RoleError::LeadingSlash(self.clone()));
        }
        if self.0.ends_with('/') {
            return Err(RoleError::TrailingSlash(self.clone()));
        }
        if self.0.chars().any(|c| c.is_whitespace() || c == '\u{8}') {
            return Err(RoleError::Character(self.clone()));
        }
        if self.0.chars().any(char::is_control) {
            return Err(RoleError::Control(self.clone()));
        }
        for component in self.0.split('/') {
            match component {
                "" => return Err(RoleError::DoubleSlash(self.clone())),
                "." | ".." | "*" => {
                    return Err(RoleError::Component(self.clone(), component.to_owned()));
                }
                _ if component.starts_with('-') => return Err(RoleError::Dash(self.clone())),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Roles are looked up by their names, whose order and hash they have.
impl Borrow<str> for Role {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for Role {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Role {
    fn from(name: &str) -> Self {
        Self(name.into())
    }
}

impl From<String> for Role {
    fn from(name: String) -> Self {
        Self(name.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_a_path_without_tricks() {
        for good in ["*", "web", "web/api", "a.b", "a-b/c*d"] {
            assert_eq!(Role::from(good).check(), Ok(()), "{good}");
        }
        for bad in ["", "/a", "a/", "a//b", "a/./b", "..", "a/*", "-a", "a/-b", "a b", "a\tb", "a\u{8}"] {
            assert!(Role::from(bad).check().is_err(), "{bad}");
        }
        let named = |length| Role::from("x".repeat(length));
        assert_eq!(named(255).check(), Ok(()));
        let deep = Role::from(vec!["y".repeat(200); 6].join("/"));
        for long in [named(256), deep] {
            assert!(matches!(long.check(), Err(RoleError::TooLong(_))), "{long}");
            assert!(long.check().unwrap_err().to_string().len() < 250);
        }
        assert_eq!(
            Role::from("a\0b").check().unwrap_err().to_string(),
            r"Role name 'a\0b' contains a control character"
        );
    }

    #[test]
    fn descent_follows_components_not_letters() {
        assert!(Role::from("a/b").is_strict_descendant_of(&"a".into()));
        assert!(!Role::from("ab").is_strict_descendant_of(&"a".into()));
        assert!(!Role::from("a").is_strict_descendant_of(&"a".into()));
        let above: Vec<_> = Role::from("a/b/c").ancestors().map(|role| role.to_string()).collect();
        assert_eq!(above, ["a/b", "a"]);
    }
}
