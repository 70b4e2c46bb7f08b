//! Links between nodes: one connection each way, frames in order, and word of every break.
//!
//! ```text
//!   process ─ tell ─► Peers ─► Peer: queue ──► outgoing ══ TCP ══► incoming ─► door ─► mailbox
//!                                 ▲ names become numbers             │
//!                                 └── answers, exits: their own way ─┘ numbers become processes
//! ```
//!
//! Read in this order:
//! 1. `frame`, `names`, `greeting`: what is on the wire;
//! 2. `peer`, `peers`: what waits for another node, and who must hear when it is gone;
//! 3. `outgoing`, `incoming`: the two ends of one connection.
//!
//! A node writes to another only on the connection it dialled, answers included, so two connections
//! never reorder one conversation. If that connection breaks, what the other dialled is closed as
//! well: both then know, each asker and linker once, and nothing is silently sent again.

mod frame;
mod greeting;
mod incoming;
mod names;
mod outgoing;
mod peer;
mod peers;

pub(crate) use greeting::MAGIC;
pub(crate) use incoming::accept;
pub(crate) use peer::Peer;
pub(crate) use peers::{AskCancel, Peers};
