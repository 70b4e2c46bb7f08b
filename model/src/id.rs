//! Names of things. Each kind is a type of its own, so a task id cannot be passed for an executor's.
//!
//! Any string can be held: ids come from the outside and must be echoed even when they are refused.
//! Whether one is acceptable is asked with `check()` where a rule needs it.

use std::{fmt, sync::Arc};

use libprocess_wire::{self as wire, brief};

/// Why an id chosen by a client is refused.
///
/// The texts are public: they appear in TASK_ERROR updates.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    #[error("ID must not be empty")]
    Empty,
    #[error("ID must not be greater than {ID_LENGTH_MAX} characters")]
    TooLong,
    #[error("'{0}' is disallowed")]
    Disallowed(Arc<str>),
    #[error("'{}' contains invalid characters", brief(.0))]
    InvalidCharacters(Arc<str>),
}

/// The longest id accepted from a client: ids become names of directories.
///
/// Unit: bytes.
pub const ID_LENGTH_MAX: usize = 255;

/// Judges an id that a client chose.
///
/// Source: Mesos identifiers; ids become path components, so nothing may leave its directory.
pub(crate) fn check_id(id: &Arc<str>) -> Result<(), IdError> {
    if id.is_empty() {
        return Err(IdError::Empty);
    }
    if id.len() > ID_LENGTH_MAX {
        return Err(IdError::TooLong);
    }
    if &**id == "." || &**id == ".." {
        return Err(IdError::Disallowed(id.clone()));
    }
    if id.chars().any(|c| c.is_control() || c == '/' || c == '\\') {
        return Err(IdError::InvalidCharacters(id.clone()));
    }
    Ok(())
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[wire::part]
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Holds any text.
            pub fn new(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }

            /// The text as it travels.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Whether a client may choose this id.
            ///
            /// Errors: when it is empty, too long, `.` or `..`, or holds a slash, a backslash or a
            /// control character.
            pub fn check(&self) -> Result<(), IdError> {
                check_id(&self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }
    )*};
}

ids! {
    /// One life of a master process: a random UUID.
    MasterId;
    /// A framework: `<master id>-NNNN`.
    FrameworkId;
    /// An agent: `<master id>-S<n>`.
    AgentId;
    /// An offer or an inverse offer: `<master id>-O<n>`.
    OfferId;
    /// A task, as its framework calls it.
    TaskId;
    /// An executor, as its framework calls it; a command task's executor has the task's name.
    ExecutorId;
    /// An operation on resources, as its framework calls it.
    OperationId;
    /// Whoever brought resources to an agent besides the agent itself.
    ResourceProviderId;
    /// One open stream of events: a random UUID, the value of `Mesos-Stream-Id`.
    StreamId;
}

/// A container, named by the path from the outermost container to it.
///
/// Shape: `parent.child.grandchild`. Kept flat, so no input can nest it deeper than memory.
#[wire::part]
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerId(Vec<Arc<str>>);

impl ContainerId {
    /// A container that has no parent.
    pub fn new(value: impl Into<Arc<str>>) -> Self {
        Self(vec![value.into()])
    }

    /// A container nested in this one.
    pub fn child(&self, value: impl Into<Arc<str>>) -> Self {
        let mut path = self.0.clone();
        path.push(value.into());
        Self(path)
    }

    /// The last component: its name within its parent.
    pub fn value(&self) -> &str {
        self.0.last().map_or("", |value| value)
    }

    /// All components, outermost first.
    pub fn path(&self) -> &[Arc<str>] {
        &self.0
    }

    /// The container this one is nested in.
    pub fn parent(&self) -> Option<Self> {
        match self.0.split_last() {
            Some((_, rest)) if !rest.is_empty() => Some(Self(rest.to_vec())),
            _ => None,
        }
    }

    /// The outermost container around it, or itself.
    pub fn root(&self) -> Self {
        Self(self.0.first().cloned().into_iter().collect())
    }

    /// Judges every component as an id a client chose.
    pub fn check(&self) -> Result<(), IdError> {
        self.0.iter().try_for_each(check_id)
    }
}

impl fmt::Display for ContainerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

impl fmt::Debug for ContainerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What one status update is acknowledged by: sixteen random bytes.
#[wire::part]
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UpdateId([u8; 16]);

impl UpdateId {
    /// From the bytes as they travel.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// From a slice; `None` unless it has sixteen bytes.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Sixteen random bytes marked as a version 4 UUID.
    pub fn from_random(bytes: [u8; 16]) -> Self {
        Self(*uuid::Builder::from_random_bytes(bytes).as_uuid().as_bytes())
    }

    /// The bytes as they travel.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for UpdateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        uuid::Uuid::from_bytes(self.0).fmt(f)
    }
}

impl fmt::Debug for UpdateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_could_leave_its_directory_is_refused() {
        for (id, why) in [
            ("", "ID must not be empty"),
            (".", "'.' is disallowed"),
            ("..", "'..' is disallowed"),
            ("bad/id", "'bad/id' contains invalid characters"),
            ("bad\\id", "'bad\\id' contains invalid characters"),
            ("a\nb", "'a\nb' contains invalid characters"),
        ] {
            assert_eq!(TaskId::from(id).check().unwrap_err().to_string(), why);
        }
        assert_eq!(TaskId::from("x".repeat(256)).check(), Err(IdError::TooLong));
        assert_eq!(TaskId::from("x".repeat(255)).check(), Ok(()));
        assert_eq!(TaskId::from("a.b c:d*é").check(), Ok(()));
    }

    #[test]
    fn a_nested_container_knows_its_parent_and_root() {
        let nested = ContainerId::new("a").child("b").child("c");
        assert_eq!(nested.to_string(), "a.b.c");
        assert_eq!(nested.value(), "c");
        assert_eq!(nested.parent().map(|id| id.to_string()).as_deref(), Some("a.b"));
        assert_eq!(nested.root(), ContainerId::new("a"));
        assert_eq!(ContainerId::new("a").parent(), None);
    }
}
