//! Links between nodes: one connection each way, frames in order, and word of every break.
//!
//! ```text
//!   process ─ tell ─► Peers ─► Peer: queue ──► outgoing ══ TCP ══► incoming ─► door ─► mailbox
//!                                 ▲ names become numbers             │
//!                                 └── answers, exits: their own way ─┘ numbers become processes
//! ```
//!
//! Read in this order:
//! 1. `frame`, `names`, `greeting`, `proof`: what is on the wire;
//! 2. `limits`, `refusals`: how much of it there may be, and what is turned away;
//! 3. `peer`, `peers`: what waits for another node, and who must hear when it is gone;
//! 4. `outgoing`, `incoming`: the two ends of one connection.
//!
//! A node writes to another only on the connection it dialled, answers included, so two connections
//! never reorder one conversation. If that connection breaks, what the other dialled is closed as
//! well: both then know, each asker and linker once, and nothing is silently sent again.

mod frame;
mod greeting;
mod incoming;
mod limits;
mod names;
mod outgoing;
mod peer;
mod peers;
mod proof;
mod refusals;

pub(crate) use greeting::MAGIC;
pub(crate) use incoming::{Arrival, accept};
pub use limits::Limits;
pub(crate) use peer::Peer;
pub(crate) use peers::{AskCancel, Peers, Ways};
pub(crate) use refusals::Refusal;
