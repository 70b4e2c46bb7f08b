//! The messages of old drivers: named, and spelled in protobuf alone.
//!
//! What they carry has the numbers of v1, so they are read into v1's calls and written from its events; `slave` is said
//! nowhere, since protobuf says no names.
//!
//! Read in this order:
//! 1. the messages themselves, as prost writes them;
//! 2. [`scheduler`]: between a scheduler's driver and its master;
//! 3. [`executor`]: between an executor's driver and its agent;
//! 4. [`authentication`]: how a driver proves who it is.

include!(concat!(env!("OUT_DIR"), "/mesos.v0.rs"));

pub mod authentication;
pub mod executor;
pub mod scheduler;

use crate::content::{self, DecodeError, MediaType};
use crate::convert::CallError;
use crate::json;

/// A message to a driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The full name, as in `mesos.internal.LostSlaveMessage`.
    pub name: &'static str,
    pub body: Vec<u8>,
}

impl Told {
    fn new(name: &'static str, message: &impl prost::Message) -> Told {
        Told { name, body: message.encode_to_vec() }
    }
}

/// Why a message of a driver says nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    #[error(transparent)]
    Decode(#[from] DecodeError),
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("no message is called that")]
    Name,
}

/// Reads a message, all of whose required fields are there.
fn decode<M: json::Message>(body: &[u8]) -> Result<M, DecodeError> {
    content::decode_call(body, MediaType::Protobuf)
}
