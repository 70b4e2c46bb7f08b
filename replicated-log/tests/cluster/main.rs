//! Replicas on real nodes, on loopback.

mod cells;
mod failover;
mod members;
mod nodes;
