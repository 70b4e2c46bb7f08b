//! Old executors: those on the driver of before the HTTP API, as libmesos and mesos-go v0 have it.
//!
//! What they say becomes the same calls, and what they are told is the same events, written on a line of their own.
//! What differs is how they come back: an agent that starts again asks each of them ([`reconnect`]), for which it
//! remembers where they are ([`driven`]).
//!
//! Source: Mesos' executor driver; agent semantics §7, `recover=reconnect`.

mod correspondence;
mod doors;
mod driven;

pub(crate) use correspondence::{Correspondence, tell};
pub(crate) use doors::doors;
pub(crate) use driven::{driven, reconnect};
