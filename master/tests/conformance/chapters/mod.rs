//! The stories.

pub(crate) mod executor;
pub(crate) mod operations;
pub(crate) mod session;
