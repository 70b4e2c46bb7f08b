//! Small things that most processes need sooner or later, each a file to read in one sitting.
//!
//! | for | there is |
//! |---|---|
//! | waiting longer each time | [`Backoff`], [`Runtime::retry`](crate::Runtime::retry) |
//! | not waiting for ever | [`Runtime::timeout`](crate::Runtime::timeout) |
//! | later, and again and again | [`Runtime::after`](crate::Runtime::after), [`repeat`], [`Runtime::repeat_every`](crate::Runtime::repeat_every) |
//! | not too often | [`Limiter`], or its rule alone: [`Pace`] |
//! | one after the other | [`Sequence`] |
//! | which of several peers leads | [`Seeker`], or its rule alone: [`Follow`] |
//! | programs of the operating system | [`subprocess`] |
//!
//! All of it takes its time from the [`Runtime`](crate::Runtime), so all but programs work in a
//! simulation; and what waits is cancelled by dropping its future. A handler does not wait: inside a
//! process these are for [`Context::task`](crate::Context::task), or one uses the rule alone.

mod backoff;
mod follow;
mod limiter;
mod patience;
mod repeat;
mod seeker;
mod sequence;
pub mod subprocess;

pub use backoff::{Backoff, Jitter};
pub use follow::{Follow, Heard, Step};
pub use limiter::{Acquire, Limiter, Pace};
pub use patience::TimedOut;
pub use repeat::repeat;
pub use seeker::{Leadership, Seeker, WhoLeads};
pub use sequence::Sequence;

/// As many wait already as may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many wait already")]
pub struct Overloaded;
