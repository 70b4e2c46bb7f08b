//! The driver that asks the operating system: threads, sockets, clocks, files.
//!
//! ```text
//!  shard thread × n       current-thread reactor + the shard's loop + tasks of its processes
//!  shard 0                also carries the links to other nodes
//!  HTTP thread × m        reactor + connections; the first also accepts for the one port
//!  blocking threads       made when a job needs one, gone when idle
//! ```

mod clock;
mod files;
mod listener;
mod machinery;
mod renewal;
mod shard_loop;
mod tcp;
mod tls;
mod watchdog;

pub(crate) use clock::wait_until;
pub(crate) use machinery::{block_on, shard_number, start};
