//! How the agent finds its master, is taken in, and notices that it is gone.

mod drain;
mod ping;
mod register;
mod registered;
mod shutdown;

pub(crate) use drain::{drain, drained};
pub(crate) use ping::{ping, pinged};
pub(crate) use register::{again, capabilities, found, is, leader_is, look, lost, upids, was_asked};
pub(crate) use registered::{registered, reregistered};
pub(crate) use shutdown::{finish, shutdown, update_framework};
