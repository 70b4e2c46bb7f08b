//! Replicas on real nodes, on loopback.

mod backups;
mod cells;
mod failover;
mod library;
mod members;
mod nodes;
