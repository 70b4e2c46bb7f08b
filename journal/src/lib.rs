//! Files that survive crashes: what was answered is there after any loss of power, in order, whole.
//!
//! ```text
//! <dir>/0000000000000000.log      segment 0: header, then frames
//!       0000000000000001.log      segment 1, the one that is written
//!       0000000000000001.snap     what all segments before 1 amount to; they are removed once it is durable
//!       spare-….new               zeros; the segment after, in time (if asked for)
//!
//! segment │ "HJlog\0\0" 2 │ number u64 │ salt u64 │ owner u128 │ where the one before ended: length u64, crc32c u32 │ crc32c u32 │ zero u64 │ frame …
//! frame   │ length u32 │ crc32c u32 │ link u32 │ kind u8 │ version u8 │ flags u8 │ zero u8 │ body … │ zeros to a multiple of 8 │
//! snapshot│ "HJsnp\0\0" 1 │ segment u64 │ length u64 │ crc32c u32 │ zero u32 │ body … │
//!                                                                  numbers little-endian; this is format 2, and 1 is read
//! ```
//!
//! A frame's checksum covers its segment's salt, its offset, its head and its body, so stale bytes and frames in a wrong
//! place are never valid; its link is the checksum that ended the group before, so none can be missing between. The last
//! frame of a group is flagged: what was written in one flush is found whole or not at all. Kinds and their versions are
//! the owner's.
//!
//! Read in this order:
//! 1. [`Frame`]: what is kept; `segment`: what a file of them looks like;
//! 2. `recover` and `scan`: reading all of it back: clean, torn at the end, or damaged;
//! 3. [`Writer`]: groups, segments, snapshots, one step at a time; `spare`: files ready in advance;
//! 4. [`Lane`]: where that is done; `flush`: for many at once;
//! 5. the two that others use: [`Journal`], frames and snapshots of what they amount to; [`Log`], entries by index.
//!
//! Left out on purpose: what frames mean; how to repair. The first error of a disk ends the writing for good: a failed
//! flush may have lost what came before it, and trying again would hide that.

mod config;
mod flush;
mod frame;
mod journal;
mod lane;
mod log;
mod recover;
mod scan;
mod segment;
mod spare;
#[cfg(test)]
mod testing;
mod times;
mod writer;

pub use config::{Config, JournalError};
pub use flush::{Done, Flushes, Rejected};
pub use frame::{BODY_MAX, Frame};
pub use journal::Journal;
pub use lane::Lane;
pub use log::{Bounds, Change, Log, ReadError};
pub use recover::{OpenError, Recovered, Tail};
pub use times::Times;
pub use writer::Writer;
