//! Processes as their users see them: on one node, between nodes, and beside strangers.

mod fair;
mod filters;
mod hostile;
mod identity;
mod lanes;
mod local;
mod order;
mod probe;
mod programs;
mod remote;
mod stock;
mod strangers;
mod supervised;
mod tls;
mod versions;
