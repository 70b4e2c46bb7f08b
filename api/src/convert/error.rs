//! How a refusal says where and why.

use std::fmt;

/// A value that has no meaning in the domain.
///
/// Reads as `'container.volumes[0].source': HOST_PATH needs 'host_path'`, or as the reason alone when that names the
/// thing itself, as public texts do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConvertError {
    path: String,
    reason: String,
}

impl ConvertError {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self { path: String::new(), reason: reason.into() }
    }

    /// The same refusal, seen from the message that holds `field`.
    pub(crate) fn at(mut self, field: &str) -> Self {
        self.path = match self.path.as_str() {
            "" => field.to_owned(),
            path => format!("{field}.{path}"),
        };
        self
    }

    /// Where, from the outermost message inwards; empty when the reason names the thing itself.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Why, alone.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl fmt::Display for ConvertError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => f.write_str(&self.reason),
            path => write!(f, "'{path}': {}", self.reason),
        }
    }
}

impl std::error::Error for ConvertError {}

/// A call that lacks what its type needs: always a 400 with this text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Failed to validate {call}: {reason}")]
pub struct CallError {
    /// `scheduler::Call` or `Executor::Call`.
    pub call: &'static str,
    pub reason: String,
}
