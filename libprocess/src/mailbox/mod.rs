//! The mailbox: two lanes, their bounds, and the moment a process becomes ready.
//!
//! ```text
//!  senders ──► system lane (unbounded, counted) ──┐
//!         └──► user lane   (bounded, a policy) ───┴──► cell ── idle → ready once ──► shard
//! ```
//!
//! One small lock guards a cell. It is held for a push or for taking a batch, never while foreign
//! code runs: messages are dropped, and exits delivered, after it is released.

mod any;
mod cell;
mod due;
mod envelope;
mod watchers;

pub(crate) use any::{AnyCell, Inside, Spare, Untaken};
pub(crate) use cell::Cell;
pub use cell::Lane;
pub(crate) use envelope::{Envelope, System};
