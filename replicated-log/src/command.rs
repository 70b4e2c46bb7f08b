//! What an entry of the log may say, and what its proposer is answered.

use std::any::Any;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use libprocess_wire as wire;

use crate::{Epoch, NodeId};

/// What an entry says. The position in this list is on disks and wires: new ones go to the end.
#[wire::part]
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Command {
    /// A change of the [`Machine`](crate::Machine), in the encoding of that version of it.
    Delta { version: u32, bytes: Arc<[u8]> },
    /// A node was elected; the place of this entry is its epoch.
    Lead { node: NodeId, address: SocketAddr, info: Arc<[u8]> },
    /// Somebody wants to be the only writer; the place of this entry is the token of its appends.
    Open { writer: u128 },
    /// Data for readers, unless `writer` is no longer the token of the writer.
    Append { writer: u64, number: u64, data: Arc<[u8]> },
    /// What lies before `to` is wanted no more, unless `writer` is no longer the token of the writer.
    Truncate { writer: u64, number: u64, to: u64 },
    /// Sets a variable that is still as `expected`.
    Store { name: String, expected: Option<[u8; 16]>, version: [u8; 16], value: Arc<[u8]> },
    /// Removes a variable that is still as `expected`.
    Expunge { name: String, expected: [u8; 16] },
}

impl Command {
    /// What it claims of the bounds on what waits. Unit: bytes.
    pub(crate) fn size(&self) -> usize {
        const HEAD: usize = 64;
        HEAD + match self {
            Command::Delta { bytes, .. }
            | Command::Lead { info: bytes, .. }
            | Command::Append { data: bytes, .. } => bytes.len(),
            Command::Store { name, value, .. } => name.len() + value.len(),
            Command::Expunge { name, .. } => name.len(),
            Command::Open { .. } | Command::Truncate { .. } => 0,
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Command::Delta { version, bytes } => write!(f, "delta v{version}, {} bytes", bytes.len()),
            Command::Lead { node, address, .. } => write!(f, "lead {node} at {address}"),
            Command::Open { writer } => write!(f, "open {writer:032x}"),
            Command::Append { writer, number, data } => {
                write!(f, "append {writer}.{number}, {} bytes", data.len())
            }
            Command::Truncate { writer, number, to } => write!(f, "truncate {writer}.{number} to {to}"),
            Command::Store { name, value, .. } => write!(f, "store {name}, {} bytes", value.len()),
            Command::Expunge { name, .. } => write!(f, "expunge {name}"),
        }
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What comes of a command.
pub(crate) enum Answer {
    /// The entry was not a command.
    Nothing,
    /// `Result<M::Output, M::Error>`.
    Delta(Box<dyn Any + Send + Sync>),
    Leads(Epoch),
    Opened(u64),
    /// Where it was appended or truncated; nowhere, since another writer was opened.
    Wrote(Option<u64>),
    /// Not written: a write of the same writer that comes before it has not come yet.
    Early,
    /// Whether it was as expected, and is now as wanted.
    Stored(bool),
}
