//! What can be wrong with a JSON body, and which of several faults is the one reported.

use model::brief;

use super::MAX_DEPTH;
use super::message::Message;
use super::order::ordered;
use super::read;
use super::syntax;

/// Why a text is not the message it should be. Texts are those Mesos gives, since clients compare them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// The text is not JSON; `near` is the rest of the line from where it stops being so.
    #[error("syntax error at line {line} near: {}", brief(near))]
    Syntax { line: usize, near: String },
    /// Arrays and objects are in each other too many times; `field` is the innermost that has a name.
    #[error("nested deeper than {MAX_DEPTH} levels{}", field.as_ref().map(|field| format!(" at field '{}'", brief(field))).unwrap_or_default())]
    Nested { field: Option<String> },
    /// It is JSON, but a field is of the wrong kind.
    #[error("{0}")]
    Mismatch(String),
    /// It is JSON, but fields are absent that must be there.
    #[error("Missing required fields: {}", names(.0))]
    Missing(Vec<String>),
}

impl JsonError {
    /// Whether it was JSON at all: the edge words the two differently.
    pub fn is_syntax(&self) -> bool {
        matches!(self, JsonError::Syntax { .. } | JsonError::Nested { .. })
    }
}

/// So many missing fields are named; a list of a million empty objects lacks a million.
const NAMED_MAX: usize = 32;

/// Keeps one more than are named, to know that there are more.
pub(crate) fn shorten(missing: &mut Vec<String>) {
    missing.truncate(NAMED_MAX + 1);
}

/// Names of missing fields, one after the other.
pub(crate) fn names(missing: &[String]) -> String {
    match missing.get(..NAMED_MAX + 1) {
        Some(many) => many[..NAMED_MAX].join(", ") + ", …",
        None => missing.join(", "),
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
    match ordered(text).map(|text| read::message::<M>(&text)) {
        Some(Err(Fault::Mismatch(first))) => JsonError::Mismatch(first.into()),
        _ => JsonError::Mismatch(first.into()),
    }
}

/// A message as JSON with the keys of every object in order, as some old bodies have them.
pub(crate) fn sorted<M: Message>(message: &M) -> Vec<u8> {
    ordered(&super::to_vec(message)).expect("what we write is JSON")
}
