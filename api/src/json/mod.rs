//! The Mesos JSON mapping, in both directions.
//!
//! It is not protobuf's canonical one: field names stay as they are, 64-bit numbers are numbers, an enum is known by
//! name alone, a repeated field takes a bare element, and `null` means unset. `build/json.rs` writes one
//! [`Message`] per message of `proto/`; what they share is here.
//!
//! 1. `message`: what is generated for each message, and [`from_slice`], [`to_vec`] over it;
//! 2. `read`: one pass over the text, straight into the message;
//! 3. `write`: the way back;
//! 4. `fault`: what can be wrong, and which of several faults is the one reported;
//! 5. `syntax`, `order`: where a text stops being JSON, and its keys in order, for that report alone;
//! 6. `bridge`: `serde`'s traits, for those who hold a message inside something else;
//! 7. `resource`, `task`, `agent`: without their messages, where there are very many.
//!
//! Reading and writing are plain functions over bytes and not generic over a format: they are compiled once, here,
//! and stay fast without anybody's optimizer (`benches/json.rs`).

pub(crate) mod agent;
mod bridge;
mod fault;
mod message;
mod order;
mod read;
mod resource;
mod syntax;
pub(crate) mod task;
pub(crate) mod write;

pub(crate) use bridge::message;
pub use fault::JsonError;
pub(crate) use fault::{names, shorten, sorted};
pub(crate) use message::enumeration;
pub use message::{Enum, Message, from_slice, list_from_slice, to_vec, write};

/// How deep arrays and objects may nest.
pub const MAX_DEPTH: usize = 200;

mod generated {
    use super::fault::Fault;
    use super::message::{Enum, Message};
    use super::read::Reader;
    use super::{enumeration, message, write};
    use crate::shape::{self, Shape};

    include!(concat!(env!("OUT_DIR"), "/json.rs"));
}
