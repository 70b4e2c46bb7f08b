//! Free words on things, which the kernel carries and does not interpret.

use std::{fmt, sync::Arc};

use libprocess_wire as wire;

/// A key, with or without a value.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Label {
    pub key: Arc<str>,
    pub value: Option<Arc<str>>,
}

impl Label {
    pub fn new(key: impl Into<Arc<str>>, value: impl Into<Arc<str>>) -> Self {
        Self { key: key.into(), value: Some(value.into()) }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{}: {value}", self.key),
            None => f.write_str(&self.key),
        }
    }
}

/// Labels in the order given; a key may appear twice.
#[wire::part]
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Labels(pub Vec<Label>);

impl Labels {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Label> {
        self.0.iter()
    }

    /// The value of the first label with this key; a label without one counts as empty.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|label| &*label.key == key).map(|label| label.value.as_deref().unwrap_or(""))
    }
}

impl FromIterator<Label> for Labels {
    fn from_iter<I: IntoIterator<Item = Label>>(labels: I) -> Self {
        Self(labels.into_iter().collect())
    }
}

impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (index, label) in self.0.iter().enumerate() {
            write!(f, "{}{label}", if index == 0 { "" } else { ", " })?;
        }
        f.write_str("}")
    }
}

/// A key and a value, as engines and drivers take their options.
#[wire::part]
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Parameter {
    pub key: String,
    pub value: String,
}
