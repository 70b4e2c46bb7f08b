//! Status updates on their way: at least once, in order per task, each acknowledged before the next goes.
//!
//! ```text
//! executor ── UPDATE ──► push ── record ──► durable ──► ACKNOWLEDGED to the executor
//!                                              └──► head of its stream? forward ──► master
//!                                                        ▲ 10 s, 20 s … 10 min │
//!                                                        └──── retry ──────────┤
//! scheduler ── ACKNOWLEDGE ──► acknowledge: next ◄─────────────────────────────┘
//! ```

mod acknowledge;
mod forward;
mod stream;

pub(crate) use acknowledge::acknowledge;
pub(crate) use forward::{durable, forward, resume, retry};
pub(crate) use stream::{Popped, Streams};
