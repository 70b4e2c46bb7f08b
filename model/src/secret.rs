//! What must not be seen.

use std::fmt;

use libprocess_wire as wire;

/// A secret itself, or where to ask for it.
#[wire::part]
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Secret {
    Reference { name: String, key: Option<String> },
    Value(Vec<u8>),
}

impl fmt::Debug for Secret {
    /// Prints no secret: debug output ends in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Secret::Reference { name, key } => write!(f, "Reference({name}, {key:?})"),
            Secret::Value(bytes) => write!(f, "Value(<{} bytes>)", bytes.len()),
        }
    }
}
