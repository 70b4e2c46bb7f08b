//! What can be wrong with a JSON body, and which of several faults is the one reported.

use serde_json::Value;

use super::message::Message;
use super::read;
use super::syntax;

/// Why a text is not the message it should be. Texts are those Mesos gives, since clients compare them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// The text is not JSON; `near` is the rest of the line from where it stops being so.
    #[error("syntax error at line {line} near: {near}")]
    Syntax { line: usize, near: String },
    /// It is JSON, but a field is of the wrong kind.
    #[error("{0}")]
    Mismatch(String),
    /// It is JSON, but fields are absent that must be there.
    #[error("Missing required fields: {}", .0.join(", "))]
    Missing(Vec<String>),
}

impl JsonError {
    /// Whether it was JSON at all: the edge words the two differently.
    pub fn is_syntax(&self) -> bool {
        matches!(self, JsonError::Syntax { .. })
    }
}

/// What stops a reader. Kept to one word, since every step of a reader returns it.
#[derive(Debug)]
pub enum Fault {
    Syntax,
    Mismatch(Box<str>),
}

impl Fault {
    pub(crate) fn mismatch(text: impl Into<String>) -> Fault {
        Fault::Mismatch(text.into().into_boxed_str())
    }
}

/// Finds the fault to report, once one has been found.
///
/// A text that is not JSON is reported as that, even when a field before it is wrong too. Of several wrong fields the
/// first in alphabetical order counts: the original keeps objects sorted, so that is the one clients have seen.
pub(crate) fn judge<M: Message>(text: &[u8], fault: Fault) -> JsonError {
    if let Err(error) = syntax::check(text) {
        return error;
    }
    let Fault::Mismatch(first) = fault else {
        return JsonError::Syntax { line: 1, near: String::new() };
    };
    let sorted = serde_json::from_slice::<Value>(text)
        .ok()
        .map(sort)
        .and_then(|value| serde_json::to_vec(&value).ok());
    match sorted.map(|text| read::message::<M>(&text)) {
        Some(Err(Fault::Mismatch(first))) => JsonError::Mismatch(first.into()),
        _ => JsonError::Mismatch(first.into()),
    }
}

/// A message as JSON with the keys of every object in order, as some old bodies have them.
pub(crate) fn sorted<M: Message>(message: &M) -> Vec<u8> {
    let text = super::to_vec(message);
    let value = serde_json::from_slice(&text).expect("what we write is JSON");
    serde_json::to_vec(&sort(value)).expect("a value prints")
}

fn sort(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.into_iter().map(|(key, value)| (key, sort(value))).collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(entries.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sort).collect()),
        other => other,
    }
}
