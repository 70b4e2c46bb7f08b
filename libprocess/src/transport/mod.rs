//! Links between nodes: one connection each way, frames in order, and word of every break.
//!
//! ```text
//!   process ─ tell ─► Peers ─► Peer: queue ──► outgoing ══ TCP ══► incoming ─► door ─► mailbox
//!                                 ▲ names become numbers             │
//!                                 └── answers, exits: their own way ─┘ numbers become processes
//! ```
//!
//! Read in this order:
//! 1. `frame`, `names`, `saying`, `greeting`, `proof`: what is on the wire;
//! 2. `limits`, `refusals`: how much of it there may be, and what is turned away;
//! 3. `bulk`: large messages, in pieces;
//! 4. `peer`, `peers`, `remains`: what waits for another node, and who must hear when it is gone;
//! 5. `outgoing`; `accept` and `incoming`: the two ends of one connection;
//! 6. `answering`, `inflow`, `rarely`: what those are made of;
//! 7. [`legacy`]: how drivers older than all this are heard and written to.
//!
//! A node writes to another only on the connection it dialled, answers included, so two connections
//! never reorder one conversation. If that connection breaks, what the other dialled is closed as
//! well: both then know, each asker and linker once, and nothing is silently sent again.

mod accept;
mod answering;
mod bulk;
mod closer;
mod frame;
mod greeting;
mod incoming;
mod inflow;
pub mod legacy;
mod limits;
mod names;
mod outgoing;
mod peer;
mod peers;
mod proof;
mod rarely;
mod refusals;
mod remains;
mod run;
mod saying;

pub(crate) use accept::{Arrival, accept};
pub(crate) use greeting::MAGIC;
pub use limits::Limits;
pub(crate) use peer::Peer;
pub(crate) use peers::{AskCancel, Peers, Ways};
pub(crate) use refusals::Refusal;
