//! Replicas on real nodes, on loopback.

mod cells;
mod failover;
mod library;
mod members;
mod nodes;
