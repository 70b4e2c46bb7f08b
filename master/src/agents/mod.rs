//! Agents come, answer, fall silent, return and leave.

mod add;
mod disown;
mod domain;
mod executor_exited;
mod executor_message;
mod exited;
mod may;
mod overdue;
mod oversubscribed;
mod ping;
mod readmit;
mod recovery;
mod register;
mod reported;
mod reregister;
mod resume;
mod unregister;

pub(crate) use add::{believable, for_allocator};
pub(crate) use disown::{mark_gone, take_down};
pub(crate) use executor_exited::executor_exited;
pub(crate) use executor_message::executor_message;
pub(crate) use exited::{exited, return_missed};
pub(crate) use may::may;
pub(crate) use overdue::next as next_overdue;
pub(crate) use oversubscribed::oversubscribed;
pub(crate) use ping::{ping, pong};
pub(crate) use recovery::{not_leading, recovery_missed};
pub(crate) use register::register;
pub(crate) use reported::reported;
pub(crate) use reregister::reregister;
pub(crate) use unregister::unregister;
