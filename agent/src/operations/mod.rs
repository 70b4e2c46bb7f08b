//! Operations: what masters make of the agent's resources, and what it tells of them.
//!
//! ```text
//! ApplyOperation ──► total changes, or the operation is dropped or fails ──► on disk ──► outcome told
//!                     (of volumes: once their directories are as they are to be)           │ again and again, until
//!                                                                                          └─ AcknowledgeOperation
//! ```
//!
//! 1. [`apply`]: one operation;
//! 2. [`work`]: what has to be done to directories for it, while everything else waits;
//! 3. [`outcome`]: what is told of it, until it is heard;
//! 4. [`total`]: what all of them together made of what the agent was started with;
//! 5. [`volumes`], [`directories`]: where persistent volumes are and where tasks see them, and how they come and go.

mod apply;
pub(crate) mod directories;
mod outcome;
mod total;
pub(crate) mod volumes;
mod work;

pub(crate) use apply::{apply, durable};
pub(crate) use outcome::{Outcome, acknowledged, missing, not_made, resume, retry};
pub(crate) use total::take_up;
#[cfg(any(test, feature = "testing"))]
pub(crate) use work::Step;
pub(crate) use work::{Work, abandon, carried, hold, overfull};
