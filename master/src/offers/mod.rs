//! Offers: made of what the allocator gives, taken back when something says so.

mod discard;
mod inverse;
mod rescind;
mod send;
mod timeout;

pub(crate) use discard::discard;
pub(crate) use inverse::{allow_asking, answer_inverse, ask, discard_inverse, rescind_inverse, send_inverse};
pub(crate) use rescind::{rescind, rescind_agent, rescind_for_operator};
pub(crate) use send::{send, url, withhold};
pub(crate) use timeout::timeout;
