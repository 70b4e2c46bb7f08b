//! What schedulers ask, one file per call.

mod accept;
mod acknowledge;
mod admit;
mod decline;
mod judge;
mod kill;
mod message;
mod operations;
mod reconcile;
mod revive;
mod shutdown;
mod subscribe;
mod suppress;
mod teardown;
mod update_framework;

pub(crate) use admit::call;
pub(crate) use kill::operator_kill;
pub(crate) use subscribe::{HEARTBEAT, subscribe};
pub(crate) use teardown::operator_teardown;
