//! Between a scheduler's driver and its master: what the one asks, what the other tells.

mod read;
mod write;

pub use read::{Asked, NAMES, read};
pub use write::{Greeting, Writer};
