//! Consensus. Nobody outside this folder names the library that does it.
//!
//! Read in this order:
//! 1. [`types`]: entries, votes and ids as the library takes them;
//! 2. [`codec`]: the same on wires and disks;
//! 3. [`runtime`]: its clock, chance, tasks and channels are those of a node;
//! 4. [`network`]: its way to other nodes;
//! 5. [`log_store`], [`state_machine`]: its disk;
//! 6. [`replay`]: that disk without the rest;
//! 7. [`consensus`]: all of it, as the rest of the crate sees it.

pub(crate) mod codec;
pub(crate) mod consensus;
#[cfg(test)]
mod disk_tests;
pub(crate) mod log_store;
pub(crate) mod network;
pub(crate) mod payload;
mod recent;
pub(crate) mod replay;
pub(crate) mod runtime;
pub(crate) mod state_machine;
#[cfg(test)]
mod suite;
pub(crate) mod types;
