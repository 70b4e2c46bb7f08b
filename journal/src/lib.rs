//! An append-only file that survives crashes: what was answered is there after any loss of power, in order, whole.
//!
//! ```text
//! <dir>/0000000000000000.log      segment 0: header, then frames
//!       0000000000000001.log      segment 1, the one that is written
//!       0000000000000001.snap     what all segments before 1 amount to; they are removed once it is durable
//!
//! segment │ magic 8 │ number u64 │ salt u64 │ crc32c u32 │ zero u32 │ frame │ frame │ …
//! frame   │ length u32 │ crc32c u32 │ kind u8 │ version u8 │ flags u8 │ zero u8 │ body … │ zeros to a multiple of 8 │
//! snapshot│ magic 8 │ segment u64 │ length u64 │ crc32c u32 │ zero u32 │ body … │
//!                                                                  numbers little-endian
//! ```
//!
//! A frame's checksum covers its segment's salt, its offset, its head and its body, so stale bytes and frames in a wrong
//! place are never valid. The last frame of an append is flagged: an append is found whole or not at all. Kinds and their
//! versions are the owner's.
//!
//! Read in this order:
//! 1. [`Frame`]: what is kept; [`segment`]: what a file of them looks like;
//! 2. [`recover`]: reading all of it back: clean, torn at the end, or damaged;
//! 3. [`Writer`]: groups, segments, snapshots, one step at a time;
//! 4. [`Journal`]: the thread that flushes for many at once.
//!
//! Left out on purpose: what frames mean; how to repair. The first error of a disk ends the writing for good: a failed
//! flush may have lost what came before it, and trying again would hide that.

mod flush;
mod frame;
mod recover;
mod segment;
#[cfg(test)]
mod testing;
mod writer;

pub use flush::{Done, Journal, Rejected};
pub use frame::{BODY_MAX, Frame};
pub use recover::{OpenError, Recovered, Tail};
pub use writer::{Config, JournalError, Writer};
