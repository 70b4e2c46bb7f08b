//! Old drivers: schedulers that speak the messages of Mesos before its HTTP API, as every driver on libmesos does.
//!
//! At the edge they are schedulers like others. What they say becomes the same calls, and their [`Driver`] stands where
//! others name their stream; what they are told are the same events, written on a line of their own. When that line
//! breaks, the scheduler counts as gone, as with a stream.
//!
//! Read in this order:
//! 1. [`doors`]: what is heard, and from whom;
//! 2. [`proofs`]: who a driver is;
//! 3. [`standing`]: who may speak for a framework;
//! 4. [`correspondence`]: what is told.
//!
//! Source: Mesos' scheduler driver, and scheduler semantics §2 on `force`.

mod correspondence;
mod doors;
mod proofs;
mod standing;

pub(crate) use correspondence::Correspondence;
pub(crate) use doors::doors;
pub(crate) use proofs::Proofs;
pub use standing::Driver;
pub(crate) use standing::{Standing, standing};
