//! What stands in the log, for people.

/// One entry, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    pub index: u64,
    pub term: u64,
    /// `delta`, `lead`, `members`, `blank`, or what a writer or a variable did.
    pub kind: &'static str,
    pub what: String,
}
