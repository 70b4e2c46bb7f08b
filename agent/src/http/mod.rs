//! The agent over HTTP.

mod refused;
mod session;

pub(crate) use refused::Refused;
pub(crate) use session::{Session, StreamNo};
