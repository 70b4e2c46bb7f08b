//! Three masters and nothing else, as real processes: killed, stopped, cut off from each other, and operated.

mod disks;
mod killed;
mod masters;
mod mishaps;
mod network;
mod operated;
#[path = "../support/mod.rs"]
mod support;
