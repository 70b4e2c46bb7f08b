//! Operations: what masters make of the agent's resources, and what it tells of them.
//!
//! ```text
//! ApplyOperation ──► total changes, or the operation is dropped ──► on disk ──► volumes made or removed, outcome told
//!                                                                                 │ again and again, until
//!                                                                                 └─ AcknowledgeOperation
//! ```
//!
//! 1. [`apply`]: one operation;
//! 2. [`outcome`]: what is told of it, until it is heard;
//! 3. [`total`]: what all of them together made of what the agent was started with;
//! 4. [`volumes`]: where persistent volumes are, and where tasks see them.

mod apply;
mod outcome;
mod total;
pub(crate) mod volumes;

pub(crate) use apply::{apply, durable};
pub(crate) use outcome::{Outcome, acknowledged, missing, resume, retry};
pub(crate) use total::take_up;
