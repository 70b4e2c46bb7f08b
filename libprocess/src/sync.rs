//! What threads share, as `inbox` and `due` use it: the check of every interleaving (`tests/wake.rs`)
//! puts its own in the place of these.

pub(crate) use std::sync::atomic::{AtomicBool, Ordering};

pub(crate) use futures_util::task::AtomicWaker;
pub(crate) use parking_lot::Mutex;
